"""What a model learns: targets as they are learned, the loss, and how scores are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.inference import Batch, scores
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import Items
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.learning.examples import Compute, Examples, UnitTruth
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import (
    Scaling,
    class_weights,
    error_floor,
    scaling_of,
    weights_of,
)

Score = Callable[[Any], Mapping[str, float]]
"""Maps the scores of validation to metrics; one of them chooses the epoch."""


@dataclass(frozen=True)
class Part:
    """Items that are learned from or validated on, with what is known of them."""

    items: Items
    truth: Any
    """An `examples.Truth`."""


class Objective(Protocol):
    """What a network learns, and what chooses its epoch."""

    @property
    def train(self) -> Part:
        """What is learned from."""
        ...

    @property
    def validation(self) -> Part:
        """What chooses the epoch."""
        ...

    @property
    def scaling(self) -> Scaling | None:
        """How quantities are scaled for learning."""
        ...

    @property
    def details(self) -> Mapping[str, Any]:
        """What the record tells of what is learned, such as what is left out."""
        ...

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch of examples, a scalar."""
        ...

    def validate(
        self, examples: Examples, compute: Compute, *, token_budget: int, device: torch.device
    ) -> dict[str, float]:
        """Return the loss of validation, as ``loss``, and its metrics."""
        ...


@dataclass(frozen=True)
class UnitObjective:
    """Classes, labels or quantities of units."""

    context: FitContext
    train: Part
    """Quantities are scaled."""
    validation: Part
    class_weights: np.ndarray | None
    """float32 (outputs,), see `metrics.targets.class_weights`; None: classes count as they occur.
    They weigh the loss of train alone."""
    scaling: Scaling | None
    kind: type[Any] = SequenceInputs
    """The inputs of the level: they say which scores are those of units."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss over the known values of a batch."""
        weights = self.class_weights
        return self.context.task.answer.loss(
            self.kind.rows(logits.float(), batch),
            batch["labels"],
            weights=batch.get("weights"),
            class_weights=None if weights is None else torch.from_numpy(weights),
        )

    def score(self, scores: np.ndarray) -> Mapping[str, float]:
        """Return the metrics of a model's scores of validation, float32 (units, outputs)."""
        task, items = self.context.task, self.context.validation
        plain = self.scaling.undo(scores) if self.scaling else scores
        return task.measures.of_scores(targets_of(items, task.problem), plain)

    def validate(
        self, examples: Examples, compute: Compute, *, token_budget: int, device: torch.device
    ) -> dict[str, float]:
        """Return the loss over all units of validation, and the metrics of their scores."""
        truth: Any = examples.truth
        found = scores(
            lambda batch: self.kind.rows(compute(batch), batch),
            examples.inputs,
            sizes=examples.inputs.sizes,
            token_budget=token_budget,
            device=device,
            together=True,
        )
        loss = self.context.task.answer.loss(
            torch.from_numpy(found),
            torch.from_numpy(truth.targets.values),
            weights=None if truth.weights is None else torch.from_numpy(truth.weights),
        )
        return {"loss": float(loss), **self.score(found)}


def objective(
    context: FitContext, kind: type[Any] = SequenceInputs, reader: Reader | None = None
) -> UnitObjective:
    """Return what the items of `context` teach.

    Nothing but train decides how targets are scaled, and how much values and classes count.

    Args:
        context: the task's.
        kind: the inputs of the level.
        reader: how a network reads them.

    Raises:
        DataError: validation does not define the metric that chooses, whatever is predicted.
    """
    task, options = context.task, context.config.task
    parts = context.train, context.validation
    train, validation = (targets_of(items, task.problem) for items in parts)
    balanced, weighted = options.class_weights == "balanced", options.error_weights == "inverse"
    width = outputs(task.problem, len(task.labels))
    counted = class_weights(train, width) if balanced else None
    scaling, floor = scaling_of(train), error_floor(train) if weighted else None
    weights = [weights_of(targets, floor) for targets in (train, validation)]
    why = task.measures.undefined_by(task.main_metric.name, validation)
    if why is not None:
        raise DataError(
            f"{task.main_metric.name} is undefined on the validation part: {why}",
            where=f"data set {context.dataset.name}",
            remedy="give validation items that define it, or choose by another metric",
        )
    if scaling is not None:
        train, validation = scaling.apply(train), scaling.apply(validation)
    learned, held_out = (
        Part(items, UnitTruth(targets, weight))
        for items, targets, weight in zip(parts, (train, validation), weights, strict=True)
    )
    return UnitObjective(context, learned, held_out, counted, scaling, kind)
