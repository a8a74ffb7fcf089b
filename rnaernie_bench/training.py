"""The one training recipe, over `transformers.Trainer`.

AdamW with warm-up and linear decay, batches of similar lengths under a token budget, evaluation on
validation after every epoch, the best epoch kept, early stopping, a limit on minutes. A checkpoint
is written after every epoch; a run that was interrupted goes on from the last whole one and ends
as if nothing had happened.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
)
from transformers.utils import SAFE_WEIGHTS_NAME

from rnaernie_bench.config import TrainerOptions
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.data.targets import Targets
from rnaernie_bench.errors import DataError
from rnaernie_bench.losses import loss_of
from rnaernie_bench.trainer_parts import (
    Arguments,
    Curves,
    Log,
    TimeLimit,
    callback_of,
    last_whole_checkpoint,
    train_from,
    wants_bf16,
)

Score = Callable[[Any], Mapping[str, float]]
"""Maps what validation gave (see `Material.validate`) to metrics; one of them chooses the epoch."""

Compute = Callable[..., Tensor]
"""The network in evaluation mode: from a batch, by keywords, to logits."""


class Material(Protocol):
    """What is learned from, or validated on."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        ...

    @property
    def costs(self) -> np.ndarray:
        """What each item takes of the token budget, int64 of shape (items,)."""
        ...

    @property
    def counts(self) -> np.ndarray | None:
        """How many inputs each item is read as; None: one each."""
        ...

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return what the network is called with, the truth with it."""
        ...

    def validate(
        self,
        compute: Compute,
        score: Score,
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return the loss of all items, as ``loss``, and their metrics."""
        ...


