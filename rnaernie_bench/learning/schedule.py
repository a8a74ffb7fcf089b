"""How long a network is trained: until validation no longer improves, then a cool-down.

The learning rate rises, stays, and falls linearly to zero (WSD: warm-up, stable, decay; Hägele et
al. 2024, https://arxiv.org/abs/2405.18392). It stays until validation has not improved for some
evaluations, so that nobody has to know beforehand how many steps that takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rnaernie_bench.learning.trainer_parts import evaluations

COOL_DOWN = 5
"""The cool-down takes one step for so many steps before it."""


@dataclass
class Schedule:
    """What the learning rate is multiplied by at each step, from 0.

    The scheduler of an optimiser keeps these fields in its state, and so do checkpoints.
    """

    warm_up: int
    """Steps in which the rate rises."""
    start: int
    """The first step of the cool-down: until training has converged, the last at which it fits."""
    end: int
    """The step before which training ends."""
    converged: bool = False

    def __call__(self, step: int) -> float:
        """Return the factor of a step."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        falling = (self.end - step) / (self.end - self.start)
        return rising * min(1.0, max(0.0, falling))

    def cool_down(self, step: int, taken: int) -> None:
        """Begin the cool-down at a step, with weights that took so many steps."""
        self.start, self.converged = step, True
        self.end = min(self.end, step + max(1, math.ceil(taken / COOL_DOWN)))


@dataclass(frozen=True)
class Steps:
    """The steps of a training, counted before it begins."""

    epoch: int
    """Optimiser steps of a pass over train."""
    interval: int
    """Steps between two evaluations: an epoch, or an even part of one that has more."""
    most: int
    """Steps at which training ends, whatever validation says."""
    fewest: int
    """Steps before training can converge."""

    @classmethod
    def of(
        cls,
        epoch: int,
        *,
        evaluate_every: int,
        patience: int,
        max_epochs: int,
        max_steps: int | None,
    ) -> Steps:
        """Return the steps of a training whose epochs have `epoch` of them."""
        interval = math.ceil(epoch / math.ceil(epoch / evaluate_every))
        most = min(max_epochs * epoch, math.inf if max_steps is None else max_steps)
        return cls(epoch, interval, int(most), int(min(most, (patience + 1) * interval)))

    def schedule(self, warmup_fraction: float) -> Schedule:
        """Return the schedule of a training that may not converge."""
        start = self.most * COOL_DOWN // (COOL_DOWN + 1)
        return Schedule(int(warmup_fraction * self.fewest), start, self.most)


class Convergence(TrainerCallback):
    """Begins the cool-down when validation has stopped improving, and ends training after it.

    It needs no state of its own: the schedule is part of a checkpoint, and so are evaluations.

    Args:
        schedule: of the learning rate.
        patience: evaluations without a better score, after which training has converged.
        metric: the name of the score among the metrics, as `eval_NAME`.
        higher_is_better: its direction.
        rewind: called before the cool-down with the best step.
    """

    def __init__(
        self,
        schedule: Schedule,
        patience: int,
        metric: str,
        higher_is_better: bool,
        rewind: Callable[[int], None],
    ) -> None:
        self.schedule = schedule
        self.patience = patience
        self.metric = f"eval_{metric}"
        self.sign = 1 if higher_is_better else -1
        self.rewind = rewind

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Evaluate at the end of the cool-down for the last time."""
        if state.global_step >= self.schedule.end:
            control.should_log = control.should_evaluate = True
            control.should_save = control.should_training_stop = True

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Begin the cool-down if this evaluation is the last of too many without a better score."""
        step, best = state.global_step, state.best_global_step
        if step >= self.schedule.start or best is None or state.best_metric is None:
            return
        if self.sign * (metrics or {})[self.metric] > self.sign * state.best_metric:
            return
        if len(evaluations(state, self.metric, after=best)) >= self.patience:
            self.rewind(best)
            self.schedule.cool_down(step, best)
