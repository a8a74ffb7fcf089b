"""Validation while the runs of a row were trained, drawn small: whether it has flattened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.results.record import Record

WIDTH, HEIGHT, PAD = 360, 120, 4
"""Of the drawing, in CSS pixels."""


@dataclass(frozen=True)
class Curves:
    """The curves of a row."""

    paths: tuple[str, ...]
    """One a run, as SVG draws it."""
    caption: str


def validation_curves(runs: Sequence[Record]) -> Curves | None:
    """Return the curves of runs whose records have them; None where none has.

    Args:
        runs: those of a row.
    """
    found = [run["validation"].get("curve") for run in runs]
    curves = [(each["steps"], each["values"]) for each in found if each and each["steps"]]
    if not curves:
        return None
    most = max(steps[-1] for steps, _ in curves)
    values = [value for _, line in curves for value in line]
    low, high = min(values), max(values)

    def place(step: int, value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        x = PAD + (WIDTH - 2 * PAD) * step / max(most, 1)
        return f"{x:.1f} {HEIGHT - PAD - (HEIGHT - 2 * PAD) * share:.1f}"

    paths = tuple("M" + "L".join(map(place, *curve)) for curve in curves)
    metric = wording.metric_label(str(runs[0]["selection"]["metric"]))
    return Curves(
        paths,
        f"{metric} on validation over {most:,} optimiser steps, a line a run; "
        f"the height is from {wording.figure(low)} to {wording.figure(high)}.",
    )
