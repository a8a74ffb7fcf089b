"""What every training over `transformers.Trainer` needs: a clock, curves, whole checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
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

Log = Callable[[Mapping[str, float], int], None]
"""Receives figures by name, with the epoch or step they belong to."""

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


def wants_bf16(precision: Literal["auto", "fp32", "bf16"]) -> bool:
    """Return whether to train in bf16: requested, or `auto` on a GPU that has it."""
    return precision == "bf16" or (
        precision == "auto" and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    )


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
        over = self.elapsed_s >= 60 * args.max_train_minutes
        if args.world_size > 1:  # a process that stopped alone would leave the others waiting
            agreed = torch.tensor(float(over), device=args.device)
            torch.distributed.all_reduce(agreed, op=torch.distributed.ReduceOp.MAX)
            over = bool(agreed.item())
        if over:
            self.reached = control.should_training_stop = True
            if args.save_strategy == SaveStrategy.STEPS:  # by epochs, the end of one is at hand
                control.should_log = control.should_save = True
                control.should_evaluate = args.eval_strategy == IntervalStrategy.STEPS


class Curves(TrainerCallback):
    """Hands the Trainer's log lines on, by epoch or by step."""

    def __init__(self, log: Log, by: Literal["epoch", "step"] = "epoch") -> None:
        self.log = log
        self.by = by

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Pass on every number."""
        numbers = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        numbers.pop("epoch", None)
        self.log(numbers, round(state.epoch or 0) if self.by == "epoch" else state.global_step)
