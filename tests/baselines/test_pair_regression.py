from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.baselines.pair_regression import (
    Energies,
    PairKmers,
    PairRegression,
    _regress,
    restore,
)


def test_k_mers_of_both_partners_stand_side_by_side() -> None:
    found = PairKmers(1, 2)([("AAC", "GU"), ("C", "GG")]).toarray()
    assert found.shape == (2, 2 * (4 + 16))
    assert np.flatnonzero(found[1]).tolist() == [1, 20 + 2, 20 + 4 + 10]  # C; G; GG


def test_the_scale_of_dense_features_is_folded_in() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 2)).astype(np.float32) * (100, 0.01) + (5, 7)
    labels = (features[:, 0] > 5).astype(int)
    weights, bias = _regress(features.astype(np.float32), labels, 1.0)
    assert ((features @ weights + bias > 0) == labels).mean() > 0.97


@pytest.mark.parametrize("features", [PairKmers(1, 1), Energies()])
def test_a_model_is_restored(tmp_path: Path, features: PairKmers | Energies) -> None:
    model = PairRegression(features, np.arange(8, dtype=np.float32), 0.5)
    model.save(tmp_path)
    again = restore(tmp_path)
    assert (again.features, again.bias) == (features, 0.5)
    np.testing.assert_array_equal(again.weights, model.weights)


def test_logits_are_log_odds() -> None:
    known = {("A", "C"): np.array([1, 0, 2, 0], dtype=np.float32)}
    model = PairRegression(Energies(known), np.array([1, 1, 3, 1], dtype=np.float32), 0.5)
    assert model.logits([("A", "C")]).tolist() == [[7.5]]
