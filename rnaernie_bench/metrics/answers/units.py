"""What is predicted for the bases of each item, or for pairs of them, kept as sums over these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rnaernie_bench.metrics.answers.base import Array, Floats
from rnaernie_bench.metrics.answers.decisions import TunedDecisions, by_column
from rnaernie_bench.metrics.answers.multiclass import Classes
from rnaernie_bench.metrics.answers.regression import Quantities
from rnaernie_bench.metrics.scoring.composites import ratio
from rnaernie_bench.metrics.scoring.decisions import decision_counts
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning


@dataclass(frozen=True)
class UnitDecisions(TunedDecisions):
    """Yes or no for each base; the truth is the number of known and of positive bases by column."""

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields: counts of decisions, and the areas under an item's curves."""
        counts = "counts" if self.problem == "binary" else "column_counts"
        return np.dtype(
            [
                (counts, np.int32, (columns, 4)),
                ("auroc", np.float16, (columns,)),
                ("auprc", np.float16, (columns,)),
            ]
        )

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Tuning) -> Array:
        odds, names = tuning.odds(scores), predicted.dtype.names or ()
        counts = _summed(decision_counts(targets.values, tuning.decided(odds)), targets)
        predicted[names[0]] = counts
        for row, column, units in _known(targets):
            labels = targets.values[units, column] == 1
            areas = _areas(labels, odds[units, column].astype(np.float64))
            predicted["auroc"][row, column], predicted["auprc"][row, column] = areas
        positives = counts[..., 0] + counts[..., 2]
        return np.hstack([counts.sum(axis=-1), positives]).astype(np.int32)

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return the share of an item's bases that are decided rightly, shape (n,)."""
        names: Any = predicted.dtype.names
        table = predicted[names[0]].sum(axis=1).astype(np.float64)
        return _share(table[:, 0] + table[:, 3], table.sum(axis=1))

    def entries(
        self, truth: Array, predicted: Array, labels: Any, *, metrics: Any = (), **_: Any
    ) -> dict[str, Any]:
        """Return the metrics of each column, where there are several."""
        # What is known stands before what is positive: both are counts by column.
        return by_column(self, truth, predicted, labels, metrics)


@dataclass(frozen=True)
class UnitClasses(Classes):
    """A class for each base; the truth is the number of bases of each class."""

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the one field: the confusion of an item's bases, the truth as rows."""
        return np.dtype([("confusion", np.int32, (columns, columns))])

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Tuning) -> Array:
        rows, columns = len(predicted), scores.shape[1]
        tables = np.repeat(np.arange(rows), targets.sizes) * columns**2
        cells = tables + targets.values * columns + scores.argmax(axis=1)
        counts = np.bincount(cells[targets.labelled], minlength=rows * columns**2)
        predicted["confusion"] = counts.reshape(-1, columns, columns)
        return np.asarray(predicted["confusion"].sum(axis=2))

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return the share of an item's bases whose class is right, shape (n,)."""
        table = predicted["confusion"].astype(np.float64)
        return _share(np.trace(table, axis1=1, axis2=2), table.sum(axis=(1, 2)))


@dataclass(frozen=True)
class UnitQuantities(Quantities):
    """A quantity for each base; the truth is the number of known bases by column."""

    about_items: ClassVar[tuple[str, ...]] = ("truth", "known")

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

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Tuning) -> Array:
        known = targets.labelled
        gaps = np.where(known, scores - targets.values, 0.0).astype(np.float64)
        predicted["known"] = _summed(known.astype(np.int32), targets)
        predicted["squared"] = _summed(gaps**2, targets)
        predicted["absolute"] = _summed(np.abs(gaps), targets)
        for row, column, units in _known(targets):
            pair = targets.values[units, column], scores[units, column]
            predicted["pearson"][row, column] = _correlation(*pair)
            predicted["spearman"][row, column] = _correlation(*map(_ranks, pair))
        return np.asarray(predicted["known"])

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return minus the root mean squared error of each item, shape (n,)."""
        squared = predicted["squared"].sum(axis=1).astype(np.float64)
        known = predicted["known"].sum(axis=1).astype(np.float64)
        return np.asarray(-np.sqrt(ratio(squared, known)))


def _summed(values: Array, targets: Targets) -> Array:
    """Return the sums over the units of each item."""
    return np.asarray(np.add.reduceat(values, np.cumsum(targets.sizes) - targets.sizes, axis=0))


def _known(targets: Targets) -> Iterator[tuple[int, int, Array]]:
    """Yield item, column, and where the units stand of which the value is known."""
    known, ends = targets.labelled, np.cumsum(targets.sizes)
    for row, (start, stop) in enumerate(zip(ends - targets.sizes, ends, strict=True)):
        for column in range(known.shape[1]):
            yield row, column, start + np.flatnonzero(known[start:stop, column])


def _share(hits: Array, total: Array) -> Floats:
    return ratio(hits, total)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation; nan where either is constant."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _areas(labels: np.ndarray, odds: np.ndarray) -> tuple[float, float]:
    """Return the areas under ROC and precision-recall curve; nan where a class is missing."""
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        return float("nan"), float("nan")
    below = _ranks(odds)[labels].sum() - positives * (positives + 1) / 2
    order = np.argsort(-odds, kind="stable")
    ends = np.append(np.diff(odds[order]) != 0, True)
    hits = np.cumsum(labels[order])[ends]
    precision = hits / (np.flatnonzero(ends) + 1)
    steps = np.diff(hits, prepend=0) / positives
    return float(below / (positives * (len(labels) - positives))), float((precision * steps).sum())


TOKEN_BINARY = UnitDecisions("token_binary", "binary", "accuracy")
TOKEN_MULTILABEL = UnitDecisions("token_multilabel", "multilabel", "accuracy")
TOKEN_MULTICLASS = UnitClasses("token_multiclass", "multiclass", "accuracy")
TOKEN_REGRESSION = UnitQuantities(
    "token_regression", "regression", "negative root mean squared error"
)
