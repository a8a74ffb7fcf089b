"""A leaderboard table as the page shows it: the finding, then rows with drawn intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnaernie_bench.leaderboard.contrasts import (
    ALONE,
    REFERENCES,
    SHORTCUT,
    by_how_much,
    in_words,
    kinds_among,
)
from rnaernie_bench.leaderboard.folds import FoldTable
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record

MOST_RANKED = 20
"""The best rows over tasks are shown beside each other."""

STRIP_WIDTH, STRIP_PAD = 200, 6
"""Size of a drawn interval and the room at its ends, in CSS pixels."""


@dataclass(frozen=True)
class Column:
    """A column of figures."""

    label: str
    help: str
    group: str
    """`runs`, `cost` or `metric`: where rules are drawn between columns."""
    show: Callable[[float | None], str]
    values: tuple[float | None, ...]
    """By row of the table."""


@dataclass(frozen=True)
class Axis:
    """The axis that the intervals of a table are drawn on."""

    low: float
    high: float
    step: float
    """Between ticks."""

    def place(self, value: float) -> float:
        """Return where a value lies in a drawing, in CSS pixels."""
        room = STRIP_WIDTH - 2 * STRIP_PAD
        return round(STRIP_PAD + room * (value - self.low) / (self.high - self.low), 1)

    @property
    def ticks(self) -> list[float]:
        """The values of the ticks."""
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * index for index in range(count + 1)]


@dataclass(frozen=True)
class RowView:
    """A row of a leaderboard table, and what is not its own."""

    place: int
    row: Row
    href: str
    """Where its runs are shown, after the table's `base`."""
    scores: tuple[float, ...]
    """Of each run, in the main metric."""
    told: tuple[tuple[str, bool], ...]
    """By kind of contrast of the table: the cell, and whether something is claimed."""


class Finding(NamedTuple):
    """What a table says, before the evidence."""

    leader: str
    score: str
    sentences: tuple[str, ...]


def row_names(table: Table) -> dict[tuple[str, ...], str]:
    """Return what each row is called, by run ids; with its place where others share its name."""
    names = [wording.row_name(row.backbone, row.strategy) for row in table.rows]
    often = Counter(names)
    return {
        row.run_ids: f"{name} (#{place})" if often[name] > 1 else name
        for place, (row, name) in enumerate(zip(table.rows, names, strict=True), 1)
    }


def columns(table: Table) -> tuple[Column, ...]:
    """Return the columns that follow the score: seeds, costs that any row has, trials, metrics."""
    seeds = ("seeds", "runs that differ in nothing but the seed", "runs", wording.count)
    trials = ("trials", "settings tried before these were chosen", "cost", wording.count)
    costs = (
        ("parameters", "params", "parameters of backbone and head", wording.count),
        ("train_s", "train", "training time, mean over seeds", wording.duration),
        ("items_per_s", "items/s", "test items scored per second", wording.count),
        ("peak_rss_mb", "RAM", "peak memory", wording.memory),
        ("peak_gpu_mb", "GPU", "peak memory of the accelerator", wording.memory),
    )
    found = [Column(*seeds, tuple(len(row.seeds) for row in table.rows))]
    for name, label, help, show in costs:
        values = tuple(getattr(row, name) for row in table.rows)
        if any(value is not None for value in values):
            found.append(Column(label, help, "cost", show, values))
    found.append(Column(*trials, tuple(row.trials for row in table.rows)))
    for name in table.metrics[1:]:
        cells = [row.metrics.get(name) for row in table.rows]
        words = wording.metric_label(name), wording.metric_help(name), "metric", wording.figure
        found.append(Column(*words, tuple(cell.mean if cell else None for cell in cells)))
    return tuple(found)


