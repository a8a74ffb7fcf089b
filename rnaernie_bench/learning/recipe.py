"""The one training recipe, over `transformers.Trainer`.

AdamW, batches of about a token budget, a learning rate that rises, stays until
validation no longer improves, and falls to zero (`schedule`), the moving average of the weights
validated and its best evaluation kept (`average`), the rate itself chosen by short trainings
(`rates`). A checkpoint is written after every evaluation; a run that was interrupted, by a limit of
time perhaps, goes on from the last whole one and ends as if nothing had happened.

Several processes of a launch (`core.distributed`) train as one: each batch is sharded, gradients
are those of the mean over the whole batch, validation is divided and gathered.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PrinterCallback, TrainerCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from rnaernie_bench.config.options import TrainerOptions
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.mixing import MixedBatchSampler
from rnaernie_bench.learning.bucket_trainer import BucketTrainer, DivergedError
from rnaernie_bench.learning.convergence import Convergence
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.objective import Objective
from rnaernie_bench.learning.pace import warn_of_time
from rnaernie_bench.learning.rates import chosen_rate
from rnaernie_bench.learning.schedule import Steps
from rnaernie_bench.learning.trainer_parts import (
    Arguments,
    Curves,
    Log,
    Pause,
    Paused,
    TimeLimit,
    WholeCommand,
    callback_of,
    evaluations,
    last_whole_checkpoint,
    replay,
    train_from,
)


@dataclass(frozen=True)
class TrainingSummary:
    """How a training went."""

    train_s: float
    epochs: float
    best_epoch: float
    ended_by: str
    """`converged` or `steps`."""
    steps: int = 0
    """Optimiser steps of the training that was kept."""
    rate: float | None = None
    """Its learning rate."""
    rates: Sequence[float] = ()
    """All rates that were compared."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the record tells besides."""
    curve: Sequence[tuple[int, float]] = ()
    """Optimiser steps and the validation score there, in their order."""


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, how.

    Raises:
        ConfigError: if `options.fast_dropout` is off where there is no dropout.
        DataError: if there is nothing to train on.
    """

    model: nn.Module
    """Maps a batch of the examples to a dict of ``loss`` and ``logits``; trained in place."""
    train_set: Examples
    """What is learned from."""
    validation_set: Examples
    """What chooses rate, end and evaluation."""
    objective: Objective
    """Judges the scores of validation."""
    options: TrainerOptions
    seed: int
    """Of shuffling and dropout."""
    folder: Path
    """Checkpoints go below it; they are left for the caller to remove."""
    metric: str
    """The one of validation's that chooses."""
    higher_is_better: bool
    log: Log
    """Receives curves by evaluation, from 1."""
    notify: Callable[[str], None] = lambda message: None
    """Receives messages for people."""
    rate_factors: Mapping[str, float] | None = None
    """By parameter, what its rate is multiplied by; None leaves all rates equal."""
    callbacks: Sequence[TrainerCallback] = ()
    """Of a strategy, besides the recipe's own."""

    def __post_init__(self) -> None:
        if not len(self.train_set) or not len(self.validation_set):
            raise DataError("the train and validation parts need at least one item each")
        drops = any(isinstance(m, nn.Dropout) and m.p > 0 for m in self.model.modules())
        if not self.options.fast_dropout and not drops:
            raise ConfigError(
                "nothing would read it: what is trained has no dropout layer that it changes",
                where="trainer.fast_dropout",
                remedy="leave it out",
            )

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.folder / "checkpoints"

    def sampler(self) -> MixedBatchSampler:
        """Return the batches of train."""
        inputs = self.train_set.inputs
        return MixedBatchSampler(
            inputs.costs, self.options.batch_tokens, seed=self.seed, counts=inputs.counts
        )

    def steps(self) -> Steps:
        """Return the steps of a training."""
        options = self.options
        return Steps.of(
            math.ceil(len(self.sampler()) / options.gradient_accumulation),
            evaluate_every=options.evaluation_steps,
            patience=options.patience,
            max_epochs=options.max_epochs,
            max_steps=options.max_steps,
        )


def train(
    recipe: Recipe, learning_rates: Sequence[float], *, further: bool = False
) -> TrainingSummary:
    """Train a model in place; it holds the weights of its best evaluation afterwards.

    Args:
        recipe: what is trained, on what, how.
        learning_rates: the rate after warm-up; of several, the one that validation prefers.
        further: whether the choice goes on beyond an edge of several, see `chosen_rate`.

    Raises:
        TimeLimitError: if the time of the command is over; checkpoints are kept.
    """
    if not torch.accelerator.is_available() and recipe.options.fast_dropout:
        from rnaernie_bench.backbones.fast_dropout import use_fast_dropout

        use_fast_dropout(recipe.model)
    warn_of_time(recipe.model, recipe.train_set, recipe.steps(), recipe.notify)
    if len(learning_rates) == 1:
        return _summary(recipe, [_train(recipe, learning_rates[0], recipe.checkpoints)])
    return _choose_and_train(recipe, learning_rates, further)


