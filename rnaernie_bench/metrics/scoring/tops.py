"""How well the best items are ranked: metrics of quantities, in one column or several.

The best are the highest tenth, rounded up, and all that equal the least of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scoring.composites import (
    MakeScorer,
    Scorer,
    additive,
    auroc_scorer,
    ratio,
)
from rnaernie_bench.metrics.scoring.curves import MeanScorer

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

SHARE = 0.1


def auroc() -> MakeScorer:
    """Return the area under the ROC curve, the best items being positive.

    Which those are, all items tell: resamples keep it.
    """

    def make(truth: Array, runs: Sequence[Array], whole: Units | None) -> Scorer:
        units = whole or alike(np.arange(len(truth)))
        scorers: list[Scorer] = []
        for column in range(truth.shape[1]):
            known = ~np.isnan(truth[:, column])
            scores = np.array([run["value"][known, column] for run in runs], dtype=np.float64)
            members = Units(units.member[known], units.copies)
            scorers.append(auroc_scorer(_best(truth[known, column]), scores, members))
        return scorers[0] if len(scorers) == 1 else MeanScorer(units, scorers)

    return make


def _best(values: Array) -> npt.NDArray[np.bool_]:
    """Return which values are of the highest tenth."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    least = np.sort(values)[-_count(len(values))]
    return np.asarray(values >= least)


def _count(items: int) -> int:
    return max(1, int(np.ceil(SHARE * items)))


def ndcg() -> MakeScorer:
    """Return the normalised discounted cumulative gain of the tenth that is ranked first.

    An item's gain is its value, scaled to 0 for the lowest and 1 for the highest; at rank r it
    counts ``1 / log2(1 + r)``, and nothing beyond the first tenth (Järvelin and Kekäläinen 2002,
    doi 10.1145/582415.582418). Items that rank alike share the discounts of their ranks.
    Resamples keep ranks and gains.
    """
    return additive(
        lambda truth, run: _gains(truth, run["value"]),
        lambda totals: _mean_ratio(totals.reshape(len(totals), 2, -1)),
    )


def _gains(truth: Array, values: Array) -> Floats:
    """Return discounted gains, and those of the best ranking, (n, 2 * columns)."""
    truth, found = truth.astype(np.float64), np.zeros((2, *truth.shape))
    for column in range(truth.shape[1]):
        known = ~np.isnan(truth[:, column])
        true = truth[known, column]
        if not len(true) or true.min() == true.max():
            continue
        gain = (true - true.min()) / (true.max() - true.min())
        found[0, known, column] = gain * _discounts(values[known, column])
        found[1, known, column] = gain * _discounts(true)
    return np.concatenate(found, axis=1)


def _discounts(values: Array) -> Floats:
    """Return what counts at the rank of each value, the highest first; equal ones share it."""
    n = len(values)
    by_rank = 1 / np.log2(np.arange(n) + 2.0)
    by_rank[_count(n) :] = 0
    _, tied = np.unique(-values.astype(np.float64), return_inverse=True)
    order = np.argsort(tied, kind="stable")
    sums = np.bincount(tied[order], weights=by_rank)
    return np.asarray((sums / np.bincount(tied))[tied])


def _mean_ratio(sums: Floats) -> Floats:
    return ratio(sums[:, 0], sums[:, 1])
