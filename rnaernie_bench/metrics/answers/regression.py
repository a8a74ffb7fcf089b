"""Quantities predicted for each item, in one column or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rnaernie_bench.metrics.answers.base import Answer, Array, Floats, Sample
from rnaernie_bench.metrics.answers.decisions import by_column
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Quantities(Answer):
    """Answers in the units of the data, of items or of their bases: nothing is tuned."""

    decides: ClassVar[bool] = False

    def columns(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the quantities."""
        return tuple(labels)

    def interpret(
        self, scores: Array, labels: Sequence[str], tuning: Tuning
    ) -> tuple[Array, Array]:
        """Return the quantities; nothing is decided."""
        return scores, np.full(len(scores), "", dtype=object)

    def entries(
        self,
        truth: Array,
        predicted: Array,
        labels: Sequence[str],
        *,
        metrics: Sequence[str] = (),
        identities: Array | None = None,
    ) -> dict[str, Any]:
        """Return the metrics of each column, where there are several."""
        return by_column(self, truth, predicted, labels, metrics)


@dataclass(frozen=True)
class Regression(Quantities):
    """Predicted values; the truth is float32 (n, columns), nan where unknown."""

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the one field: `value`."""
        return np.dtype([("value", np.float32, (columns,))])

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Tuning) -> Array:
        predicted["value"] = scores
        return targets.values.astype(np.float32)

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return minus the mean absolute error of each item, shape (n,)."""
        known = ~np.isnan(truth)
        gaps = np.where(known, np.abs(predicted["value"] - np.nan_to_num(truth)), 0.0)
        total = known.sum(axis=1)
        mean = gaps.sum(axis=1) / np.maximum(total, 1)
        return np.asarray(np.where(total > 0, -mean, np.nan), dtype=np.float64)

    def figures(
        self,
        truth: Array,
        predicted: Array,
        entry: Mapping[str, Any],
        labels: Sequence[str],
        title: str,
        sample: Sample | None = None,
    ) -> Iterator[tuple[str, Figure]]:
        """Yield predicted against measured values."""
        from rnaernie_bench.metrics.figures import scatter_figure

        yield "scatter", scatter_figure(truth, predicted["value"], labels, title)


REGRESSION = Regression("regression", "regression", "negative absolute error")
