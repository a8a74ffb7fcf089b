"""Rows of a table: runs that differ in nothing but the seed, summed up; standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rnaernie_bench.leaderboard.contrasts import Contrast
from rnaernie_bench.leaderboard.elsewhere import evaluation_notes, external_notes
from rnaernie_bench.leaderboard.settings import EARLIER, flaws_of, is_seeded, shown_as
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.metrics.seeds import deviation, over_seeds
from rnaernie_bench.results.record import (
    RECIPE_VERSION,
    Record,
    is_control,
    is_external,
    is_incomplete,
)

COSTS = ("train_s", "items_per_s", "peak_rss_mb", "peak_gpu_mb")
"""What a run took, as records and rows call it."""

SELF_REPORTED, REPRODUCED, ELSEWHERE = "self-reported", "reproduced", "computed elsewhere"
"""What is known of a row: what its author says, that all its runs were repeated, or that its
predictions were imported."""


@dataclass(frozen=True)
class Cell:
    """A metric over the seeds of a row."""

    mean: float
    sd: float | None
    """Standard deviation over seeds; None for one seed."""
    low: float | None
    high: float | None
    """95 % interval of the mean, over seeds and test items, or groups of them; over items alone for
    one seed."""
    undefined: str = ""
    """Why there is no figure, if there is none; the mean is nan then."""


@dataclass(frozen=True)
class Row:
    """Runs that differ in nothing but the seed."""

    backbone: str
    """As shown: an encoder with random weights is marked so."""
    kind: str
    """`encoder`, `baseline` or `external`."""
    strategy: str
    notes: str
    """Settings in which the row differs from rows of its table; runs that the budget ended."""
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    metrics: Mapping[str, Cell]
    parameters: int | None
    train_s: float | None
    items_per_s: float | None
    peak_rss_mb: float | None
    peak_gpu_mb: float | None
    """Costs are means over seeds."""
    control: bool = False
    """Whether it was given what it had to find out: it stands last and is not compared."""
    trials: float | None = None
    """Trainings that settings were chosen among, the one kept included; a mean over seeds."""
    pretrained: bool = False
    seeded: bool = True
    """Whether another seed would give another run: not of baselines that are solved exactly, nor
    where all runs predict the same."""
    flaws: tuple[str, ...] = ()
    """Why it leads no sentence and supports no claim, if anything does."""
    validation: float | None = None
    """The main metric on validation, a mean over seeds."""
    contrasts: tuple[Contrast, ...] = ()
    """Its declared comparisons, where they are computed."""
    provenance: str = SELF_REPORTED
    """`self-reported`, `reproduced`, how many of its runs were, or `computed elsewhere`."""
    incomplete: bool = False
    """Whether items of the test part are missing: it stands below the others, and is not ranked."""


def row_of(
    records: Sequence[Record],
    part: str,
    metrics: Sequence[str],
    notes: Sequence[str],
    reproduced: frozenset[str],
) -> Row:
    """Sum up records that differ in nothing but the seed.

    Args:
        records: in any order.
        part: the test part.
        metrics: the main metric first.
        notes: settings that tell the row from others of its table.
        reproduced: ids of the runs that were reproduced.
    """
    records = sorted(records, key=lambda record: (record["seed"], record["run_id"]))
    first = records[0]
    backbone, strategy = shown_as(first)
    flaws = flaws_of(records)
    earlier = (f"{EARLIER} {first['recipe_version']}",)
    notes = [*notes, *(earlier if first["recipe_version"] < RECIPE_VERSION else ())]
    notes += [flaw for flaw in flaws if flaw not in earlier]
    if len({record["seed"] for record in records}) < len(records):
        notes = [*notes, "equal seeds: runs that differ in settings their records do not have"]
    notes = [*notes, *external_notes(first, part), *evaluation_notes(first, part)]
    cells = {
        metric: cell_of(metric, [r["tests"][part]["metrics"].get(metric) for r in records])
        for metric in metrics
    }
    costs = {name: mean_of_all([record["cost"][name] for record in records]) for name in COSTS}
    run_ids = tuple(record["run_id"] for record in records)
    validations = [(record.get("validation") or {}).get("metrics", {}) for record in records]
    return Row(
        backbone=backbone,
        kind=first["backbone"]["kind"],
        strategy=strategy,
        notes=", ".join(notes),
        seeds=tuple(record["seed"] for record in records),
        run_ids=run_ids,
        metrics={metric: cell for metric, cell in cells.items() if cell},
        parameters=first["backbone"]["parameters"],
        train_s=costs["train_s"],
        items_per_s=costs["items_per_s"],
        peak_rss_mb=costs["peak_rss_mb"],
        peak_gpu_mb=costs["peak_gpu_mb"],
        control=is_control(first),
        trials=mean_of_all([record["selection"]["trials"] for record in records]),
        pretrained=first["backbone"]["init"] == "pretrained",
        seeded=is_seeded(records, part),
        flaws=flaws,
        validation=mean_of_all([each.get(metrics[0]) for each in validations]),
        provenance=ELSEWHERE if is_external(first) else _provenance(run_ids, reproduced),
        incomplete=any(is_incomplete(record, part) for record in records),
    )


def _provenance(run_ids: Sequence[str], reproduced: frozenset[str]) -> str:
    """Say how many of a row's runs were reproduced."""
    count = len(reproduced.intersection(run_ids))
    if count == len(run_ids):
        return REPRODUCED
    return f"{count} of {len(run_ids)} {REPRODUCED}" if count else SELF_REPORTED


def bounds_of(metric: str) -> tuple[float, float]:
    """Return the bounds of a metric; infinite ones for a metric that is not registered."""
    return METRICS.get(metric).bounds if metric in METRICS else (-math.inf, math.inf)


def cell_of(metric: str, figures: Sequence[Mapping[str, Any] | None]) -> Cell | None:
    """Sum up one metric over seeds, as records hold it; None unless every seed has it."""
    present = [figure for figure in figures if figure is not None]
    if len(present) < len(figures):
        return None
    undefined = [str(figure["undefined"]) for figure in present if figure.get("undefined")]
    if undefined:
        count = "" if len(present) == 1 else f", {len(undefined)} of {len(present)} runs"
        return Cell(math.nan, None, None, None, f"undefined: {undefined[0]}{count}")
    values = [float(figure["value"]) for figure in present]
    ends = [(figure["low"], figure["high"]) for figure in present]
    low, high = over_seeds(values, ends, bounds_of(metric))
    return Cell(fmean(values), deviation(values), low, high)


def mean_of_all(values: Sequence[float | None]) -> float | None:
    """Average, or None unless every value is there."""
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None
