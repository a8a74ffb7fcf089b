"""What every training over `transformers.Trainer` needs: a clock, curves, whole checkpoints."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import is_zipfile

import torch
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from rnaernie_bench.backbones.inference import expect_many_shapes
from rnaernie_bench.core.progress import Step, steps
from rnaernie_bench.core.time_limit import seconds_left, stop_for_time

Log = Callable[[Mapping[str, float], int], None]
"""Receives figures by name, with the evaluation or step they belong to."""

C = TypeVar("C", bound=TrainerCallback)


@dataclass
class Arguments(TrainingArguments):
    """The Trainer's arguments, of one device a process, and our limit of time."""

    max_train_minutes: float | None = None
    """See `TimeLimit`. Kept here, for callbacks come back from a checkpoint as they were."""

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_many_shapes()
        # On several GPUs one process would cut batches up (`nn.DataParallel`), where ours are
        # whole: flattened targets, token budgets, shares of processes. torchrun uses them all.
        self._n_gpu = min(self.n_gpu, 1)


def last_whole_checkpoint(folder: Path, processes: int = 1) -> Path | None:
    """Return the newest checkpoint below `folder` that was written to its end, if any.

    Args:
        folder: holds the checkpoints.
        processes: of the training; each of them writes the state of its random numbers.
    """
    names = [f"rng_state_{rank}.pth" for rank in range(processes)]
    names = names if processes > 1 else ["rng_state.pth"]
    whole: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        if not all(is_zipfile(path / name) for name in names):  # what torch writes ends as a zip
            continue
        try:  # the first process writes this last
            state = json.loads((path / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        whole.append((int(state["global_step"]), path))
    return max(whole)[1] if whole else None


def train_from(
    trainer: Trainer,
    checkpoint: Path | None,
    load_ended: Callable[[Path, TrainerState], None],
    *kinds: type[TrainerCallback],
) -> None:
    """Train from a checkpoint on, or from the start; take over what had ended at the checkpoint.

    Resumed the usual way, a training that had ended would go on for a step or an epoch before it
    stops again.

    Args:
        trainer: what trains.
        checkpoint: one that is whole, or None.
        load_ended: loads what an ended training came to, given checkpoint and state.
        kinds: callbacks that are then put back as the checkpoint has them.
    """
    first = 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
    with steps("training", trainer.args.max_steps - first, "steps", bound=True) as step:
        trainer.add_callback(Done(step))
        _train_from(trainer, checkpoint, load_ended, *kinds)
        trainer.remove_callback(Done)


def _train_from(
    trainer: Trainer,
    checkpoint: Path | None,
    load_ended: Callable[[Path, TrainerState], None],
    *kinds: type[TrainerCallback],
) -> None:
    if checkpoint is None:
        trainer.train()
        return
    state = _ended_state(checkpoint)
    if state is None:
        trainer.train(resume_from_checkpoint=str(checkpoint))
        return
    load_ended(checkpoint, state)
    trainer.state = state
    saved: Any = state.stateful_callbacks
    for kind in kinds:
        trainer.remove_callback(kind)
        trainer.add_callback(kind(**saved[kind.__name__]["args"]))


def _ended_state(checkpoint: Path) -> TrainerState | None:
    """Return the state kept in `checkpoint` if its training had ended there, else None."""
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    saved: Any = state.stateful_callbacks
    return state if saved["TrainerControl"]["args"]["should_training_stop"] else None


def callback_of(trainer: Trainer, kind: type[C]) -> C:
    """Return the callback of a kind; a resumed training has put the saved one in its place."""
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, kind))


