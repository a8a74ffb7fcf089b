"""How well the best are ranked: hand-computed, and beside scikit-learn."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.registry import METRICS, metrics_of

ANSWER = ANSWERS["regression"]


def value(metric, truth, scores):
    truth = np.array(truth, dtype=np.float32).reshape(len(truth), -1)
    predicted = np.zeros(len(truth), ANSWER.dtype(truth.shape[1]))
    predicted["value"] = np.array(scores, dtype=np.float32).reshape(truth.shape)
    return ANSWER.scorer(metric, truth, [predicted]).value(0)


def test_only_tasks_that_declare_them_have_them():
    assert {"top_auroc", "ndcg"}.isdisjoint(metrics_of("regression"))
    assert {"top_auroc", "ndcg"} <= {*metrics_of("regression", ["ndcg", "top_auroc"])}
    assert METRICS.get("ndcg").needs == "order"


def test_the_top_tenth_is_rounded_up_and_holds_its_ties():
    truth = [9, 9, *range(8)]  # ten items: one is the best, and the other equals it
    assert value("top_auroc", truth, range(10, 0, -1)) == 1
    # 9 > all but two of the eight others, 3 above all but six of them
    assert value("top_auroc", truth, [5.5, 1.5, 0, 1, 2, 3, 4, 5, 6, 7]) == pytest.approx(
        (6 + 2) / 16
    )
    assert np.isnan(value("top_auroc", [1.0] * 10, range(10)))


def test_gains_are_discounted_over_the_first_tenth():
    truth = [*range(20)]  # two count: gains 1 and 18/19 at the best
    best = 1 + 18 / 19 / log2(3)
    assert value("ndcg", truth, truth) == pytest.approx(1)
    scores = [-1.0] * 20
    scores[10], scores[19] = 2, 1
    assert value("ndcg", truth, scores) == pytest.approx((10 / 19 + 1 / log2(3)) / best)
    alike = [0.0] * 20  # all share the two discounts
    assert value("ndcg", truth, alike) == pytest.approx(0.5 * (1 + 1 / log2(3)) / best)
    assert np.isnan(value("ndcg", [1.0] * 20, range(20)))


def test_ndcg_is_that_of_scikit_learn():
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(0)
    truth, scores = rng.random(50), rng.integers(0, 9, 50) / 8
    gains = (truth - truth.min()) / (truth.max() - truth.min())
    gains, given = gains.astype(np.float32)[None], scores[None]
    assert value("ndcg", truth, scores) == pytest.approx(ndcg_score(gains, given, k=5), abs=1e-6)
