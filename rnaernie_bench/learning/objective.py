"""What the items of a task teach: targets as they are learned, and how scores are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import (
    Scaling,
    Targets,
    class_weights,
    error_floor,
    scaling_of,
    weights_of,
)


@dataclass(frozen=True)
class Lesson:
    """Train and validation of a task, as a network learns them."""

    context: FitContext
    train: Targets
    """Quantities are scaled."""
    validation: Targets
    train_weights: np.ndarray | None
    validation_weights: np.ndarray | None
    class_weights: np.ndarray | None
    """float32 (outputs,), see `targets.class_weights`; None: classes count as they occur."""
    scaling: Scaling | None
    """Of quantities."""

    def score(self, scores: np.ndarray) -> Mapping[str, float]:
        """Return the metrics of a network's scores of validation, float32 (units, outputs)."""
        task, items = self.context.task, self.context.validation
        plain = self.scaling.undo(scores) if self.scaling else scores
        return task.answer.score(targets_of(items, task.problem), plain, task.measured)


def lesson(context: FitContext) -> Lesson:
    """Return what the items of `context` teach.

    Nothing but train decides how targets are scaled, and how much values and classes count.
    """
    problem = context.task.problem
    train, validation = (
        targets_of(items, problem) for items in (context.train, context.validation)
    )
    balanced = context.config.task.class_weights == "balanced"
    width = outputs(problem, len(context.task.labels))
    counted = class_weights(train, width) if balanced else None
    weighted = context.config.task.error_weights == "inverse"
    scaling, floor = scaling_of(train), error_floor(train) if weighted else None
    weights, validation_weights = (weights_of(targets, floor) for targets in (train, validation))
    if scaling is not None:
        train, validation = scaling.apply(train), scaling.apply(validation)
    return Lesson(context, train, validation, weights, validation_weights, counted, scaling)