def _choose_and_train(
    recipe: Recipe, learning_rates: Sequence[float], further: bool
) -> TrainingSummary:
    """Train with each rate for a while, and with the best one to the end."""
    beginning = {name: value.clone() for name, value in recipe.model.state_dict().items()}
    tried: dict[float, _Training] = {}
    sign = 1 if recipe.higher_is_better else -1

    def go_on(rate: float, until: int | None) -> _Training:
        recipe.model.load_state_dict(beginning)
        name = f"rate-{rate:g}"
        return _train(recipe, rate, recipe.checkpoints / name, until=until)

    def score(rate: float, count: int) -> float:
        try:
            tried[rate] = go_on(rate, count)
        except DivergedError:
            return math.nan
        return max((sign * value for value in tried[rate].scores(recipe, count)), default=math.nan)

    rate = chosen_rate(learning_rates, score, further=further)
    recipe.notify(f"validation prefers the learning rate {rate:g}")
    searched = any(training.here for training in tried.values())
    best = tried.pop(rate)
    if searched:  # what was tried as one of several is now the curve of the run
        replay(best.state, f"eval_{recipe.metric}", recipe.log)
    return _summary(recipe, [go_on(rate, None), *tried.values()])


@dataclass(frozen=True)
class _Training:
    """A training, to its end or until it paused."""

    rate: float
    state: TrainerState
    elapsed_s: float
    converged: bool
    here: bool
    """Whether any of it happened in this process."""

    def scores(self, recipe: Recipe, count: int) -> list[float]:
        """Return the first scores of validation."""
        key = f"eval_{recipe.metric}"
        return [float(e[key]) for e in self.state.log_history if key in e][:count]


def _summary(recipe: Recipe, trainings: Sequence[_Training]) -> TrainingSummary:
    """Return how the first of some trainings went, the time of all of them counted."""
    state, key = trainings[0].state, f"eval_{recipe.metric}"
    return TrainingSummary(
        train_s=sum(training.elapsed_s for training in trainings),
        epochs=float(state.epoch or 0.0),
        best_epoch=(state.best_global_step or 0) / recipe.steps().epoch,
        ended_by="converged" if trainings[0].converged else "steps",
        steps=state.global_step,
        rate=trainings[0].rate,
        rates=sorted(training.rate for training in trainings),
        curve=[
            (int(entry["step"]), float(entry[key])) for entry in state.log_history if key in entry
        ],
    )


def _train(
    recipe: Recipe, learning_rate: float, folder: Path, *, until: int | None = None
) -> _Training:
    """Train with one rate, from the last checkpoint on, to the end or for some evaluations."""
    options, steps, key = recipe.options, recipe.steps(), f"eval_{recipe.metric}"
    log = recipe.log if until is None else _as_one_of_several(recipe.log, learning_rate)
    schedule = steps.schedule(options.warmup_fraction)
    trainer = BucketTrainer(
        recipe.model,
        recipe.train_set,
        recipe.validation_set,
        args=_arguments(recipe, steps, learning_rate, folder),
        objective=recipe.objective,
        sampler=recipe.sampler(),
        schedule=schedule,
        average=options.average,
        rate_factors=recipe.rate_factors,
    )
    trainer.remove_callback(PrinterCallback)

    def rewind(step: int) -> None:
        trainer.load_best(folder, step)

    convergence = Convergence(
        schedule, options.patience, recipe.metric, recipe.higher_is_better, rewind
    )
    pause = [] if until is None else [Pause(until, key)]
    own = [convergence, TimeLimit(), Curves(log, key), WholeCommand(), *pause]
    for callback in (*own, *recipe.callbacks):
        trainer.add_callback(callback)
    # Each process drops values of its own.
    torch.manual_seed(recipe.seed + trainer.args.process_index)
    checkpoint = last_whole_checkpoint(folder, trainer.args.world_size)
    if checkpoint is None and trainer.args.process_index == 0:
        shutil.rmtree(folder, ignore_errors=True)  # of another number of processes, perhaps
    if checkpoint is not None and until is not None:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        if len(evaluations(state, key)) >= until:
            saved: Any = state.stateful_callbacks
            elapsed = float(saved["TimeLimit"]["args"]["elapsed_s"])
            return _Training(learning_rate, state, elapsed, False, here=False)
    trained = {name: p.requires_grad for name, p in recipe.model.named_parameters()}
    try:
        train_from(trainer, checkpoint, trainer.load_ended, TimeLimit)
    except Paused:
        for name, parameter in recipe.model.named_parameters():
            parameter.requires_grad_(trained[name])  # as the end of training would leave them
    limit = callback_of(trainer, TimeLimit)
    limit.stop()
    return _Training(learning_rate, trainer.state, limit.elapsed_s, schedule.converged, here=True)


def _as_one_of_several(log: Log, rate: float) -> Log:
    """Return what logs the curves of a rate beside those of others."""

    def prefixed(metrics: Mapping[str, float], number: int) -> None:
        log({f"rate_{rate:g}/{name}": value for name, value in metrics.items()}, number)

    return prefixed


def _arguments(recipe: Recipe, steps: Steps, learning_rate: float, folder: Path) -> Arguments:
    options = recipe.options
    return Arguments(
        output_dir=str(folder),
        max_steps=steps.most,
        gradient_accumulation_steps=options.gradient_accumulation,
        learning_rate=learning_rate,
        weight_decay=options.weight_decay,
        optim="adamw_torch_fused",
        max_grad_norm=options.max_grad_norm,
        use_cpu=not torch.accelerator.is_available(),  # or several processes would not be seen
        seed=recipe.seed,
        data_seed=recipe.seed,
        eval_strategy="steps",
        eval_steps=steps.interval,
        save_strategy="steps",
        save_steps=steps.interval,
        logging_strategy="steps",
        logging_steps=steps.interval,
        logging_nan_inf_filter=False,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=recipe.metric,
        greater_is_better=recipe.higher_is_better,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=[],
        disable_tqdm=True,  # `train_from` shows the steps
        dataloader_pin_memory=torch.cuda.is_available(),
    )
