"""Quantities predicted for each item, in one column or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scorers import AdditiveScorer, Scorer, midranks

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]


@dataclass(frozen=True)
class Quantities:
    """Predicted values; the truth is float32 (n, columns), nan where unknown."""

    name: str = "regression"
    metrics: tuple[str, ...] = ("spearman", "pearson", "r2", "rmse", "mcrmse", "mae")
    measure: str = "negative absolute error"

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the one field: `value`."""
        return np.dtype([("value", np.float32, (columns,))])

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric; correlations, r2 and mcrmse are means over columns, others pool them.

        Resamples of the rank correlation keep the ranks that items have among all items.
        """
        units = whole or alike(np.arange(len(truth)))
        known = ~np.isnan(truth)
        columns = truth.shape[1]
        sums = [units.sums(_sums(metric, truth, known, run["value"])) for run in runs]

        def value(totals: Floats) -> Floats:
            return _of_sums(metric, totals.reshape(len(totals), -1, columns))

        return AdditiveScorer(units, np.array(sums), value)

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return minus the mean absolute error of each item, shape (n,)."""
        known = ~np.isnan(truth)
        gaps = np.where(known, np.abs(answers["value"] - np.nan_to_num(truth)), 0.0)
        total = known.sum(axis=1)
        mean = gaps.sum(axis=1) / np.maximum(total, 1)
        return np.asarray(np.where(total > 0, -mean, np.nan), dtype=np.float64)


def _sums(metric: str, truth: Answers, known: Answers, values: Answers) -> Floats:
    """Return what each item adds to the sums that a metric is made of, (n, sums * columns)."""
    truth, values = truth.astype(np.float64), values.astype(np.float64)
    if metric == "spearman":
        truth, values = _ranks(truth, known), _ranks(values, known)
    # Correlations do not change by it, and sums of squares stay exact.
    centre = np.where(known, truth, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    x, y = (np.where(known, array - centre, 0.0) for array in (values, truth))
    if metric == "mae":
        parts = [known, np.abs(x - y)]
    elif metric in ("rmse", "mcrmse"):
        parts = [known, (x - y) ** 2]
    elif metric == "r2":
        parts = [known, (x - y) ** 2, y, y**2]
    else:
        parts = [known, x, y, x**2, y**2, x * y]
    return np.concatenate(parts, axis=1).astype(np.float64)


def _of_sums(metric: str, sums: Floats) -> Floats:
    """Return a metric from sums of shape (r, sums, columns), shape (r,)."""
    n = sums[:, 0]
    if metric == "mae":
        return np.asarray(sums[:, 1].sum(axis=1) / np.maximum(n.sum(axis=1), 1))
    if metric == "rmse":
        return np.asarray(np.sqrt(sums[:, 1].sum(axis=1) / np.maximum(n.sum(axis=1), 1)))
    if metric == "mcrmse":
        return np.asarray(np.sqrt(sums[:, 1] / np.maximum(n, 1)).mean(axis=1))
    if metric == "r2":
        _, squares, y, yy = np.moveaxis(sums, 1, 0)
        spread = yy - y**2 / np.maximum(n, 1)
        ratio = np.divide(squares, spread, out=np.ones_like(spread), where=spread > 0)
        return np.asarray((1 - ratio).mean(axis=1))
    _, x, y, xx, yy, xy = np.moveaxis(sums, 1, 0)
    spread = np.sqrt(np.maximum(n * xx - x**2, 0) * np.maximum(n * yy - y**2, 0))
    # What is left of a constant after rounding is no spread.
    defined = spread > 1e-9 * np.maximum(n * np.sqrt(xx * yy), 1e-30)
    found = np.divide(n * xy - x * y, spread, out=np.zeros_like(spread), where=defined)
    return np.asarray(found.mean(axis=1))


def _ranks(values: Answers, known: Answers) -> Floats:
    ranks = np.zeros(values.shape)
    for column in range(values.shape[1]):
        inside = known[:, column]
        ranks[inside, column] = midranks(values[inside, column])
    return ranks


REGRESSION = Quantities()
