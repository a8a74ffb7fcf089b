"""The one training recipe, over `transformers.Trainer`.

AdamW with warm-up and linear decay, batches of similar lengths under a token budget, evaluation on
validation after every epoch, the best epoch kept, early stopping, a limit on minutes. A checkpoint
is written after every epoch; a run that was interrupted goes on from the last whole one and ends
as if nothing had happened.

Several processes of a launch (`core.distributed`) train as one: each batch is sharded, gradients
are those of the mean over the whole batch, validation is divided and gathered.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.config.options import TrainerOptions
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, shard_batch
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.objective import Objective
from rnaernie_bench.learning.trainer_parts import (
    Arguments,
    Curves,
    Log,
    TimeLimit,
    callback_of,
    last_whole_checkpoint,
    train_from,
    wants_bf16,
)


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
    train_set: Examples,
    validation_set: Examples,
    *,
    objective: Objective,
    options: TrainerOptions,
    learning_rate: float,
    seed: int,
    folder: Path,
    metric: str,
    higher_is_better: bool,
    log: Log,
    rate_factors: Mapping[str, float] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingSummary:
    """Train `model` in place; it holds the weights of its best epoch afterwards.

    Args:
        model: maps a batch of the examples to a dict of ``loss`` and ``logits``.
        train_set: what is learned from.
        validation_set: what chooses the epoch.
        objective: judges the scores of validation.
        options: recipe and budget.
        learning_rate: the highest rate, reached after warm-up.
        seed: of shuffling and dropout.
        folder: checkpoints go below it; they are left for the caller to remove.
        metric: the one of validation's that chooses the epoch.
        higher_is_better: its direction.
        log: receives curves by epoch.
        rate_factors: by parameter, what its rate is multiplied by; None leaves all rates equal.
        callbacks: of a strategy, besides the recipe's own.

    Raises:
        ConfigError: if `options.fast_dropout` is off where there is no dropout.
        DataError: if there is nothing to train on.
    """
    if not len(train_set) or not len(validation_set):
        raise DataError("the train and validation parts need at least one item each")
    drops = any(isinstance(m, nn.Dropout) and m.p > 0 for m in model.modules())
    if not options.fast_dropout and not drops:
        raise ConfigError(
            "nothing would read it: what is trained has no dropout layer that it changes",
            where="trainer.fast_dropout",
            remedy="leave it out",
        )
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
        objective=objective,
        token_budget=options.token_budget,
        rate_factors=rate_factors,
    )
    trainer.remove_callback(PrinterCallback)
    start = time.perf_counter()
    torch.manual_seed(seed + trainer.args.process_index)  # each process drops values of its own
    checkpoint = last_whole_checkpoint(checkpoints, trainer.args.world_size)
    if checkpoint is None and trainer.args.process_index == 0:
        shutil.rmtree(checkpoints, ignore_errors=True)  # of another number of processes, perhaps
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
        train_set: Examples,
        validation_set: Examples,
        *,
        objective: Objective,
        token_budget: int,
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
        self.objective: Objective = objective
        self.token_budget = token_budget
        self.rate_factors = rate_factors
        self.sampler = LengthBucketedBatchSampler(
            train_set.inputs.costs,
            token_budget,
            shuffle=True,
            seed=self.args.seed,
            counts=train_set.inputs.counts,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of a pass over train."""
        return math.ceil(len(self.sampler) / self.args.gradient_accumulation_steps)

    def load_best(self, checkpoint: Path, state: TrainerState) -> None:
        """Load the weights of the best epoch of a training that had ended at `checkpoint`."""
        # Beside it, wherever the folder lies by now.
        self._load_weights(checkpoint.parent / Path(str(state.best_model_checkpoint)).name)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the Trainer's optimiser, with a group for each learning rate."""
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
            batch_sampler=_Shares(
                self.sampler,
                self.args.process_index,
                self.args.world_size,
                self.train_set.truth.loss_weights,
            ),
            collate_fn=self._collate,
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the mean loss of this process's items, weighted so that processes average well."""
        weight = inputs.pop("weight")
        return model(**inputs)["loss"] * weight

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the whole validation part at once and report it under ``eval_...``."""
        network = self.network.eval()

        def compute(batch: Batch) -> Tensor:
            with self.compute_loss_context_manager():
                logits: Tensor = network(**batch)["logits"]
            return logits

        values = self.objective.validate(
            self.validation_set,
            compute,
            token_budget=self.token_budget,
            device=self.args.device,
        )
        metrics = {f"eval_{name}": value for name, value in values.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._load_weights(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        self.load_best(Path(str(self.state.best_model_checkpoint)), self.state)

    def _load_weights(self, checkpoint: Path) -> None:
        """Load by way of the CPU: safetensors knows no `cpu:0`, which is what processes have."""
        from safetensors.torch import load_file

        self.network.load_state_dict(load_file(checkpoint / SAFE_WEIGHTS_NAME))

    def _collate(self, shares: Sequence[tuple[list[int], float]]) -> dict[str, Any]:
        [(indices, weight)] = shares
        return {**self.train_set.batch(indices), "weight": weight}


class _Shares:
    """This process's part of each batch, with its weight (see `shard_batch`), as the only element.

    However many processes there are, the batches are those that one of them would see.
    """

    def __init__(
        self,
        sampler: LengthBucketedBatchSampler,
        rank: int,
        world_size: int,
        loss_weights: np.ndarray | None,
    ) -> None:
        self.sampler = sampler
        self.rank = rank
        self.world_size = world_size
        self.loss_weights = loss_weights

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[tuple[list[int], float]]]:
        rank, world_size = self.rank, self.world_size
        return ([shard_batch(batch, rank, world_size, self.loss_weights)] for batch in self.sampler)

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffling of an epoch."""
        self.sampler.set_epoch(epoch)


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
        use_cpu=not torch.accelerator.is_available(),  # or several processes would not be seen
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
