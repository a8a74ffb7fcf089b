"""A leaderboard table as the page shows it: the finding, then rows with drawn intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.tables import Row, Table
from rnaernie_bench.results.record import Record

MOST_LETTERS = 8
"""So many letters of tied groups are set below each other; more would be mostly white."""

MOST_DUELS = 20
"""The best rows are shown in the matrix of paired tests."""

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
    tied: str
    """The letters of its tied groups, each in a place of its own where there are few."""


class Finding(NamedTuple):
    """What a table says, before the evidence."""

    leader: str
    score: str
    sentences: tuple[str, ...]


class Duel(NamedTuple):
    """One cell of the matrix of paired tests: the row against the column."""

    verdict: str
    """`better`, `worse`, `tied` or `self`."""
    text: str = ""
    help: str = ""


@dataclass(frozen=True)
class Duels:
    """Every row against every other."""

    names: tuple[str, ...]
    cells: tuple[tuple[Duel, ...], ...]
    caption: str


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
    letters = sorted({letter for row in table.rows for letter in row.tied or ""})
    aligned = len(letters) <= MOST_LETTERS and all(map(str.isalpha, letters))
    views = tuple(
        RowView(
            place=place,
            row=row,
            href=addresses[row.run_ids],
            scores=tuple(_seed_scores(row, table, records)),
            tied="".join(letter if letter in (row.tied or "") else " " for letter in letters)
            if aligned
            else row.tied or "",
        )
        for place, row in enumerate(table.rows, 1)
    )
    cells = [row.metrics[table.task.main_metric] for row in table.rows]
    ends = [value for view in views for value in view.scores]
    ends += [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    return views, axis(min(ends), max(ends))


def _seed_scores(row: Row, table: Table, records: Mapping[str, Record]) -> list[float]:
    tests = (records[run_id]["tests"][table.key.part] for run_id in row.run_ids)
    return [float(test["metrics"][table.task.main_metric]["value"]) for test in tests]


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
    """Return what the table says: what leads, and what cannot be told from it."""
    if not table.compared:
        return None
    best, *others = table.compared
    called = row_names(table)
    metric = table.task.main_metric
    cell = best.metrics[metric]
    interval = wording.interval(cell.low, cell.high)
    score = f"{wording.metric_label(metric)} {wording.figure(cell.mean)} {interval}"
    sentences = []
    if not others:
        sentences.append("It is the only row so far.")
    elif best.tied is None:
        sentences.append("Which rows tie is not tested yet: run rnaernie-bench results build.")
    else:
        tied = [row for row in others if set(best.tied) & set(row.tied or "")]
        names = [called[row.run_ids] for row in tied]
        if tied:
            cannot = f"{len(tied)} of the {wording.plural(len(others), 'other row')}"
            sentences.append(f"{cannot} cannot be told from it: {wording.listed(names)}.")
        rest = len(others) - len(tied) - table.untested
        if rest:
            which = "All others" if not tied else "The other" if rest == 1 else "The others"
            which += " tested" if table.untested else ""
            are = "is" if tied and rest == 1 else "are"
            sentences.append(f"{which} {are} significantly worse.")
        if table.untested:
            sentences.append(f"{wording.plural(table.untested, 'row')} further down: not tested.")
    networks = [row for row in others if row.kind == "encoder"]
    if best.kind == "baseline" and networks:
        network = networks[0]
        value = wording.figure(network.metrics[metric].mean)
        sentences.append(
            f"It is a baseline: no language model here is ahead of it, the best being "
            f"{called[network.run_ids]} with {value}."
        )
    return Finding(wording.row_name(best.backbone, best.strategy), score.strip(), tuple(sentences))


def duels(table: Table, tests: Mapping[str, Any] | None) -> Duels | None:
    """Return the matrix of paired tests; None where there are none.

    Args:
        table: the table.
        tests: what `results build` kept of it.
    """
    if not tests or len(table.compared) < 2:
        return None
    shown = table.compared[:MOST_DUELS]
    index = {tuple(row["run_ids"]): number for number, row in enumerate(tests["rows"])}
    found = {(pair["first"], pair["second"]): pair for pair in tests["pairs"]}
    sign = 1 if table.task.higher_is_better else -1
    called = row_names(table)

    def duel(first: Row, second: Row) -> Duel:
        if first is second:
            return Duel("self")
        a, b = index[first.run_ids], index[second.run_ids]
        pair = found.get((a, b)) or found[b, a]
        turn = 1 if (a, b) in found else -1
        low, high = sorted(turn * pair[end] for end in ("low", "high"))
        difference = turn * pair["difference"]
        different = pair["p_holm"] < tests["level"]
        verdict = ("better" if sign * difference > 0 else "worse") if different else "tied"
        help = (
            f"difference {difference:+.3f} [{low:+.3f}, {high:+.3f}], corrected p {_p_value(pair)}"
        )
        return Duel(verdict, f"{difference:+.2f}".replace("-", "−"), help)

    more = f" The {MOST_DUELS} best rows." if len(table.compared) > MOST_DUELS else ""
    return Duels(
        names=tuple(called[row.run_ids] for row in shown),
        cells=tuple(tuple(duel(first, second) for second in shown) for first in shown),
        caption=(
            f"Difference in {wording.metric_label(table.task.main_metric)}, row minus column, by "
            f"paired tests over {'families of items' if tests['by'] == 'group' else 'items'} and, "
            f"where runs differ, seeds; Holm's correction, {100 * tests['level']:.0f} % "
            f"level.{more}"
        ),
    )


def _p_value(pair: Mapping[str, Any]) -> str:
    return "< 0.001" if pair["p_holm"] < 0.001 else f"{pair['p_holm']:.3f}"
