from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.structure.counting import count_all
from rnaernie_bench.structure.decoders import decode
from rnaernie_bench.structure.scores import summarise
from rnaernie_bench.structure.tuning import (
    THRESHOLDS,
    best_threshold,
    default_options,
    ladder,
    tune,
)

SEQUENCE = "GGGAAAAACCC"


def matrix(values: dict[tuple[int, int], float]) -> np.ndarray:
    """Return probabilities that are 0 but for some pairs."""
    probabilities = np.zeros((len(SEQUENCE), len(SEQUENCE)), dtype=np.float32)
    for (i, j), value in values.items():
        probabilities[i, j] = probabilities[j, i] = value
    return probabilities


REFERENCE = np.array([[0, 10], [1, 9]], dtype=np.int32)
PROBABILITIES = matrix({(0, 10): 0.6, (1, 9): 0.3, (2, 8): 0.1})


def test_a_ladder_counts_pairs_at_every_threshold() -> None:
    rungs = ladder(PROBABILITIES, SEQUENCE, REFERENCE, default_options("greedy"))
    assert rungs.reference == 2
    expected = [(sum(p >= t for p in (0.6, 0.3, 0.1)), sum(p >= t for p in (0.6, 0.3)))
                for t in THRESHOLDS]  # fmt: skip
    assert list(zip(rungs.predicted, rungs.correct, strict=True)) == expected


def test_gamma_is_chosen_where_it_is_read() -> None:
    """Only 4 of its values makes 2 γ p outweigh 2 (1 - p) at .3, and not at .1."""
    tuned = tune([(PROBABILITIES, SEQUENCE, REFERENCE)], "mea", expected=1)
    assert (tuned.options.gamma, tuned.f1, tuned.trials) == (4.0, 1.0, 15)


def test_the_threshold_between_right_and_wrong_is_chosen() -> None:
    tuned = tune([(PROBABILITIES, SEQUENCE, REFERENCE)], "greedy", expected=1)
    assert 0.1 < tuned.options.threshold <= 0.3
    assert (tuned.f1, tuned.trials) == (1.0, len(THRESHOLDS))
    assert tuned.options.canonical
    found = decode(PROBABILITIES, SEQUENCE, tuned.options)
    np.testing.assert_array_equal(found, REFERENCE)


def test_sequences_without_any_pair_are_left_out_of_the_mean() -> None:
    empty = ladder(matrix({}), SEQUENCE, REFERENCE[:0], default_options("greedy"))
    full = ladder(PROBABILITIES, SEQUENCE, REFERENCE, default_options("greedy"))
    assert best_threshold([empty, full]) == best_threshold([full])
    assert np.isnan(best_threshold([empty])[1])


@pytest.mark.parametrize("decoder", ["centroid", "matching"])
def test_other_decoders_are_tuned_by_decoding(decoder: str) -> None:
    tuned = tune([(PROBABILITIES, SEQUENCE, REFERENCE)], decoder, expected=1)
    assert tuned.options.decoder == decoder
    assert tuned.f1 == pytest.approx(1.0)
    assert tuned.trials == 7


@settings(deadline=None)  # the first example may compile
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greedy", "threshold"]))
def test_a_ladder_is_what_decoding_at_each_threshold_gives(seed: int, decoder: str) -> None:
    generator = np.random.default_rng(seed)
    sequence = "".join(generator.choice(list("ACGU"), 24))
    drawn = generator.random((24, 24), dtype=np.float32) ** 3
    probabilities = (drawn + drawn.T) / 2
    options = default_options(decoder)
    rungs = ladder(probabilities, sequence, REFERENCE, options)
    for place in (0, 20, 30, 40):
        at = type(options)(**{**vars(options), "threshold": float(THRESHOLDS[place])})
        found = decode(probabilities, sequence, at)
        counts = count_all([(found, REFERENCE, 24)])
        assert rungs.predicted[place] == counts["predicted"][0]
        assert rungs.correct[place] == counts["correct"][0]
        one = type(rungs)(rungs.predicted[[place]], rungs.correct[[place]], rungs.reference)
        mean = summarise(counts).mean["f1"]
        f1 = 2 * one.correct[0] / (one.predicted[0] + one.reference)
        assert f1 == pytest.approx(mean)
