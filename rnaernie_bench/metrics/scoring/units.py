"""Metrics of the bases of items, or of pairs of them, from sums over these.

Counts and squared errors are pooled over the bases of all items; areas and correlations are means
over the items in which they are defined.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.scoring.composites import MakeScorer, additive, ratio
from rnaernie_bench.metrics.scoring.confusion import from_counts
from rnaernie_bench.metrics.scoring.decisions import Formula, by_columns

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def mean_where_defined(field: str) -> MakeScorer:
    """Return the mean over items and columns of a field that is nan where it is undefined."""

    def sums(truth: Array, run: Array) -> Floats:
        values = run[field].astype(np.float64)
        defined = ~np.isnan(values)
        found = np.where(defined, values, 0).sum(axis=1)
        return np.column_stack([found, defined.sum(axis=1), (~defined).sum(axis=1)])

    counted = {"n": 1, "left_out": 2}
    return additive(sums, lambda totals: ratio(totals[:, 0], totals[:, 1]), counted=counted)


def counted(formula: Formula) -> MakeScorer:
    """Return a metric of how many bases are decided how, the mean over columns."""

    def sums(truth: Array, run: Array) -> Array:
        names: Any = run.dtype.names
        return np.asarray(run[names[0]].reshape(len(run), -1))

    return additive(sums, by_columns(formula))


def confused(metric: str) -> MakeScorer:
    """Return a metric of the classes of all bases, which `from_counts` gives."""

    def sums(truth: Array, run: Array) -> Array:
        table = run["confusion"]
        hits = np.diagonal(table, axis1=1, axis2=2)
        return np.hstack([hits, table.sum(axis=2), table.sum(axis=1)])

    def value(totals: Floats) -> Floats:
        return from_counts(metric, *np.split(totals, 3, axis=1))

    return additive(sums, value)


def measured(metric: str) -> MakeScorer:
    """Return a metric of quantities; mcrmse is a mean over columns, errors else pool them."""
    if metric in ("pearson", "spearman"):
        return mean_where_defined(metric)
    field = "absolute" if metric == "mae" else "squared"

    def sums(truth: Array, run: Array) -> Floats:
        return np.hstack([run[field], run["known"]]).astype(np.float64)

    def value(totals: Floats) -> Floats:
        errors, known = np.split(totals, 2, axis=1)
        if metric == "mcrmse":
            return np.asarray(np.sqrt(ratio(errors, known)))
        mean = ratio(errors.sum(axis=1), known.sum(axis=1))
        return mean if metric == "mae" else np.sqrt(mean)

    return additive(sums, value)
