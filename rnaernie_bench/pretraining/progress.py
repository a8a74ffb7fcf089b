"""How a pre-training tells what it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rnaernie_bench.core.files import write_text
from rnaernie_bench.pretraining.masking import KINDS
from rnaernie_bench.tracking.tracker import Tracker


class CurveLog:
    """Passes figures on: to a file of JSON lines, to the tracker, and as a line for people."""

    def __init__(
        self, path: Path, tracker: Tracker, notify: Callable[[str], None], max_steps: int
    ) -> None:
        self.path = path
        self.tracker = tracker
        self.notify = notify
        self.max_steps = max_steps

    def forget_after(self, step: int) -> None:
        """Leave out what an interrupted training logged after its last checkpoint."""
        kept = []
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step_of(line) <= step]
        write_text(self.path, "".join(f"{line}\n" for line in kept))

    def __call__(self, figures: Mapping[str, float], step: int) -> None:
        """Write, log and tell some figures of a step."""
        if "train_runtime" in figures:  # the Trainer's own summary; ours is the record
            return
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, **figures}) + "\n")
        self.tracker.log_metrics(figures, step)
        self.notify(log_line(figures, step, self.max_steps))


def log_line(figures: Mapping[str, float], step: int, max_steps: int) -> str:
    """Return a line for people: loss and accuracy by kind of target."""
    prefix = "eval_" if "eval_chance" in figures else ""
    parts = [
        f"{kind} {figures[f'{prefix}{kind}_loss']:.3f}/{figures[f'{prefix}{kind}_accuracy']:.3f}"
        for kind in KINDS
        if f"{prefix}{kind}_loss" in figures
    ]
    if prefix:
        head = f"held out, step {step}:"
        parts.append(f"type top-3 {figures['eval_type_top3_accuracy']:.3f}")
        if "eval_pairs_correlation" in figures:
            parts.append(
                f"pairs {figures['eval_pairs_loss']:.3f}, "
                f"correlation {figures['eval_pairs_correlation']:.3f}"
            )
    else:
        head = f"step {step}/{max_steps}: loss {figures['loss']:.3f}"
        if "pairs_loss" in figures:
            parts.append(f"pairs {figures['pairs_loss']:.3f}")
        parts.append(f"lr {figures['learning_rate']:.1e}")
        parts.append(f"{figures['tokens_per_s']:,.0f} tokens/s")
        parts.append(f"{figures['elapsed_s'] / 60:.1f} min")
    return "  ".join([head, *parts])


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except ValueError:  # the last line of a process that was killed
        return float("inf")
