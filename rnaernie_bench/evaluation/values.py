"""A fitted model that answers by neither classes nor structures: validation, then every test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.data.items import Items, Split
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.evaluation.classes import cut
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.metrics.answers import Kind, answer_intervals, evaluate_answers
from rnaernie_bench.metrics.statistics import confusion_matrix, per_class_metrics
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning, answer, by_column, metrics_of, tune
from rnaernie_bench.results.measured import Measured
from rnaernie_bench.results.predictions import hash_ids
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class MeasuredEvaluation:
    """Everything that is reported of a fitted model."""

    tuning: Tuning
    validation: Mapping[str, Any]
    """The record's field: n and metrics."""
    tests: Mapping[str, dict[str, Any]]
    """The record's field, without the predictions of each part."""
    predictions: Measured
    labels: Sequence[str]
    """The task's labels."""
    trials = 0
    """Settings that were compared on validation."""

    @property
    def selected(self) -> dict[str, Any]:
        """What validation chose, for the record."""
        predictions = self.predictions
        if not predictions.kind.name.endswith(("binary", "multilabel")):
            return {}
        columns = predictions.columns
        thresholds = self.tuning.thresholds or (0.0,) * columns
        names = ["threshold"] if columns == 1 else [f"threshold_{label}" for label in self.labels]
        return {"temperature": self.tuning.temperature, **dict(zip(names, thresholds, strict=True))}

    @property
    def predictor(self) -> dict[str, Any]:
        """What `predict` needs besides the model."""
        return {
            "labels": list(self.labels),
            "temperature": self.tuning.temperature,
            "thresholds": list(self.tuning.thresholds),
        }

    def figures(self, part: str, title: str) -> Iterator[tuple[str, Figure]]:
        """Yield file names and pictures of a test part."""
        from rnaernie_bench.metrics.figures import (
            calibration_figure,
            confusion_matrix_figure,
            scatter_figure,
        )

        truth, answers = self.predictions.part(part)
        if "confusion" in self.tests[part]:
            figure = confusion_matrix_figure(self.tests[part]["confusion"], self.labels, title)
            yield f"confusion-{part}.png", figure
            odds = answers["odds"][:, 0].astype(np.float64)
            yield f"calibration-{part}.png", calibration_figure(truth[:, 0], odds, title)
        if "value" in (answers.dtype.names or ()):
            figure = scatter_figure(truth, answers["value"], self.labels, title)
            yield f"scatter-{part}.png", figure


def evaluate_measured(
    fitted: Fitted,
    split: Split,
    task: Task,
    *,
    max_bases: int | None,
    calibrated: bool = True,
) -> MeasuredEvaluation:
    """Tune on validation, then score every test item once.

    Metrics are computed on what is stored, so that they can be recomputed from the prediction file.

    Args:
        fitted: the model.
        split: whose validation and test parts are scored.
        task: what is asked.
        max_bases: from how many bases on a sequence is truncated, for their count; None if none is.
        calibrated: whether to fit temperature and thresholds; they are 1 and 0 if not.
    """
    tuning, validation = validate_measured(fitted, split.validation, task, calibrated=calibrated)
    items = list({item.id: item for part in split.tests.values() for item in part}.values())
    kind, columns, truth, answers = answer(task.level, *_scored(fitted, items, task), tuning)
    ids = [item.id for item in items]
    predictions = Measured(
        kind=kind,
        columns=columns,
        ids=hash_ids(ids),
        groups=[item.group for item in items],
        truth=truth,
        answers=answers,
        parts={
            name: np.isin(ids, [item.id for item in part]) for name, part in split.tests.items()
        },
    )
    tests = {}
    for name, part in split.tests.items():
        groups = [g for g, inside in zip(predictions.groups, predictions.parts[name], strict=True)
                  if inside]  # fmt: skip
        tests[name] = {
            "n": len(part),
            "n_truncated": cut(part, max_bases),
            **_entry(kind, *predictions.part(name), task, groups),
        }
    return MeasuredEvaluation(tuning, validation, tests, predictions, task.labels)


def validate_measured(
    fitted: Fitted, items: Items, task: Task, *, calibrated: bool
) -> tuple[Tuning, dict[str, Any]]:
    """Return what the validation `items` chose, and their number and metrics."""
    held_out = _scored(fitted, items, task)
    tuning = tune(*held_out) if calibrated else Tuning()
    metrics = metrics_of(task.level, *held_out, tuning)
    return tuning, {"n": len(items), "metrics": dict(metrics)}


def _scored(fitted: Fitted, items: Sequence[Any], task: Task) -> tuple[Targets, np.ndarray]:
    return targets_of(items, task.problem), fitted.logits([item.input for item in items])


def _entry(
    kind: Kind, truth: np.ndarray, answers: np.ndarray, task: Task, groups: list[str]
) -> dict[str, Any]:
    """Return metrics with intervals, by label and by column where there are any."""
    values = evaluate_answers(kind, truth, answers)
    drawn = groups if task.resampling == "group" else None
    intervals = answer_intervals(kind, truth, answers, drawn)
    entry: dict[str, Any] = {
        "metrics": {
            name: {"value": value, "low": intervals[name][0], "high": intervals[name][1]}
            for name, value in values.items()
        }
    }
    columns = by_column(kind, truth, answers, task.labels)
    if columns:
        entry["per_column"] = columns
    if kind.name == "binary":
        confusion = confusion_matrix(
            truth[:, 0].astype(np.int64), answers["decided"][:, 0].astype(np.int64), 2
        )
        found = per_class_metrics(confusion)
        entry["confusion"] = confusion.tolist()
        entry["per_class"] = {
            label: {
                "precision": float(found["precision"][j]),
                "recall": float(found["recall"][j]),
                "f1": float(found["f1"][j]),
                "support": int(found["support"][j]),
            }
            for j, label in enumerate(task.labels)
        }
    return entry
