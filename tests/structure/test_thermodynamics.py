from __future__ import annotations

import sys

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.structure.decoders import DecodingOptions, decode, decode_batch
from rnaernie_bench.structure.thermodynamics import fold, fold_all
from rnaernie_bench.structure.tuning import tune

HAIRPIN = "GGGGAAAACCCC"
STEM = [[0, 11], [1, 10], [2, 9], [3, 8]]


@pytest.fixture(autouse=True)
def _needs_vienna(request: pytest.FixtureRequest) -> None:
    if "without_vienna" not in request.fixturenames:
        pytest.importorskip("RNA")


@pytest.fixture
def without_vienna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "RNA", None)


def test_a_hairpin_folds_both_ways() -> None:
    assert fold(HAIRPIN).tolist() == STEM
    assert fold(HAIRPIN, "mea").tolist() == STEM
    assert fold("AAAAAAAAAA").shape == (0, 2)


def test_letters_beyond_the_four_stay_unpaired() -> None:
    assert fold("GGGGNRYACCCC").tolist() == STEM
    assert fold("NNNNAAAANNNN").tolist() == []


def test_a_bonus_sways_the_fold() -> None:
    against = np.zeros((12, 12))
    against[3, 8] = 9.0
    assert [3, 8] not in fold(HAIRPIN, bonus=against).tolist()
    towards = np.zeros((12, 12))
    towards[0, 10] = towards[1, 9] = towards[2, 8] = -9.0
    assert fold(HAIRPIN, bonus=towards).tolist() == [[0, 10], [1, 9], [2, 8]]


def test_a_bonus_is_read_above_the_diagonal() -> None:
    below = np.zeros((12, 12))
    below[8, 3] = 9.0
    assert fold(HAIRPIN, bonus=below).tolist() == STEM


def test_the_hybrid_lies_between_energy_and_learning() -> None:
    learned = np.zeros((12, 12))
    learned[0, 10] = learned[1, 9] = learned[2, 8] = 0.99
    alone = DecodingOptions("hybrid", mixing=0.0)
    assert decode(learned, HAIRPIN, alone).tolist() == STEM
    swayed = DecodingOptions("hybrid", mixing=1.0)
    assert decode(learned, HAIRPIN, swayed).tolist() == [[0, 10], [1, 9], [2, 8]]
    batch = decode_batch([learned] * 2, [HAIRPIN] * 2, swayed, workers=1)
    assert [pairs.tolist() for pairs in batch] == [[[0, 10], [1, 9], [2, 8]]] * 2


@pytest.mark.services
def test_several_processes_fold_as_one_does() -> None:
    sequences = [HAIRPIN[:n] for n in range(1, 13)] * 2
    alone = [pairs.tolist() for pairs in fold_all(sequences, "mea", workers=1)]
    assert [pairs.tolist() for pairs in fold_all(sequences, "mea", workers=2)] == alone
    assert alone[11] == STEM


@pytest.mark.usefixtures("without_vienna")
def test_a_missing_extra_is_named() -> None:
    for work in (lambda: fold(HAIRPIN), lambda: list(fold_all([HAIRPIN] * 20))):
        with pytest.raises(ConfigError, match=r"pip install 'rnaernie-bench\[structure\]'"):
            work()


def test_a_penalty_is_of_every_pair() -> None:
    """The hairpin's energy is about -5 kcal/mol, of four pairs."""
    assert fold(HAIRPIN, penalty=0.5).tolist() == STEM
    assert fold(HAIRPIN, penalty=3.0).tolist() == []
    assert [pairs.tolist() for pairs in fold_all([HAIRPIN], penalty=3.0)] == [[]]
    towards = np.full((12, 12), -3.0)
    assert fold(HAIRPIN, bonus=towards, penalty=3.0).tolist() == STEM


def test_what_is_learned_can_lose_against_energies_alone() -> None:
    """Probabilities that are all wrong: validation takes the mixing weight 0."""
    wrong = np.zeros((12, 12), dtype=np.float32)
    wrong[0, 10] = wrong[1, 9] = wrong[2, 8] = 0.99
    tuned = tune([(wrong, HAIRPIN, np.array(STEM))], "hybrid", expected=1)
    assert (tuned.options.mixing, tuned.f1) == (0, 1)
