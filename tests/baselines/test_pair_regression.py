from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rnaernie_bench.baselines import duplex, pair_kmer, target_kmer
from rnaernie_bench.baselines._pair_regression import PairRegression
from rnaernie_bench.baselines.duplex import Energies
from rnaernie_bench.baselines.pair_kmer import PairKmers
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.learning.regression import Linear


def test_k_mers_of_both_partners_stand_side_by_side() -> None:
    found = PairKmers(1, 2)([("AAC", "GU"), ("C", "GG")]).toarray()
    assert found.shape == (2, 2 * (4 + 16))
    assert np.flatnonzero(found[1]).tolist() == [1, 20 + 2, 20 + 4 + 10]  # C; G; GG
    for side in (0, 1):
        alone = PairKmers(1, 2, (side,))([("AAC", "GU"), ("C", "GG")]).toarray()
        assert (alone == found[:, 20 * side : 20 * side + 20]).all()


@pytest.mark.parametrize(
    ("features", "module"),
    [(PairKmers(1, 1), pair_kmer), (PairKmers(1, 1, (1,)), target_kmer), (Energies(), duplex)],
)
def test_a_model_is_restored(
    tmp_path: Path, features: PairKmers | Energies, module: ModuleType
) -> None:
    linear = Linear(np.arange(8, dtype=np.float32)[None], np.array([0.5], dtype=np.float32))
    PairRegression(features, linear).save(tmp_path)
    again = resolve(module.ENTRY.restore)(tmp_path)
    assert again.features == features
    np.testing.assert_array_equal(again.linear.weights, linear.weights)
    np.testing.assert_array_equal(again.linear.bias, linear.bias)


def test_logits_are_log_odds_of_scaled_energies() -> None:
    known = {("A", "C"): np.array([-10, 5, 20, 8], dtype=np.float32)}
    linear = Linear(np.array([[1, 1, 3, 1]], dtype=np.float32), np.array([0.5], dtype=np.float32))
    model = PairRegression(Energies(known), linear)
    assert model.logits([("A", "C")]).tolist() == [[-1 + 1 + 6 + 2 + 0.5]]
