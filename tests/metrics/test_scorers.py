"""Metrics by weights against metrics of the items written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rnaernie_bench.metrics.resampling import alike, grouped
from rnaernie_bench.metrics.scorers import (
    auroc_scorer,
    calibration_scorer,
    classification_scorer,
    group_intervals,
    mean_scorer,
)
from rnaernie_bench.metrics.statistics import METRICS, bootstrap_intervals, evaluate

CLASSES = 4


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    """Give labels (60,) and log-probabilities (2, 60, 4) of two runs."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=60)
    scores = rng.normal(size=(2, 60, CLASSES))
    scores[:, np.arange(60), labels] += 1
    return labels, scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))


@pytest.mark.parametrize(
    "metric", ["accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc"]
)
def test_classification_metrics_are_those_of_the_drawn_items(
    case: tuple[np.ndarray, np.ndarray], metric: str
) -> None:
    labels, scores = case
    predictions = scores.argmax(axis=2)
    units = alike(labels, *predictions)
    scorer = classification_scorer(metric, labels, predictions, CLASSES, units)
    drawn = np.random.default_rng(1).integers(60, size=60)
    weights = np.bincount(units.member[drawn], minlength=len(units.copies))[None]
    for run in (0, 1):
        truth = evaluate(labels[drawn], scores[run][drawn], CLASSES)[metric]
        assert scorer.score({run: weights}) == pytest.approx([truth])


def test_a_composite_takes_units_from_both_runs(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    groups = [f"g{number % 7}" for number in range(60)]
    units = grouped(groups)
    exchanged = np.isin(units.member, [0, 3])
    mixed = np.where(exchanged[:, None], scores[1], scores[0])
    moved = np.isin(np.arange(7), [0, 3]).astype(int)[None]
    weights = {0: 1 - moved, 1: moved}
    expected = evaluate(labels, mixed, CLASSES)
    predictions = scores.argmax(axis=2)
    f1 = classification_scorer("macro_f1", labels, predictions, CLASSES, units)
    assert f1.score(weights) == pytest.approx([expected["macro_f1"]])
    ece = calibration_scorer(labels, scores, units)
    assert ece.score(weights) == pytest.approx([expected["ece"]])
    mean = mean_scorer(scores[:, :, 0], units)
    assert mean.score(weights) == pytest.approx([mixed[:, 0].mean()])


def test_auroc_is_that_of_scikit_learn_with_ties_and_weights() -> None:
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(2, size=50), rng.integers(8, size=(2, 50)).astype(float)
    scorer = auroc_scorer(labels, scores, alike(np.arange(50)))
    weights = rng.integers(4, size=(3, 50))
    expected = [roc_auc_score(labels, scores[1], sample_weight=w) for w in weights]
    assert scorer.score({1: weights}) == pytest.approx(expected)


def test_auroc_exchanges_ranks_so_that_scales_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(2, size=40), rng.normal(size=(2, 40))
    units, moved = alike(np.arange(40)), rng.integers(2, size=(1, 40))
    weights = {0: 1 - moved, 1: moved}
    plain = auroc_scorer(labels, scores, units).score(weights)
    stretched = auroc_scorer(labels, np.array([scores[0], np.exp(9 * scores[1])]), units)
    assert stretched.score(weights) == pytest.approx(plain)
    ranks = scores.argsort(axis=1).argsort(axis=1)
    mixed = np.where(moved[0], ranks[1], ranks[0])
    assert plain == pytest.approx([roc_auc_score(labels, mixed)])


@pytest.mark.parametrize("grouped_by", [40, 7])
def test_auroc_of_exchanged_units_is_that_of_the_composites(grouped_by: int) -> None:
    rng = np.random.default_rng(4)
    labels, scores = rng.integers(2, size=40), rng.integers(6, size=(2, 40)).astype(float)
    units = grouped([str(item % grouped_by) for item in range(40)])
    scorer = auroc_scorer(labels, scores, units)
    moved = rng.integers(2, size=(9, grouped_by))
    composites = {0: 1 - moved, 1: moved}, {0: moved, 1: 1 - moved}
    expected = scorer.score(composites[0]) - scorer.score(composites[1])
    assert scorer.exchange(0, 1)(moved) == pytest.approx(expected, abs=1e-12)
    assert scorer.exchange(1, 0)(moved) == pytest.approx(-expected, abs=1e-12)


def test_auroc_of_one_class_tells_nothing() -> None:
    scorer = auroc_scorer([0, 1, 1], np.array([[0.1, 0.2, 0.3]]), alike(np.arange(3)))
    assert scorer.score({0: np.array([[0, 1, 2], [1, 1, 1]])}).tolist() == [0.5, 1]
    alone = auroc_scorer([1, 1], np.array([[0.1, 0.2], [0.4, 0.3]]), alike(np.arange(2)))
    assert alone.exchange(0, 1)(np.array([[0, 1]])).tolist() == [0]


def test_intervals_of_groups_are_wider_than_those_of_items(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, scores = case[0].repeat(8), case[1][0].repeat(8, axis=0)  # eight copies of an item
    groups = np.arange(60).repeat(8).astype(str).tolist()
    by_group = group_intervals(labels, scores, CLASSES, groups)
    alone = group_intervals(labels, scores, CLASSES, [""] * len(labels))
    by_item = bootstrap_intervals(labels, scores, CLASSES)
    of_sixty = bootstrap_intervals(case[0], case[1][0], CLASSES)
    assert set(by_group) == set(METRICS)
    for metric in METRICS:
        assert alone[metric] == pytest.approx(by_item[metric], abs=0.02)
        assert by_group[metric] == pytest.approx(of_sixty[metric], abs=0.03)
