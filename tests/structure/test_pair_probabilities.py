from __future__ import annotations

import sys

import numpy as np
import pytest

from rnaernie_bench.core import paths
from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.structure import pair_probabilities as module
from rnaernie_bench.structure.pair_probabilities import PAIRS, dense, pair_probabilities

HAIRPIN = "GGGGAAAACCCC"


def test_likely_pairs_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("RNA")
    sequences = [HAIRPIN, "AAAAAAAAAA", HAIRPIN]
    found = pair_probabilities(sequences)
    matrix = dense(found[0], len(HAIRPIN))
    assert np.array_equal(matrix, matrix.T)
    assert [tuple(pair) for pair in np.argwhere(np.triu(matrix) > 0.5).tolist()] == [
        (0, 11), (1, 10), (2, 9), (3, 8),
    ]  # fmt: skip
    assert matrix.sum(1).max() < 1.01
    assert len(found[1]) == 0
    monkeypatch.setattr(module, "_partition", None)  # nothing is left to compute
    again = pair_probabilities(sequences)
    assert all(np.array_equal(*both) for both in zip(found, again, strict=True))


def test_processes_find_what_one_does() -> None:
    pytest.importorskip("RNA")
    sequences = [HAIRPIN + "A" * count for count in range(40)]
    found = pair_probabilities(sequences, workers=2)
    expected = [module._partition(sequence) for sequence in sequences]
    assert all(np.array_equal(*both) for both in zip(found, expected, strict=True))


def test_a_matrix_is_symmetric() -> None:
    pairs = np.array([(0, 5, 0.5), (1, 4, 0.25)], dtype=PAIRS)
    expected = np.zeros((6, 6))
    expected[0, 5] = expected[5, 0] = 0.5
    expected[1, 4] = expected[4, 1] = 0.25
    assert np.array_equal(dense(pairs, 6), expected)


def test_what_is_missing_or_damaged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("RNA")
    pair_probabilities([HAIRPIN])
    (path,) = (paths.cache_folder() / "pair-probabilities").glob("*.sqlite")
    path.write_bytes(b"no database" * 100)
    with pytest.raises(BenchError, match=rf"{path.name}: the cache .* delete it"):
        pair_probabilities([HAIRPIN])
    monkeypatch.setitem(sys.modules, "RNA", None)
    with pytest.raises(ConfigError, match=r"rnaernie-bench\[structure\]"):
        pair_probabilities([HAIRPIN])
