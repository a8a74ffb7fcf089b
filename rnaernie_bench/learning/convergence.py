"""When training has converged: what begins the cool-down, and ends training after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rnaernie_bench.learning.schedule import Schedule
from rnaernie_bench.learning.trainer_parts import evaluations


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
