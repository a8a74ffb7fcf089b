"""Linear models of a few features: the features by hand, then fitted, saved and restored."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.baselines import best_kmer, composition, mfe, motif, seed_match
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.motifs import Motif
from tests.kit import make_task


def test_composition() -> None:
    rows = composition.composition(["AACG", "NU", ""])
    expected = [[math.log(4), 0.5, 0.5, 0.25, 0.25], [math.log(2), 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_allclose(rows, expected)


@pytest.mark.parametrize(
    ("at", "sequence", "found"),
    [
        ("anywhere", "AUGAUGA", [2]),
        ("centre", "CCAUGCC", [1]),
        ("centre", "CAUGCCC", [0]),
        ("frame", "AUGCAUGC", [0, 1, 1]),  # 8 and 4 bases before the 3' end
    ],
)
def test_motifs(at: str, sequence: str, found: list[int]) -> None:
    rows = motif.occurrences([sequence, "CC"], {"start": {"pattern": "AUG", "at": at}})
    np.testing.assert_array_equal(rows, [found, [0] * len(found)])


def test_motifs_overlap_and_have_ambiguous_bases() -> None:
    motifs = {"d": {"pattern": "DRACH"}, "u": {"pattern": "UU"}}
    rows = motif.occurrences(["GGACUUUU", "CGACUGGACGA"], motifs)
    np.testing.assert_array_equal(rows, [[1, 3], [0, 0]])
    with pytest.raises(ConfigError, match="'AUT' is no motif"):
        Motif("AUT")


def test_the_best_word_is_the_one_that_one_class_holds() -> None:
    sequences = ["ACGUU", "GUUAA", "ACGAA", "ACCAA"]
    positive = np.array([True, True, False, False])
    assert best_kmer.best_word(sequences, positive, 2) == "GU"  # before UU
    assert best_kmer.occurrences(["GUGUG", "N"], "GUG").tolist() == [[2.0], [0.0]]


def test_sites_of_a_seed() -> None:
    mirna = "UGAGGUAGU"  # its first eight bases pair with CUACCUCA
    columns = ["6 from 1", "6 from 2", "6 from 3", "7 from 1", "7 from 2", "8", "7 A1", "8 A1"]
    targets = {
        "GGACUACCUCAGG": set(columns),
        "CUACCUGGG": {"6 from 3"},
        "GCUACCUCC": {"6 from 2", "6 from 3", "7 from 2"},
        "UACCUCA": {"6 from 1", "6 from 2", "7 from 1", "7 A1"},
        "CUAUCUCA": set(),
    }
    rows = seed_match.sites([(mirna, target) for target in targets])
    found = [{c for c, n in zip(columns, row, strict=True) if n} for row in rows]
    assert found == list(targets.values())
    assert seed_match.sites([("UGAG", "ACUACCUCA")]).tolist() == [[0.0] * len(columns)]


def test_folding() -> None:
    pytest.importorskip("RNA")
    energy, per_base, paired = mfe.folding(["GGGGAAAACCCC", "AAAA"]).T
    assert energy[0] < 0 == energy[1]
    np.testing.assert_allclose(per_base, 10 * energy / [12, 4], rtol=1e-5)
    np.testing.assert_allclose(paired, [8 / 12, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("composition", "sequence"), ("motif", "sequence"), ("best_kmer", "sequence"),
        ("mfe", "sequence"), ("seed_match", "pair"),
    ],
)  # fmt: skip
def test_a_run_and_its_saved_model_agree(tmp_path: Path, name: str, level: str) -> None:
    if name == "mfe":
        pytest.importorskip("RNA")
    declared = {"motifs": {"a": {"pattern": "AA"}}} if name == "motif" else {}
    made = make_task(tmp_path, level, "binary", **declared)
    assert made.run(f"backbone={name}") == 0
    (folder,) = made.run_folders()
    record = json.loads((folder / "record.json").read_text())
    tests = next(iter(record["tests"].values()))
    assert len(made.predict(folder)) == tests["n"] == 16


def test_a_task_without_motifs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    made = make_task(tmp_path, "sequence", "binary")
    assert made.run("backbone=motif") == 2
    assert "declares no motifs" in capsys.readouterr().err
