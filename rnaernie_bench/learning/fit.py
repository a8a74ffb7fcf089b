"""What training and scoring a network share, whatever is trained of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import TrainerCallback

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import best_device, in_batches
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.encoding import Encoded, Tail, encode
from rnaernie_bench.data.items import Items
from rnaernie_bench.data.targets import units_of
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.learning.network import TaskModel, build_head, save_model
from rnaernie_bench.learning.objective import lesson
from rnaernie_bench.learning.recipe import TrainingSummary, train
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import Scaling, Targets
from rnaernie_bench.task.lengths import policies_of


@dataclass(frozen=True)
class Reader:
    """How a network reads sequences."""

    tokenizer: Any
    max_bases: int
    policy: str
    token_budget: int
    overlap: int = 0
    """The least number of bases that neighbouring windows share, under ``window``."""
    tails: Callable[[Sequence[str]], Sequence[Sequence[Tail]]] | None = None
    """Chooses the copies that each sequence is read as; None: one, without a tail."""

    def __post_init__(self) -> None:
        if self.overlap >= self.max_bases:
            raise ConfigError(
                f"windows of {self.max_bases} bases cannot share {self.overlap}",
                where="task.window_overlap",
                remedy=f"give at most {self.max_bases - 1}",
            )

    @property
    def pad_id(self) -> int:
        """The token that fills up a batch."""
        return int(self.tokenizer.pad_token_id)

    def encode(self, sequences: Sequence[str], names: Sequence[str] | None = None) -> Encoded:
        """Return token ids under the length policy."""
        return encode(
            sequences,
            self.tokenizer,
            policy=self.policy,
            max_bases=self.max_bases,
            overlap=self.overlap,
            names=names,
            tails=self.tails(sequences) if self.tails else None,
        )


@dataclass(frozen=True)
class FittedNetwork:
    """A network to fit; `model` maps ``input_ids, attention_mask`` to a dict with ``logits``."""

    model: nn.Module
    reader: Reader
    write: Callable[[Path], None]
    """Writes the model into a folder."""
    level: str = "sequence"

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 logits of shape (units, outputs)."""
        device = best_device()
        model = self.model.to(device).eval()
        return in_batches(
            lambda ids, mask: model(ids, mask)["logits"],
            self.reader.encode(sequences),
            pad_id=self.reader.pad_id,
            token_budget=self.reader.token_budget,
            device=device,
            sizes=units_of(sequences, self.level),
            together=True,
        )

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        self.write(folder)


def with_fresh_head(context: FitContext, encoder: Encoder) -> FittedNetwork:
    """Return `encoder` under a new head of the task, drawn from the seed, yet to be fitted."""
    task, config = context.task, context.config
    torch.manual_seed(config.seed)
    width = outputs(task.problem, len(task.labels))
    head = build_head(config.task.head, encoder.model.config, width, task.problem)
    model = TaskModel(encoder.model, head)
    reader = Reader(
        encoder.tokenizer,
        encoder.max_bases,
        config.task.length,
        config.trainer.token_budget,
        config.task.window_overlap,
    )
    write = partial(save_model, model, encoder.tokenizer, head=config.task.head, labels=task.labels)
    return FittedNetwork(model, reader, write, task.level)


def refuse_long(context: FitContext, reader: Reader) -> None:
    """Refuse what is too long for the policy ``error``, before time is spent on training.

    Raises:
        DataError: naming file and record of a sequence over the limit under ``error``.
    """
    if reader.policy != "error":
        return
    task = context.task
    others = [policy for policy in policies_of(task.level_entry, task.problem) if policy != "error"]
    remedy = " or ".join(["cut or remove it", *(f"set task.length={policy}" for policy in others)])
    for part, items in context.dataset.parts.items():
        for item in items:
            if len(item.sequence) > reader.max_bases:
                raise DataError(
                    f"the sequence has {len(item.sequence)} bases, {reader.max_bases} fit",
                    where=f"{place_of(context, part)}, record '{item.id}'",
                    remedy=remedy,
                )


def place_of(context: FitContext, part: str) -> str:
    """Return how messages call what a part was read from."""
    if not context.dataset.simulated:
        declared = context.task.dataset
        if part in declared.tables:
            return declared.tables[part].source
        if part in declared.file_parts:
            return ", ".join(file.path for file in declared.file_parts[part].values())
    return f"{context.dataset.name}, part {part}"


def train_network(
    context: FitContext,
    model: nn.Module,
    reader: Reader,
    learning_rate: float,
    *,
    rate_factors: Mapping[str, float] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingSummary:
    """Train the weights of `model` that require gradients by the recipe; it holds its best epoch.

    Args:
        context: the task's.
        model: the network.
        reader: how it reads sequences.
        learning_rate: the highest rate.
        rate_factors: by parameter, what its rate is multiplied by; None leaves all rates equal.
        callbacks: for the trainer, besides the recipe's own.

    Raises:
        DataError: for a sequence over the limit under ``task.length=error``.
    """
    refuse_long(context, reader)
    metric, taught = context.task.main_metric, lesson(context)
    if taught.class_weights is not None:
        model.class_weights = torch.from_numpy(taught.class_weights)

    def examples(items: Items, targets: Targets, weights: np.ndarray | None) -> Examples:
        return Examples(reader.encode([item.sequence for item in items]), targets, weights)

    summary = train(
        model,
        examples(context.train, taught.train, taught.train_weights),
        examples(context.validation, taught.validation, taught.validation_weights),
        pad_id=reader.pad_id,
        options=context.config.trainer,
        learning_rate=learning_rate,
        seed=context.config.seed,
        folder=context.folder,
        score=taught.score,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        log=context.log,
        rate_factors=rate_factors,
        callbacks=callbacks,
    )
    if taught.scaling is not None:
        unscale(last_linear(model), taught.scaling)
    return summary


def last_linear(model: nn.Module) -> nn.Linear:
    """Return the layer that gives the scores of a network: `head.decoder`, or its own `linear`."""
    layer: nn.Linear = model.linear if hasattr(model, "linear") else model.head.decoder  # type: ignore[union-attr, assignment]
    return layer


def unscale(linear: nn.Linear, scaling: Scaling) -> None:
    """Make a layer that gives scaled quantities give them in the units of the data."""
    scale, shift = torch.from_numpy(scaling.scale), torch.from_numpy(scaling.shift)
    with torch.no_grad():
        linear.weight *= scale.to(linear.weight)[:, None]
        linear.bias.copy_(linear.bias * scale.to(linear.bias) + shift.to(linear.bias))


def report(
    context: FitContext,
    model: nn.Module,
    summary: TrainingSummary,
    reader: Reader,
    weights_sha256: str | None,
) -> FitReport:
    """Return the report of a network that was trained as `summary` says."""
    return FitReport(
        parameters=sum(p.numel() for p in model.parameters()),
        weights_sha256=weights_sha256,
        max_bases=reader.max_bases,
        train_s=summary.train_s,
        items_per_s=len(context.train) * summary.epochs / max(summary.train_s, 1e-9),
        epochs=summary.epochs,
        best_epoch=summary.best_epoch,
        stopped_by=summary.stopped_by,
    )
