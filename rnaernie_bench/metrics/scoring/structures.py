"""Metrics of predicted structures: each run holds the counts of `structure.scores`, shape (n,)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.scoring.composites import MakeScorer, additive
from rnaernie_bench.metrics.scoring.composites import ratio as quotient
from rnaernie_bench.structure.scores import agreement, scores

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def per_sequence(counts: Array) -> dict[str, Floats]:
    """Return the metrics that are means over sequences, of each: shape (n,), nan if undefined."""
    shifted = scores(agreement(counts, "shifted"))
    return {**scores(agreement(counts)), "shifted_f1": shifted["f1"]}


def parts_of_ratio(metric: str, counts: Array) -> tuple[Floats, Floats]:
    """Return what each sequence adds to numerator and denominator of a metric, shape (n,) each.

    A mean counts the sequences for which it is defined; the pooled F1 is ``2 right / (predicted +
    reference)`` over all pairs.

    Raises:
        KeyError: there is no such metric.
    """
    if metric == "pooled_f1":
        total = counts["predicted"].astype(np.float64) + counts["reference"]
        return 2.0 * counts["correct"], total
    values = per_sequence(counts)[metric]
    defined = ~np.isnan(values)
    return np.where(defined, values, 0.0), defined.astype(np.float64)


def ratio(metric: str) -> MakeScorer:
    """Return a metric that `parts_of_ratio` knows."""

    def sums(truth: Array, run: Array) -> Floats:
        part, whole = parts_of_ratio(metric, run)
        return np.column_stack([part, whole, whole == 0])

    counted = {} if metric == "pooled_f1" else {"n": 1, "left_out": 2}
    return additive(sums, lambda totals: quotient(totals[:, 0], totals[:, 1]), counted=counted)
