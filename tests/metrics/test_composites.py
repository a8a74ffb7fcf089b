"""Metrics of rankings by weights against metrics of the items written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rnaernie_bench.metrics.resampling import alike, grouped
from rnaernie_bench.metrics.scoring.composites import Scorer, auroc_scorer
from rnaernie_bench.metrics.scoring.curves import precision_scorer


def test_auroc_is_that_of_scikit_learn_with_ties_and_weights() -> None:
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(2, size=50), rng.integers(8, size=(2, 50)).astype(float)
    scorer = auroc_scorer(labels == 1, scores, alike(np.arange(50)))
    weights = rng.integers(4, size=(3, 50))
    expected = [roc_auc_score(labels, scores[1], sample_weight=w) for w in weights]
    assert scorer.score({1: weights}) == pytest.approx(expected)


def test_auroc_exchanges_ranks_so_that_scales_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(2, size=40), rng.normal(size=(2, 40))
    units, moved = alike(np.arange(40)), rng.integers(2, size=(1, 40))
    weights = {0: 1 - moved, 1: moved}
    plain = auroc_scorer(labels == 1, scores, units).score(weights)
    stretched = auroc_scorer(labels == 1, np.array([scores[0], np.exp(9 * scores[1])]), units)
    assert stretched.score(weights) == pytest.approx(plain)
    ranks = scores.argsort(axis=1).argsort(axis=1)
    mixed = np.where(moved[0], ranks[1], ranks[0])
    assert plain == pytest.approx([roc_auc_score(labels, mixed)])


@pytest.mark.parametrize("grouped_by", [40, 7])
def test_auroc_of_exchanged_units_is_that_of_the_composites(grouped_by: int) -> None:
    rng = np.random.default_rng(4)
    labels, scores = rng.integers(2, size=40), rng.integers(6, size=(2, 40)).astype(float)
    units = grouped([str(item % grouped_by) for item in range(40)])
    scorer = auroc_scorer(labels == 1, scores, units)
    moved = rng.integers(2, size=(9, grouped_by))
    composites = {0: 1 - moved, 1: moved}, {0: moved, 1: 1 - moved}
    expected = scorer.score(composites[0]) - scorer.score(composites[1])
    assert scorer.exchange(0, 1)(moved) == pytest.approx(expected, abs=1e-12)
    assert scorer.exchange(1, 0)(moved) == pytest.approx(-expected, abs=1e-12)


def test_auroc_of_one_class_tells_nothing() -> None:
    scorer = auroc_scorer(
        np.array([False, True, True]), np.array([[0.1, 0.2, 0.3]]), alike(np.arange(3))
    )
    found = scorer.score({0: np.array([[0, 1, 2], [1, 1, 1]])})
    assert found == pytest.approx([np.nan, 1], nan_ok=True)
    alone = auroc_scorer(
        np.array([True, True]), np.array([[0.1, 0.2], [0.4, 0.3]]), alike(np.arange(2))
    )
    assert np.isnan(alone.exchange(0, 1)(np.array([[0, 1]]))).all()


@pytest.mark.parametrize("positives", [1, 2, 20, 39])
def test_precision_without_each_item_is_that_of_the_others(positives: int) -> None:
    rng = np.random.default_rng(positives)
    labels = rng.permutation(np.arange(40) < positives)
    scores = rng.integers(9, size=(1, 40)).astype(float)
    scorer = precision_scorer(labels, scores, alike(np.arange(40)))
    expected = Scorer.without_each(scorer, 0)
    assert scorer.without_each(0) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(expected).any() == (positives in (1, 39))
