"""Metrics of a quantity for each item, in one column or several; the truth is nan where unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.scoring.composites import MakeScorer, additive, midranks, ratio

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

_PARTS = {"mae": 2, "rmse": 2, "mcrmse": 2, "r2": 4, "pearson": 6, "spearman": 6}
"""How many sums over items a metric is made of, for each column."""


def measured(metric: str) -> MakeScorer:
    """Return a metric; correlations, r2 and mcrmse are means over columns, others pool them.

    A column is left out of a mean where nothing is known of it, and of correlations and r2 where it
    is constant.

    Resamples of the rank correlation keep the ranks that items have among all items.
    """
    return additive(
        lambda truth, run: _sums(metric, truth, ~np.isnan(truth), run["value"]),
        lambda totals: _of_sums(metric, totals.reshape(len(totals), _PARTS[metric], -1)),
    )


def _sums(metric: str, truth: Array, known: Array, values: Array) -> Floats:
    """Return what each item adds to the sums that a metric is made of, (n, sums * columns)."""
    truth, values = truth.astype(np.float64), values.astype(np.float64)
    if metric == "spearman":
        truth, values = _ranks(truth, known), _ranks(values, known)
    # Correlations do not change by it, and sums of squares stay exact: for them each has its own.
    centre = _means(truth, known)
    own = _means(values, known) if _PARTS[metric] == 6 else centre
    x, y = np.where(known, values - own, 0.0), np.where(known, truth - centre, 0.0)
    if metric == "mae":
        parts = [known, np.abs(x - y)]
    elif metric in ("rmse", "mcrmse"):
        parts = [known, (x - y) ** 2]
    elif metric == "r2":
        parts = [known, (x - y) ** 2, y, y**2]
    else:
        parts = [known, x, y, x**2, y**2, x * y]
    return np.concatenate(parts, axis=1).astype(np.float64)


def _means(values: Array, known: Array) -> Floats:
    """Return the mean of each column's known values."""
    return np.asarray(np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _of_sums(metric: str, sums: Floats) -> Floats:
    """Return a metric from sums of shape (r, sums, columns), shape (r,) or (r, columns)."""
    n = sums[:, 0]
    if metric == "mae":
        return ratio(sums[:, 1].sum(axis=1), n.sum(axis=1))
    if metric == "rmse":
        return np.asarray(np.sqrt(ratio(sums[:, 1].sum(axis=1), n.sum(axis=1))))
    if metric == "mcrmse":
        return np.asarray(np.sqrt(ratio(sums[:, 1], n)))
    if metric == "r2":
        _, squares, y, yy = np.moveaxis(sums, 1, 0)
        spread = yy - y**2 / np.maximum(n, 1)
        return 1 - ratio(squares, np.where(spread > 1e-9 * yy, spread, 0))
    _, x, y, xx, yy, xy = np.moveaxis(sums, 1, 0)
    # What is left of a constant after rounding is no spread.
    one, other = (np.where(v > 1e-12 * n * w, v, 0.0) for v, w in
                  ((n * xx - x**2, xx), (n * yy - y**2, yy)))  # fmt: skip
    return ratio(n * xy - x * y, np.sqrt(one * other))


def _ranks(values: Array, known: Array) -> Floats:
    ranks = np.zeros(values.shape)
    for column in range(values.shape[1]):
        inside = known[:, column]
        ranks[inside, column] = midranks(values[inside, column])
    return ranks
