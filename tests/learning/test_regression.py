"""Regressions: against scikit-learn, by hand, and the search for a strength."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression, Ridge

from rnaernie_bench.learning import regression
from rnaernie_bench.learning.regression import Regressions
from rnaernie_bench.learning.strengths import best_strength
from rnaernie_bench.metrics.targets import Targets

N = 60


def features(width: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(size=(N, width)) @ np.diag(np.geomspace(1, 0.01, width)) + 0.5


def targets(problem: str) -> Targets:
    generator, sizes = np.random.default_rng(1), np.ones(N, dtype=np.int64)
    if problem == "multiclass":
        return Targets("multiclass", generator.integers(0, 3, N), sizes)
    values = generator.normal(size=(N, 2)).astype(np.float32)
    if problem == "multilabel":
        values = (values > 0).astype(np.float32)
    values[:7, 1] = np.nan
    return Targets(problem, values, sizes)  # type: ignore[arg-type]


def reference(
    problem: str, x: np.ndarray, y: np.ndarray, C: float, weights: np.ndarray
) -> np.ndarray:
    """Return the scores of scikit-learn's model of a column, or of all classes."""
    if problem == "regression":
        return Ridge(alpha=1 / C).fit(x, y, weights).predict(x)
    fitted = LogisticRegression(C=C, max_iter=5000, tol=1e-8).fit(x, y, weights)
    return fitted.decision_function(x)


@pytest.mark.parametrize("problem", ["multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("form", ["dense", "sparse", "wide", "unturned"])
def test_a_path_agrees_with_scikit_learn(
    problem: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, known = features(80 if form == "wide" else 5), targets(problem)
    if form == "unturned":
        monkeypatch.setattr(regression, "MOST_AXES", 2)
    weights = np.random.default_rng(2).uniform(0.5, 2, (N, 2)).astype(np.float32)
    given = None if problem == "multiclass" else weights
    read = csr_array(x) if form == "sparse" else x
    path = Regressions(read, known, 3 if problem == "multiclass" else 2, weights=given)
    for C in (0.01, 10.0, 1.0):  # each begins where the last one ended
        scores = path.at(C).logits(read)
        if problem == "multiclass":
            expected = reference(problem, x, known.values, C, np.ones(N))
            assert np.allclose(scores - scores.mean(1, keepdims=True), expected, atol=5e-3)
            continue
        for j in range(2):
            rows = ~np.isnan(known.values[:, j])
            expected = reference(problem, x[rows], known.values[rows, j], C, weights[rows, j])
            assert np.allclose(scores[rows, j], expected, atol=5e-3)


def test_a_class_that_is_lacking_is_out_of_reach() -> None:
    labels = Targets("multiclass", np.array([0, 2] * (N // 2)), np.ones(N, dtype=np.int64))
    assert (Regressions(features(3), labels, 3).at(1.0).logits(features(3))[:, 1] == -50).all()


@pytest.mark.parametrize("best", [1e-9, 1e-5, 1e-2, 1e3, 1e7])
def test_the_choice_never_lies_at_an_end(best: float) -> None:
    found = best_strength(lambda C: C, lambda C: -abs(math.log10(C / best)))
    assert math.isclose(found.strength, best) and found.score > -1e-9
    assert found.tried[0] < best < found.tried[-1]
    assert found.tried[-1] / found.tried[0] > 0.99e4
    record = found.to_record("s", inverse=True)
    assert math.isclose(record["s"], 1 / best)
    assert record["s_lowest"] < record["s"] < record["s_highest"]


def test_equal_scores_keep_the_strongest_regularisation_and_undefined_ones_never_win() -> None:
    assert best_strength(lambda C: C, lambda C: 1.0).strength == 1e-5
    found = best_strength(lambda C: C, lambda C: math.nan if C < 1 else -C)
    assert found.strength == 1.0


def test_given_strengths_are_the_only_ones() -> None:
    found = best_strength(lambda C: C, lambda C: C, (3.0, 1.0))
    assert (found.strength, found.tried) == (3.0, (1.0, 3.0))
    assert found.to_record()["C_place"] == "2 of 2"