def rows(
    table: Table, records: Mapping[str, Record], addresses: Mapping[tuple[str, ...], str]
) -> tuple[tuple[RowView, ...], Axis]:
    """Return the rows of a table and the axis that their intervals are drawn on.

    Args:
        table: the table.
        records: by id, those of its rows.
        addresses: by run ids, where a row's runs are shown.
    """
    kinds = kinds_among([contrast for row in table.rows for contrast in row.contrasts])
    views = []
    for place, row in enumerate(table.rows, 1):
        found = {contrast.kind: contrast for contrast in row.contrasts}
        told = tuple(
            (in_words(found[kind]), bool(found[kind].claim)) if kind in found else ("–", False)
            for kind in kinds
        )
        scores = tuple(_seed_scores(row, table, records))
        views.append(RowView(place, row, addresses[row.run_ids], scores, told))
    cells = [row.metrics[table.task.main_metric] for row in table.rows]
    ends = [value for view in views for value in view.scores]
    ends += [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    return tuple(views), axis(min(ends, default=0.0), max(ends, default=1.0))


def contrast_columns(table: Table) -> tuple[str, ...]:
    """Return the headings of the contrasts of a table."""
    kinds = kinds_among([contrast for row in table.rows for contrast in row.contrasts])
    return tuple(f"against {REFERENCES[kind]}" for kind in kinds)


def _seed_scores(row: Row, table: Table, records: Mapping[str, Record]) -> list[float]:
    tests = (records[run_id]["tests"][table.key.part] for run_id in row.run_ids)
    figures = (test["metrics"][table.task.main_metric] for test in tests)
    return [float(figure["value"]) for figure in figures if not figure.get("undefined")]


def axis(low: float, high: float) -> Axis:
    """Return an axis with round ends that holds `low` and `high`."""
    # Figures that are all but equal still get an axis, around them.
    span = high - low if high - low > 1e-9 else max(abs(high), 1e-3)
    raw = span / 3
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(first * step, max(last, first + 1) * step, step)


def finding(table: Table) -> Finding | None:
    """Return what the table says: what leads of the rows without a flaw, and what is claimed."""
    sound = [row for row in table.compared if not row.flaws]
    if not sound:
        return None
    best, *others = sound
    called = row_names(table)
    metric = table.task.main_metric
    cell = best.metrics[metric]
    interval = wording.interval(cell.low, cell.high)
    score = f"{wording.metric_label(metric)} {wording.figure(cell.mean)} {interval}".rstrip()
    flawed = table.compared[: table.compared.index(best)]
    sentences = list(_claims(table, best, called))
    if flawed:
        names = wording.listed([f"{called[r.run_ids]} ({r.flaws[0]})" for r in flawed])
        sentences.append(f"Above it, but not counted: {names}.")
    if not others:
        sentences.append("It is the only row that counts so far.")
    networks = [row for row in others if row.kind != "baseline"]
    if best.kind == "baseline" and networks:
        network = networks[0]
        value = wording.figure(network.metrics[metric].mean)
        sentences.append(
            f"It is a baseline; the best other row is {called[network.run_ids]} with {value}."
        )
    return Finding(called[best.run_ids], score, tuple(sentences))


def finding_over_folds(table: FoldTable) -> Finding | None:
    """Return what leads over the folds of a split, and by which baseline it is to be measured."""
    complete = [row for row in table.rows if row.mean is not None]
    if not complete:
        return None
    best = complete[0]
    metric = wording.metric_label(table.task.main_metric)
    score = f"{metric} {wording.figure(best.mean)}, the mean of {len(table.folds)} folds"
    other = next((row for row in complete if row.baseline != best.baseline), None)
    kind = "network" if best.baseline else "baseline"
    sentences = (
        f"The best {kind} is {wording.row_name(other.backbone, other.strategy)} with "
        f"{wording.figure(other.mean)}."
        if other
        else f"No {kind} was run on all of them.",
    )
    return Finding(wording.row_name(best.backbone, best.strategy), score, sentences)


def _claims(table: Table, best: Row, called: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    """Yield what is claimed of the leader, and of how many other rows."""
    made = [(row, contrast) for row in table.compared for contrast in row.contrasts]
    if not made:
        if not table.built:
            yield "Nothing is tested: run rnaernie-bench results build."
        return
    for row, contrast in made:
        if row is best and contrast.claim:
            reference = REFERENCES[contrast.kind]
            if contrast.kind == SHORTCUT:
                reference += f", {called[contrast.reference]},"
            if contrast.kind == ALONE:
                reference = f"{called[contrast.reference]}, model against model,"
            yield f"It {contrast.claim} {reference} {by_how_much(contrast)}."
    for kind in kinds_among([contrast for _, contrast in made]):
        of_kind = [contrast for _, contrast in made if contrast.kind == kind]
        testable = [contrast for contrast in of_kind if contrast.p_holm is not None]
        if not testable:
            yield f"No row can be tested against {REFERENCES[kind]} yet: {of_kind[0].missing}."
            continue
        verdicts = [contrast.claim for contrast in testable]
        trailing = f", {verdicts.count('trails')} trail" if "trails" in verdicts else ""
        of = wording.plural(len(testable), "row")
        reference = REFERENCES[kind].replace("itself", "themselves").replace("its", "their")
        yield f"Of {of} tested, {verdicts.count('beats')} beat {reference}{trailing}."