@dataclass(frozen=True)
class Examples:
    """Encoded sequences with what is to be learned of them, or of their bases."""

    encoded: Encoded
    targets: Targets
    weights: np.ndarray | None = None
    """float32 of the shape of the targets' values: how much each counts; None: all alike."""

    def __len__(self) -> int:
        return len(self.targets.sizes)

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        return index

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each sequence."""
        return self.encoded.lengths

    @property
    def counts(self) -> np.ndarray:
        """Inputs of each sequence."""
        return self.encoded.counts

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``labels`` of some sequences, and how much these count, if told."""
        units = self.targets.units(indices)
        batch = gather_batch(self.encoded, indices, pad_id)
        batch["labels"] = torch.from_numpy(self.targets.values[units])
        if self.weights is not None:
            batch["weights"] = torch.from_numpy(self.weights[units])
        return batch

    def validate(
        self,
        compute: Compute,
        score: Score,
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given the scores of all units in item order."""
        from rnaernie_bench.inference import in_batches

        logits = in_batches(
            lambda ids, mask: compute(input_ids=ids, attention_mask=mask),
            self.encoded,
            pad_id=pad_id,
            token_budget=token_budget,
            device=device,
            sizes=self.targets.sizes,
        )
        loss = loss_of(
            self.targets.problem,
            torch.from_numpy(logits),
            torch.from_numpy(self.targets.values),
            weights=None if self.weights is None else torch.from_numpy(self.weights),
        )
        return {"loss": float(loss), **score(logits)}


@dataclass(frozen=True)
class TrainingSummary:
    """How a training went."""

    train_s: float
    epochs: float
    best_epoch: float
    stopped_by: str
    """`early_stopping`, `max_epochs` or `max_train_minutes`."""


def train(
    model: nn.Module,
    train_set: Material,
    validation_set: Material,
    *,
    pad_id: int,
    options: TrainerOptions,
    learning_rate: float,
    seed: int,
    folder: Path,
    score: Score,
    metric: str,
    higher_is_better: bool,
    log: Log,
    rate_factors: Mapping[str, float] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingSummary:
    """Train `model` in place; it holds the weights of its best epoch afterwards.

    Args:
        model: maps a batch of the material to a dict of ``loss`` and ``logits``.
        train_set: what is learned from.
        validation_set: what chooses the epoch.
        pad_id: the token that fills up a batch.
        options: recipe and budget.
        learning_rate: the highest rate, reached after warm-up.
        seed: of shuffling and dropout.
        folder: checkpoints go below it; they are left for the caller to remove.
        score: validation metrics from what the material gives it.
        metric: the one of them that chooses the epoch.
        higher_is_better: its direction.
        log: receives curves by epoch.
        rate_factors: by parameter, what its rate is multiplied by; None leaves all rates equal.
        callbacks: of a strategy, besides the recipe's own.

    Raises:
        DataError: if there is nothing to train on.
    """
    if not len(train_set) or not len(validation_set):
        raise DataError("the train and validation parts need at least one item each")
    on_cpu = not torch.accelerator.is_available()
    if on_cpu and options.fast_dropout:
        from rnaernie_bench.backbones.fast_dropout import use_fast_dropout

        use_fast_dropout(model)
    checkpoints = folder / "checkpoints"
    stopping = EarlyStoppingCallback(early_stopping_patience=options.patience)
    trainer = _BucketTrainer(
        model,
        train_set,
        validation_set,
        args=_arguments(options, learning_rate, seed, checkpoints, metric, higher_is_better),
        callbacks=[stopping, TimeLimit(), Curves(log), *callbacks],
        pad_id=pad_id,
        token_budget=options.token_budget,
        score=score,
        rate_factors=rate_factors,
    )
    trainer.remove_callback(PrinterCallback)
    start = time.perf_counter()
    torch.manual_seed(seed)
    checkpoint = last_whole_checkpoint(checkpoints, trainer.args.world_size)
    train_from(trainer, checkpoint, trainer.load_best, TimeLimit)
    state, limit = trainer.state, callback_of(trainer, TimeLimit)
    limit.stop()
    return TrainingSummary(
        train_s=max(limit.elapsed_s, time.perf_counter() - start),
        epochs=float(state.epoch or 0.0),
        best_epoch=(state.best_global_step or 0) / trainer.steps_per_epoch,
        stopped_by=_reason(trainer, limit),
    )


class _BucketTrainer(Trainer):
    """A Trainer whose batches are length buckets and whose evaluation keeps the item order."""

    def __init__(
        self,
        network: nn.Module,
        train_set: Material,
        validation_set: Material,
        *,
        pad_id: int,
        token_budget: int,
        score: Score,
        rate_factors: Mapping[str, float] | None,
        **arguments: Any,
    ) -> None:
        super().__init__(
            model=network,
            train_dataset=train_set,
            eval_dataset=validation_set,
            **arguments,
        )
        self.network = network
        self.train_set = train_set
        self.validation_set = validation_set
        self.pad_id = pad_id
        self.token_budget = token_budget
        self.score = score
        self.rate_factors = rate_factors
        self.sampler = LengthBucketedBatchSampler(
            train_set.costs,
            token_budget,
            shuffle=True,
            seed=self.args.seed,
            rank=self.args.process_index,
            world_size=self.args.world_size,
            counts=train_set.counts,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of a pass over train."""
        return math.ceil(len(self.sampler) / self.args.gradient_accumulation_steps)

    def load_best(self, checkpoint: Path, state: TrainerState) -> None:
        """Load the weights of the best epoch of a training that had ended at `checkpoint`."""
        from safetensors.torch import load_file

        # Beside it, wherever the folder lies by now.
        best = checkpoint.parent / Path(str(state.best_model_checkpoint)).name
        self.network.load_state_dict(load_file(best / SAFE_WEIGHTS_NAME))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the Trainer's optimiser, with a group for each learning rate that is asked for."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if fresh and self.rate_factors is not None:
            factors = {id(p): self.rate_factors[n] for n, p in self.network.named_parameters()}
            optimizer.param_groups[:] = [
                group | {"lr": group["lr"] * factor, "params": members}
                # The first group's rate is the one that is logged: the highest.
                for factor in sorted(set(factors.values()), reverse=True)
                for group in optimizer.param_groups
                if (members := [p for p in group["params"] if factors[id(p)] == factor])
            ]
        return optimizer

    def get_train_dataloader(self) -> DataLoader:
        """Return batches that this class shards itself; Accelerate would cut them once more."""
        return _EpochLoader(
            self.train_set,  # type: ignore[arg-type]
            batch_sampler=self.sampler,
            collate_fn=self._collate,
        )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the whole validation part at once and report it under ``eval_...``."""
        network = self.network.eval()

        def compute(**inputs: Tensor) -> Tensor:
            with self.compute_loss_context_manager():
                logits: Tensor = network(**inputs)["logits"]
            return logits

        values = self.validation_set.validate(
            compute,
            self.score,
            pad_id=self.pad_id,
            token_budget=self.token_budget,
            device=self.args.device,
        )
        metrics = {f"eval_{name}": value for name, value in values.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _collate(self, indices: Sequence[int]) -> dict[str, Tensor]:
        return self.train_set.batch(indices, self.pad_id)


class _EpochLoader(DataLoader):
    """Hands the epoch on to its batch sampler, which plain DataLoaders do not."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffling of an epoch."""
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]


def _arguments(
    options: TrainerOptions,
    learning_rate: float,
    seed: int,
    folder: Path,
    metric: str,
    higher_is_better: bool,
) -> Arguments:
    return Arguments(
        output_dir=str(folder),
        num_train_epochs=options.max_epochs,
        max_train_minutes=options.max_train_minutes,
        gradient_accumulation_steps=options.gradient_accumulation,
        learning_rate=learning_rate,
        weight_decay=options.weight_decay,
        warmup_steps=options.warmup_fraction,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        max_grad_norm=options.max_grad_norm,
        bf16=wants_bf16(options.precision),
        seed=seed,
        data_seed=seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=metric,
        greater_is_better=higher_is_better,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=[],
        disable_tqdm=not (options.progress and sys.stderr.isatty()),
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def _reason(trainer: Trainer, limit: TimeLimit) -> str:
    if limit.reached:
        return "max_train_minutes"
    if trainer.state.global_step < trainer.state.max_steps:
        return "early_stopping"
    return "max_epochs"
