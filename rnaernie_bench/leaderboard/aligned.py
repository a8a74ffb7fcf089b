"""What the runs of rows predicted for the same items, and metrics of it that can be resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.metrics.answers.base import Answer, width
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.registry import has
from rnaernie_bench.metrics.resampling import Drawn, Units
from rnaernie_bench.metrics.scoring.composites import Scorer

Floats = npt.NDArray[np.float64]
Predicted = npt.NDArray[np.void]
"""What a run predicted, shape (n,), with the fields of an answer."""
Unit = Drawn


@dataclass(frozen=True, eq=False)
class Aligned:
    """What the runs of some rows predicted for the same `n` items."""

    answer: Answer
    ids: npt.NDArray[np.uint64]
    """Shape (n,)."""
    groups: Sequence[str]
    """Length n."""
    truth: npt.NDArray[Any]
    """Shape (n, ...), as the answer has it."""
    run_ids: Sequence[Sequence[str]]
    """By row."""
    predicted: Sequence[Sequence[Predicted]]
    """By row and run."""
    fixed: Sequence[bool]
    """By row, whether its runs do not depend on seeds, as those of a deterministic baseline."""
    columns: tuple[int, ...] | None = None
    """Those that metrics are averaged over; None: all."""

    def right(self, row: int) -> Floats:
        """Return the share of a row's runs that have each item right, shape (n,).

        Of graded answers it is the mean of how right they are, see `Answer.if_undefined`.
        """
        undefined = self.answer.if_undefined
        found = [self.answer.right(self.truth, run) for run in self.predicted[row]]
        return np.asarray(np.mean([np.nan_to_num(run, nan=undefined) for run in found], axis=0))


def drawn(aligned: Aligned, metric: str, by: Unit) -> Units:
    """Return what is drawn for a metric: the items, or groups of them as a whole.

    Raises:
        ResultError: the answer has no such metric.
    """
    answer, columns = aligned.answer, width(aligned.predicted[0][0])
    known = answer.comparable(columns)
    if metric not in known and not has(answer.name, metric):
        classes = "" if answer.graded else f" of {columns} classes"
        raise ResultError(
            f"{metric} cannot be compared on predictions of the kind {answer.name}{classes}",
            where="--metric",
            remedy=f"choose one of {', '.join(known)}",
        )
    measures = Measures(answer, (metric,), aligned.columns, by)
    whole = measures.whole(metric, aligned.truth, aligned.groups)
    return whole or Units(np.arange(len(aligned.truth)), np.ones(len(aligned.truth), np.int64))


def scorer_of(metric: str, aligned: Aligned, runs: Sequence[Predicted], units: Units) -> Scorer:
    """Return a metric of `runs`, given what each predicted and what is drawn."""
    chosen = [aligned.answer.only(aligned.truth, run, aligned.columns) for run in runs]
    return aligned.answer.scorer(metric, chosen[0][0], [run for _, run in chosen], units)


def distinct(answer: Answer, runs: Sequence[Predicted], metric: str) -> list[Predicted]:
    """Return the runs without those that a metric cannot tell from an earlier one."""
    seen = {answer.identity(metric, run): run for run in reversed(runs)}
    return list(seen.values())[::-1]
