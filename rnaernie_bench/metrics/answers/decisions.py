"""Yes or no for each item, in one column (binary) or several (multilabel)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.curves import curve_scorer
from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scorers import AdditiveScorer, Scorer
from rnaernie_bench.metrics.statistics import CALIBRATION_BINS

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]

COUNTED = ("accuracy", "precision", "recall", "f1", "mcc")
"""Metrics of how many items are decided how."""


@dataclass(frozen=True)
class Decisions:
    """Calibrated log-odds of yes, and what was decided; the truth is 0, 1 or nan, (n, columns)."""

    name: str
    metrics: tuple[str, ...]
    measure: str = "accuracy"

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields: `odds`, the natural logarithm, and `decided`, 0 or 1."""
        odds = "odds" if self.name == "binary" else "column_odds"
        return np.dtype([(odds, np.float16, (columns,)), ("decided", np.int8, (columns,))])

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric, the mean over columns where its name begins with `macro_`."""
        base = metric.removeprefix("macro_")
        items = whole or alike(np.arange(len(truth)))
        if base in ("auroc", "auprc"):
            odds = [run[self.dtype(1).names[0]] for run in runs]  # type: ignore[index]
            return curve_scorer(base, truth, odds, items)
        if base in ("brier", "ece"):
            sums = [items.sums(self._errors(base, truth, run)) for run in runs]
            return AdditiveScorer(items, np.array(sums), _absolute_share)
        tables = [decision_counts(truth, run["decided"]).reshape(len(truth), -1) for run in runs]
        # Items that all runs decide alike are of one kind, unless groups are drawn.
        units = whole or alike(*np.concatenate(tables, axis=1).T)
        columns = truth.shape[1]

        def value(totals: Floats) -> Floats:
            return counted(base, totals.reshape(len(totals), columns, 4)).mean(axis=1)

        return AdditiveScorer(units, np.array([units.sums(table) for table in tables]), value)

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return the share of columns that are decided rightly, shape (n,)."""
        known = ~np.isnan(truth)
        hits = (answers["decided"] == truth) & known
        total = known.sum(axis=1)
        share = hits.sum(axis=1) / np.maximum(total, 1)
        return np.asarray(np.where(total > 0, share, np.nan))

    def _errors(self, metric: str, truth: Answers, run: Answers) -> Floats:
        """Return what each item adds: gaps by bin, (n, bins), and last the values it counts."""
        known = ~np.isnan(truth)
        odds = run[self.dtype(1).names[0]].astype(np.float64)  # type: ignore[index]
        probability = 1 / (1 + np.exp(-odds))
        gaps = np.where(known, probability - np.nan_to_num(truth), 0.0)
        count = known.sum(axis=1)[:, None]
        if metric == "brier":
            return np.hstack([(gaps**2).sum(axis=1)[:, None], count])
        bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        binned = np.zeros((len(truth), CALIBRATION_BINS))
        rows = np.repeat(np.arange(len(truth)), truth.shape[1])
        np.add.at(binned, (rows, bins.ravel()), gaps.ravel())
        return np.hstack([binned, count])


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


def counted(metric: str, counts: npt.ArrayLike) -> Floats:
    """Return a metric of `COUNTED` from counts as `decision_counts` has them, 0/0 being 0.

    Args:
        metric: its name.
        counts: shape (..., 4).

    Returns:
        The shape without the last axis.
    """
    table = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    hits, false, missed, rejected = table
    parts = {
        "accuracy": (hits + rejected, hits + false + missed + rejected),
        "precision": (hits, hits + false),
        "recall": (hits, hits + missed),
        "f1": (2 * hits, 2 * hits + false + missed),
        "mcc": (
            hits * rejected - false * missed,
            np.sqrt((hits + false) * (hits + missed) * (rejected + false) * (rejected + missed)),
        ),
    }
    part, whole = parts[metric]
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _absolute_share(totals: Floats) -> Floats:
    """Return the absolute sums of all columns but the last over the last."""
    return np.asarray(np.abs(totals[:, :-1]).sum(axis=1) / np.maximum(totals[:, -1], 1))


BINARY = Decisions("binary", (*COUNTED, "auroc", "auprc", "brier", "ece"))
MULTILABEL = Decisions(
    "multilabel", ("macro_f1", "macro_mcc", "macro_auroc", "macro_auprc", "brier", "ece")
)