class TimeLimit(TrainerCallback, ExportableState):
    """Stops training after `Arguments.max_train_minutes`, those before an interruption counted.

    Training ends with the step at which time runs out on any of its processes.
    """

    def __init__(self, elapsed_s: float = 0.0, reached: bool = False) -> None:
        self.before_s = elapsed_s
        self.elapsed_s = elapsed_s
        self.reached = reached
        self.start: float | None = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: the arguments to make an equal limit of."""
        self.stop()
        return {"args": {"elapsed_s": self.elapsed_s, "reached": self.reached}, "attributes": {}}

    def stop(self) -> None:
        """Bring `elapsed_s` up to date."""
        if self.start is not None:
            self.elapsed_s = self.before_s + time.perf_counter() - self.start

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop when the time is over."""
        assert isinstance(args, Arguments)
        if args.max_train_minutes is None:
            return
        self.stop()
        if _any_process(self.elapsed_s >= 60 * args.max_train_minutes, args):
            self.reached = control.should_training_stop = True
            if args.save_strategy == SaveStrategy.STEPS:  # by epochs, the end of one is at hand
                control.should_log = control.should_save = True
                control.should_evaluate = args.eval_strategy == IntervalStrategy.STEPS


class Done(TrainerCallback):
    """Tells how many steps are done, in place of the Trainer's own bar.

    Args:
        step: is told of each.
    """

    def __init__(self, step: Step) -> None:
        self.step = step

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Count a step."""
        self.step(1)


class Curves(TrainerCallback):
    """Hands the Trainer's log lines on.

    Args:
        log: receives them.
        metric: of evaluations, as `eval_NAME`: lines are numbered by the evaluation they belong
            to, from 1. None: by the step.
    """

    def __init__(self, log: Log, metric: str | None = None) -> None:
        self.log = log
        self.metric = metric

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Pass on every number."""
        logs = logs or {}
        number = state.global_step
        if self.metric is not None:  # the loss of training comes before the evaluation
            number = len(evaluations(state, self.metric)) + ("loss" in logs)
        self.log(_numbers(logs), number)


def replay(state: TrainerState, metric: str, log: Log) -> None:
    """Log the curves of a training once more, numbered by the evaluations of `metric`."""
    number = 1
    for entry in state.log_history:
        log(_numbers(entry), number)
        number += metric in entry


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    numbers = {k: float(v) for k, v in logs.items() if isinstance(v, int | float)}
    return {name: value for name, value in numbers.items() if name not in ("epoch", "step")}


def evaluations(state: TrainerState, metric: str, *, after: int = 0) -> list[int]:
    """Return the steps, after a step, at which `metric`, as `eval_NAME`, was evaluated."""
    return [int(e["step"]) for e in state.log_history if metric in e and e["step"] > after]


class Paused(Exception):  # noqa: N818  # nothing is wrong
    """A training has been validated as often as was asked for, and can be continued."""


class Pause(TrainerCallback):
    """Interrupts a training, with a checkpoint, after some evaluations of a metric."""

    def __init__(self, count: int, metric: str) -> None:
        self.count = count
        self.metric = metric

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Leave, unless training ends by itself."""
        done = len(evaluations(state, self.metric)) >= self.count
        if done and not control.should_training_stop:
            _wait(args)
            raise Paused


class WholeCommand(TrainerCallback):
    """Interrupts a training, with a checkpoint, before the time of the command is over.

    It does so after a step that is not validated, or after the validation, so that nothing is lost:
    once a validation has been timed, early enough for another one.
    """

    def __init__(self) -> None:
        self.validation_s = 0.0
        self.start = 0.0
        self.over = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Have a checkpoint written if time is over."""
        self.start = time.perf_counter()
        if not math.isfinite(seconds_left()) or control.should_evaluate:
            return
        if _any_process(seconds_left() < self.validation_s, args):
            self.over = control.should_save = True

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """Take the time of a validation."""
        self.validation_s = time.perf_counter() - self.start

    def on_save(self, args: TrainingArguments, *_: Any, **__: Any) -> None:
        """Leave if time is over."""
        if math.isfinite(seconds_left()) and _any_process(self.over or seconds_left() < 0, args):
            _wait(args)
            stop_for_time()


def _any_process(condition: bool, args: TrainingArguments) -> bool:
    """Return whether a condition holds in any process: one that left alone would be waited for."""
    if args.world_size == 1:
        return condition
    agreed = torch.tensor(float(condition), device=args.device)
    torch.distributed.all_reduce(agreed, op=torch.distributed.ReduceOp.MAX)
    return bool(agreed.item())


def _wait(args: TrainingArguments) -> None:
    """Wait until the first process has written its checkpoint."""
    if args.world_size > 1:
        torch.distributed.barrier()
