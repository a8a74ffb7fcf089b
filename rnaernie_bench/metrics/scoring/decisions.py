"""Metrics of yes or no for each item, in one column or several.

The truth is 0, 1 or nan, of shape (n, columns); runs hold calibrated log-odds in their first field,
and what was ``decided``. A metric of several columns is the mean over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scoring.composites import (
    CALIBRATION_BINS,
    AbsoluteScorer,
    MakeScorer,
    Scorer,
    absolute_share,
    additive,
    auroc_scorer,
    ratio,
)
from rnaernie_bench.metrics.scoring.curves import MeanScorer, precision_scorer

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
Formula = Callable[[Any, Any, Any, Any], tuple[Any, Any]]
"""Takes true and false positives, false and true negatives; returns numerator and denominator."""


def decision_counts(truth: npt.ArrayLike, decided: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return how each value counts: true and false positive, false and true negative.

    Args:
        truth: 0, 1 or nan, any shape.
        decided: 0 or 1, of the same shape.

    Returns:
        That shape and an axis of four more; all 0 where the truth is unknown.
    """
    truth, decided = np.asarray(truth), np.asarray(decided, dtype=bool)
    yes, no = truth == 1, truth == 0
    return np.stack([yes & decided, no & decided, yes & ~decided, no & ~decided], axis=-1).astype(
        np.int64
    )


def of_counts(formula: Formula, counts: npt.ArrayLike) -> Floats:
    """Return what a formula makes of counts as `decision_counts` has them, nan where it is 0/0.

    Args:
        formula: see `Formula`.
        counts: shape (..., 4).

    Returns:
        The shape without the last axis.
    """
    table = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    part, whole = formula(*table)
    return ratio(part, whole)


def by_columns(formula: Formula) -> Callable[[Floats], Floats]:
    """Return what makes the metric of each column of sums of counts, (r, 4 * columns)."""
    return lambda sums: of_counts(formula, sums.reshape(len(sums), -1, 4))


def counted(formula: Formula) -> MakeScorer:
    """Return a metric of how many items are decided how."""

    def sums(truth: Array, run: Array) -> Array:
        return decision_counts(truth, run["decided"]).reshape(len(truth), -1)

    # Items that all runs decide alike are of one kind, unless groups are drawn.
    def kinds(truth: Array, runs: Sequence[Array]) -> Sequence[Array]:
        return list(np.concatenate([sums(truth, run) for run in runs], axis=1).T)

    return additive(sums, by_columns(formula), kinds=kinds)


def log_odds(run: Array) -> Array:
    """Return the calibrated log-odds of yes, float16 (n, columns)."""
    names: Any = run.dtype.names
    return np.asarray(run[names[0]])


def curve(name: str) -> MakeScorer:
    """Return the area under a curve: ``auroc``, or ``auprc`` as average precision."""
    of_column = auroc_scorer if name == "auroc" else precision_scorer

    def make(truth: Array, runs: Sequence[Array], whole: Units | None) -> Scorer:
        units = whole or alike(np.arange(len(truth)))
        scorers: list[Scorer] = []
        for column in range(truth.shape[1]):
            known = ~np.isnan(truth[:, column])
            scores = np.array([log_odds(run)[known, column] for run in runs], dtype=np.float64)
            members = Units(units.member[known], units.copies)
            scorers.append(of_column(truth[known, column] == 1, scores, members))
        return scorers[0] if len(scorers) == 1 else MeanScorer(units, scorers)

    return make


def brier() -> MakeScorer:
    """Return the mean squared error of probabilities."""

    def sums(truth: Array, run: Array) -> Floats:
        _, gaps, known = _gaps(truth, run)
        return np.hstack([(gaps**2).sum(axis=1)[:, None], known])

    return additive(sums, absolute_share)


def calibration() -> MakeScorer:
    """Return the expected calibration error, over equal bins of the probability of yes."""

    def sums(truth: Array, run: Array) -> Floats:
        probability, gaps, known = _gaps(truth, run)
        bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        binned = np.zeros((len(truth), CALIBRATION_BINS))
        rows = np.repeat(np.arange(len(truth)), truth.shape[1])
        np.add.at(binned, (rows, bins.ravel()), gaps.ravel())
        return np.hstack([binned, known])

    return additive(sums, absolute_share, kind=AbsoluteScorer)


def _gaps(truth: Array, run: Array) -> tuple[Floats, Floats, Array]:
    """Return probabilities, how far they are off, 0 where nothing is known, and known values."""
    known = ~np.isnan(truth)
    probability = 1 / (1 + np.exp(-log_odds(run).astype(np.float64)))
    gaps = np.where(known, probability - np.nan_to_num(truth), 0.0)
    return probability, gaps, known.sum(axis=1)[:, None]
