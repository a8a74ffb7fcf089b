"""What is predicted for the bases of each item, or for pairs of them, kept as sums over these.

Counts and squared errors are pooled over the bases of all items; areas and correlations are means
over the items in which they are defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.answers.decisions import COUNTED, counted
from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scorers import AdditiveScorer, Scorer
from rnaernie_bench.metrics.statistics import metrics_from_counts

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _additive(sums: Sequence[Floats], units: Units, value: Any) -> AdditiveScorer:
    return AdditiveScorer(units, np.array([units.sums(run) for run in sums]), value)


def _mean_where_defined(field: str, runs: Sequence[Answers], units: Units) -> AdditiveScorer:
    """Return the mean over items and columns of a field that is nan where it is undefined."""
    columns = []
    for run in runs:
        values = run[field].astype(np.float64)
        defined = ~np.isnan(values)
        columns.append(
            np.column_stack([np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1)])
        )
    return _additive(columns, units, lambda sums: _ratio(sums[:, 0], sums[:, 1]))


@dataclass(frozen=True)
class TokenDecisions:
    """Yes or no for each base; the truth is the number of known and of positive bases by column."""

    name: str
    metrics: tuple[str, ...]
    measure: str = "accuracy"

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields: counts of decisions, and the areas under an item's curves."""
        counts = "counts" if self.name == "token_binary" else "column_counts"
        return np.dtype(
            [
                (counts, np.int32, (columns, 4)),
                ("auroc", np.float16, (columns,)),
                ("auprc", np.float16, (columns,)),
            ]
        )

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric, the mean over columns where its name begins with `macro_`."""
        base = metric.removeprefix("macro_")
        units = whole or alike(np.arange(len(truth)))
        if base not in COUNTED:
            return _mean_where_defined(base, runs, units)
        field = self.dtype(1).names[0]  # type: ignore[index]
        sums = [run[field].reshape(len(run), -1) for run in runs]

        def value(totals: Floats) -> Floats:
            return counted(base, totals.reshape(len(totals), -1, 4)).mean(axis=1)

        return _additive(sums, units, value)

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return the share of an item's bases that are decided rightly, shape (n,)."""
        table = answers[self.dtype(1).names[0]].sum(axis=1).astype(np.float64)  # type: ignore[index]
        total = table.sum(axis=1)
        return np.asarray(np.where(total > 0, _ratio(table[:, 0] + table[:, 3], total), np.nan))


@dataclass(frozen=True)
class TokenClasses:
    """A class for each base; the truth is the number of bases of each class."""

    name: str = "token_multiclass"
    metrics: tuple[str, ...] = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")
    measure: str = "accuracy"

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the one field: the confusion of an item's bases, the truth as rows."""
        return np.dtype([("confusion", np.int32, (columns, columns))])

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric of all bases pooled."""
        units = whole or alike(np.arange(len(truth)))
        sums = [
            np.hstack(
                [
                    np.diagonal(run["confusion"], axis1=1, axis2=2),
                    run["confusion"].sum(axis=2),
                    run["confusion"].sum(axis=1),
                ]
            )
            for run in runs
        ]

        def value(totals: Floats) -> Floats:
            return metrics_from_counts(*np.split(totals, 3, axis=1))[metric]

        return _additive(sums, units, value)

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return the share of an item's bases whose class is right, shape (n,)."""
        table = answers["confusion"].astype(np.float64)
        total = table.sum(axis=(1, 2))
        hits = np.trace(table, axis1=1, axis2=2)
        return np.asarray(np.where(total > 0, _ratio(hits, total), np.nan))


@dataclass(frozen=True)
class TokenQuantities:
    """A quantity for each base; the truth is the number of known bases by column."""

    name: str = "token_regression"
    metrics: tuple[str, ...] = ("mcrmse", "rmse", "mae", "pearson", "spearman")
    measure: str = "negative root mean squared error"

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields: known bases, sums of errors, and an item's correlations."""
        return np.dtype(
            [
                ("known", np.int32, (columns,)),
                ("squared", np.float32, (columns,)),
                ("absolute", np.float32, (columns,)),
                ("pearson", np.float16, (columns,)),
                ("spearman", np.float16, (columns,)),
            ]
        )

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric; mcrmse is a mean over columns, errors else pool them."""
        units = whole or alike(np.arange(len(truth)))
        if metric in ("pearson", "spearman"):
            return _mean_where_defined(metric, runs, units)
        field = "absolute" if metric == "mae" else "squared"
        sums = [np.hstack([run[field], run["known"]]).astype(np.float64) for run in runs]

        def value(totals: Floats) -> Floats:
            errors, known = np.split(totals, 2, axis=1)
            if metric == "mae":
                return _ratio(errors.sum(axis=1), known.sum(axis=1))
            if metric == "rmse":
                return np.sqrt(_ratio(errors.sum(axis=1), known.sum(axis=1)))
            return np.asarray(np.sqrt(_ratio(errors, known)).mean(axis=1))

        return _additive(sums, units, value)

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return minus the root mean squared error of each item, shape (n,)."""
        squared = answers["squared"].sum(axis=1).astype(np.float64)
        known = answers["known"].sum(axis=1).astype(np.float64)
        return np.asarray(np.where(known > 0, -np.sqrt(_ratio(squared, known)), np.nan))


TOKEN_BINARY = TokenDecisions("token_binary", (*COUNTED, "auroc", "auprc"))
TOKEN_LABELS = TokenDecisions(
    "token_multilabel", ("macro_f1", "macro_mcc", "macro_auroc", "macro_auprc")
)
TOKEN_CLASSES = TokenClasses()
TOKEN_REGRESSION = TokenQuantities()
