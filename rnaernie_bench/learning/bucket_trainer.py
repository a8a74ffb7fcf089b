"""A Trainer whose batches are its own and whose validation is scored as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerState
from transformers.trainer import SCHEDULER_NAME
from transformers.utils import SAFE_WEIGHTS_NAME

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.time_limit import time_limit
from rnaernie_bench.data.batching import shard_batch
from rnaernie_bench.data.mixing import MixedBatchSampler
from rnaernie_bench.learning.average import Average, Follow
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.objective import Objective
from rnaernie_bench.learning.schedule import Schedule
from rnaernie_bench.metrics.measuring import to_choose_by


class DivergedError(BenchError):
    """A training that came to weights which are not numbers."""


class BucketTrainer(Trainer):
    """A Trainer that shards its batches itself and whose evaluation keeps the item order."""

    def __init__(
        self,
        network: nn.Module,
        train_set: Examples,
        validation_set: Examples,
        *,
        objective: Objective,
        sampler: MixedBatchSampler,
        schedule: Schedule,
        average: float | None,
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
        self.rate_factors = rate_factors
        self.sampler = sampler
        self.schedule = schedule
        trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.average = None if average is None else Average(trained, average)
        if self.average is not None:
            self.add_callback(Follow(self.average))

    def load_best(self, folder: Path, step: int) -> None:
        """Give the network what was validated at a step: the average there, if there is one.

        Args:
            folder: of the checkpoints.
            step: the best one.
        """
        self._load_weights(folder / f"checkpoint-{step}")
        if self.average is not None:
            self.average.apply()
            self.average.restart()

    def load_ended(self, checkpoint: Path, state: TrainerState) -> None:
        """Take over what a training came to that had ended at a checkpoint."""
        saved = torch.load(checkpoint / SCHEDULER_NAME, weights_only=True)
        vars(self.schedule).update(saved["lr_lambdas"][0])
        if state.best_global_step:
            self.load_best(checkpoint.parent, state.best_global_step)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LRScheduler:
        """Return the schedule of the learning rate."""
        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(optimizer or self.create_optimizer(), self.schedule)
        return self.lr_scheduler

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
        averaged = nullcontext() if self.average is None else self.average.in_place()

        def compute(batch: Batch) -> Tensor:
            with self.compute_loss_context_manager():
                logits: Tensor = network(**batch)["logits"]
            if logits.isnan().any():
                raise DivergedError(
                    f"diverged: scores after step {self.state.global_step} are not numbers",
                    remedy="lower the learning rate",
                )
            return logits

        # `trainer_parts.WholeCommand` sees to the time: half a validation would be lost.
        with averaged, time_limit(None):
            values = self.objective.validate(
                self.validation_set,
                compute,
                token_budget=self.sampler.token_budget,
                device=self.args.device,
            )
        chooses = str(self.args.metric_for_best_model).removeprefix("eval_")
        values = to_choose_by(values, chooses)
        metrics = {f"eval_{name}": value for name, value in values.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write weights, and their average beside them."""
        super().save_model(output_dir, _internal_call=_internal_call)
        if self.average is not None and self.args.should_save:
            self.average.save(Path(str(output_dir)))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._load_weights(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        self.load_best(Path(str(self.args.output_dir)), int(self.state.best_global_step or 0))

    def _load_weights(self, checkpoint: Path) -> None:
        """Load by way of the CPU: safetensors knows no `cpu:0`, which is what processes have."""
        from safetensors.torch import load_file

        self.network.load_state_dict(load_file(checkpoint / SAFE_WEIGHTS_NAME))
        if self.average is not None:
            self.average.load(checkpoint)

    def _collate(self, shares: Sequence[tuple[list[int], float]]) -> dict[str, Any]:
        [(indices, weight)] = shares
        return {**self.train_set.batch(indices), "weight": weight}


class _Shares:
    """This process's part of each batch, with its weight (see `shard_batch`), as the only element.

    However many processes there are, the batches are those that one of them would see.
    """

    def __init__(
        self,
        sampler: MixedBatchSampler,
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
