"""What the runs of rows predicted for the same items, and metrics of it that can be resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.metrics.answers import KINDS, kind_of
from rnaernie_bench.metrics.answers.structures import (
    STRUCTURE_METRICS,
    per_sequence,
    structure_scorer,
)
from rnaernie_bench.metrics.resampling import Integers, alike, grouped
from rnaernie_bench.metrics.scorers import (
    Scorer,
    auroc_scorer,
    calibration_scorer,
    classification_scorer,
)
from rnaernie_bench.metrics.statistics import METRICS
from rnaernie_bench.structure.scores import COUNTS

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]
"""Of a run: log-probabilities, shape (n, classes), counts of structures, shape (n,), or answers of
another kind (`metrics.answers`), shape (n,)."""
Unit = Literal["item", "group"]

COMPARED = (
    *dict.fromkeys(
        (
            *METRICS,
            "auroc",
            *STRUCTURE_METRICS,
            *(metric for kind in KINDS.values() for metric in kind.metrics),
        )
    ),
)
"""The metrics that rows can be compared by; `auroc` where there are two classes."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What the runs of some rows predicted for the same `n` items."""

    ids: npt.NDArray[np.uint64]
    """Shape (n,)."""
    groups: Sequence[str]
    """Length n."""
    labels: Integers
    """Shape (n,): true classes; of structures, the number of their pairs; of other kinds, what
    their predictions hold as truth, shape (n, q)."""
    run_ids: Sequence[Sequence[str]]
    """By row."""
    scores: Sequence[Sequence[Answers]]
    """By row and run."""

    @property
    def graded(self) -> bool:
        """Whether items are more or less right, as structures are; classes are right or wrong."""
        return are_graded(self.scores[0][0])

    def right(self, row: int) -> Floats:
        """Return the share of a row's runs that have each item right, shape (n,).

        Of a structure, it is the mean F1, 1 where neither prediction nor reference has a pair; of
        other graded items, the mean of what their kind calls right, 0 where that is undefined.
        """
        if self.graded and not are_structures(self.scores[0][0]):
            kind = kind_of(self.scores[0][0])
            found = [np.nan_to_num(kind.right(self.labels, run)) for run in self.scores[row]]
            return np.asarray(np.mean(found, axis=0))
        if self.graded:
            shares = [np.nan_to_num(per_sequence(run)["f1"], nan=1.0) for run in self.scores[row]]
            return np.asarray(np.mean(shares, axis=0))
        hits = [run.argmax(axis=1) == self.labels for run in self.scores[row]]
        return np.asarray(np.mean(hits, axis=0))


def are_graded(answers: Answers) -> bool:
    """Return whether the answers of a run are more than log-probabilities of classes."""
    return answers.dtype.names is not None


def are_structures(answers: Answers) -> bool:
    """Return whether the answers of a run are counts of structures."""
    return answers.dtype == COUNTS


def scorer_of(metric: str, outcomes: Outcomes, runs: Sequence[Answers], by: Unit) -> Scorer:
    """Return a metric of `runs`, given the answers of each.

    Raises:
        ResultError: the metric is not among `COMPARED`, or is one of two classes where there are
            others.
    """
    whole = grouped(outcomes.groups) if by == "group" else None
    if are_structures(runs[0]):
        if metric not in STRUCTURE_METRICS:
            raise ResultError(
                f"{metric} cannot be compared on structures",
                where="--metric",
                remedy=f"choose one of {', '.join(STRUCTURE_METRICS)}",
            )
        units = whole or alike(np.arange(len(outcomes.labels)))
        return structure_scorer(metric, runs, units)
    if are_graded(runs[0]):
        kind = kind_of(runs[0])
        if metric not in kind.metrics:
            raise ResultError(
                f"{metric} cannot be compared on predictions of the kind {kind.name}",
                where="--metric",
                remedy=f"choose one of {', '.join(kind.metrics)}",
            )
        return kind.scorer(metric, outcomes.labels, runs, whole)
    labels, n_classes = outcomes.labels, runs[0].shape[1]
    known = (*METRICS, "auroc") if n_classes == 2 else METRICS
    if metric not in known:
        raise ResultError(
            f"{metric} cannot be compared on {n_classes} classes",
            where="--metric",
            remedy=f"choose one of {', '.join(known)}",
        )
    if metric in ("ece", "auroc"):
        units = whole or alike(np.arange(len(labels)))
        scores = np.asarray(runs, dtype=np.float64)
        if metric == "ece":
            return calibration_scorer(labels, scores, units)
        return auroc_scorer(labels, scores[:, :, 1], units)
    predictions = np.array([run.argmax(axis=1) for run in runs])
    units = whole or alike(labels, *predictions)
    return classification_scorer(metric, labels, predictions, n_classes, units)


def distinct(runs: Sequence[Answers], metric: str) -> list[Answers]:
    """Return the runs without those that predict what an earlier one does."""
    by_scores = metric in ("ece", "auroc") or are_graded(runs[0])
    seen = {(run if by_scores else run.argmax(axis=1)).tobytes(): run for run in reversed(runs)}
    return list(seen.values())[::-1]
