"""A sweep small enough to end in a second: a linear head on a tiny net's cached features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.sweeps.setup import set_up
from rnaernie_bench.sweeps.sweep import SweepOutcome, run_sweep
from tests.kit import agree
from tests.training_kit import QUICK, TINY_NET, TinyTask

SPACE = (
    "sweep.space=[{key: strategy.learning_rate, type: float, low: 0.001, high: 0.1, log: true},"
    "{key: strategy.batch_size, type: categorical, choices: [4, 8, 16]}]"
)
SMALL = (*QUICK, *TINY_NET, "strategy=frozen", "strategy.solver=adamw", SPACE,
         "sweep.pruner=none", "sweep.trials=4", "sweep.seeds=2")  # fmt: skip


def settings(runs: Path, *more: str) -> tuple[str, ...]:
    """Return the settings of the sweep."""
    return (*SMALL, f"runs_dir={runs}", *more)


def sweep(task: TinyTask, *more: str, told: list[str] | None = None) -> SweepOutcome:
    """Carry the sweep out in this process."""
    lines = [] if told is None else told
    return run_sweep(set_up(settings(task.runs, *more), [task.tasks]), lines.append)


def figures(trials: Sequence[Any]) -> list[dict[str, Any]]:
    """Return settings and figures of the complete trials, in order."""
    return [
        t.params | {f"figure {n}": value for n, value in enumerate(t.values)}
        for t in trials
        if t.state.name == "COMPLETE"
    ]


def alike(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> bool:
    """Say whether figures agree but for rounding, in whatever order."""
    return agree(sorted(left, key=str), sorted(right, key=str))
