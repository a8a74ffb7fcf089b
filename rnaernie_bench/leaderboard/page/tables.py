"""A leaderboard table as the page shows it: the finding, then rows with drawn intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.views import (
    STRIP_PAD,
    STRIP_WIDTH,
    Column,
    Duel,
    Duels,
    Finding,
    RowView,
    Strip,
    Tick,
    Value,
)
from rnaernie_bench.leaderboard.tables import SELF_REPORTED, Row, Table
from rnaernie_bench.results.record import Record

MOST_LETTERS = 8
"""So many letters of tied groups are set below each other; more would be mostly white."""

MOST_DUELS = 20
"""The best rows are shown in the matrix of paired tests."""

_COSTS: Mapping[str, tuple[str, str, Callable[[float | None], str]]] = {
    "parameters": ("params", "parameters of backbone and head", wording.count),
    "train_s": ("train", "training time, mean over seeds", wording.duration),
    "items_per_s": ("items/s", "test items scored per second", wording.count),
    "peak_rss_mb": ("RAM", "peak memory", wording.memory),
    "peak_gpu_mb": ("GPU", "peak memory of the accelerator", wording.memory),
}


def main_name(table: Table) -> str:
    """Return how the metric that orders the table is called in print."""
    return wording.metric_label(table.task.main_metric)


def row_names(table: Table) -> dict[tuple[str, ...], str]:
    """Return what each row is called, by run ids; with its place where others share its name."""
    names = [wording.row_name(row.backbone, row.strategy) for row in table.rows]
    often = Counter(names)
    return {
        row.run_ids: f"{name} (#{place})" if often[name] > 1 else name
        for place, (row, name) in enumerate(zip(table.rows, names, strict=True), 1)
    }


def columns(table: Table) -> tuple[Column, ...]:
    """Return the columns that follow the score: metrics, seeds, costs that any row has, trials."""
    metrics = [
        Column(wording.metric_label(name), wording.metric_help(name), "metric")
        for name in table.metrics[1:]
    ]
    costs = [Column(_COSTS[name][0], _COSTS[name][1], "cost") for name in _known_costs(table)]
    return (
        Column("seeds", "runs that differ in nothing but the seed", "runs"),
        *costs,
        Column("trials", "settings tried before these were chosen", "cost"),
        *metrics,
    )


def _known_costs(table: Table) -> list[str]:
    return [name for name in _COSTS if any(getattr(row, name) is not None for row in table.rows)]


def rows(
    table: Table,
    records: Mapping[str, Record],
    href: Callable[[Row], str],
) -> tuple[list[RowView], tuple[Tick, ...]]:
    """Return the rows of a table and the axis that their intervals are drawn on.

    Args:
        table: the table.
        records: by id, those of its rows.
        href: where a row's runs are shown.
    """
    name = table.task.main_metric
    seeds = {row.run_ids: _seed_scores(row, table, records) for row in table.rows}
    ends = [value for scores in seeds.values() for value in scores]
    ends += [
        end
        for row in table.rows
        for end in (row.metrics[name].low, row.metrics[name].high)
        if end is not None
    ]
    low, high, step = axis(min(ends), max(ends))
    place = _scale(low, high)
    costs = _known_costs(table)
    letters = sorted({letter for row in table.rows for letter in row.tied or ""})
    aligned = len(letters) <= MOST_LETTERS and all(map(str.isalpha, letters))
    views = []
    for number, row in enumerate(table.rows, 1):
        cell = row.metrics[name]
        figures = [
            Value(wording.figure(found.mean if found else None), found.mean if found else None)
            for found in map(row.metrics.get, table.metrics[1:])
        ]
        views.append(
            RowView(
                place=number,
                backbone=row.backbone,
                strategy=row.strategy,
                baseline=row.kind == "baseline",
                marks=_marks(row),
                notes=row.notes,
                href=href(row),
                score=Value(wording.figure(cell.mean), cell.mean),
                spread=wording.spread(cell),
                interval=wording.interval(cell.low, cell.high),
                strip=Strip(
                    place(cell.mean),
                    None if cell.low is None else place(cell.low),
                    None if cell.high is None else place(cell.high),
                    tuple(map(place, seeds[row.run_ids])) if len(row.seeds) > 1 else (),
                ),
                tied="".join(letter if letter in (row.tied or "") else " " for letter in letters)
                if aligned
                else row.tied or "",
                values=(
                    Value(str(len(row.seeds)), len(row.seeds)),
                    *(Value(_COSTS[c][2](getattr(row, c)), getattr(row, c)) for c in costs),
                    Value(wording.count(row.trials), row.trials),
                    *figures,
                ),
            )
        )
    ticks = tuple(
        Tick(f"{low + step * index:.6g}", place(low + step * index))
        for index in range(round((high - low) / step) + 1)
    )
    return views, ticks


def _marks(row: Row) -> tuple[str, ...]:
    """Return the words that stand beside the name of a row."""
    kinds = {"baseline": row.kind == "baseline", "control": row.control}
    known = () if row.provenance == SELF_REPORTED else (row.provenance,)
    return (*(name for name, holds in kinds.items() if holds), *known)


def _seed_scores(row: Row, table: Table, records: Mapping[str, Record]) -> list[float]:
    tests = (records[run_id]["tests"][table.key.part] for run_id in row.run_ids)
    return [float(test["metrics"][table.task.main_metric]["value"]) for test in tests]


def axis(low: float, high: float) -> tuple[float, float, float]:
    """Return round ends of an axis that holds `low` and `high`, and the step of its ticks."""
    # Figures that are all but equal still get an axis, around them.
    span = high - low if high - low > 1e-9 else max(abs(high), 1e-3)
    raw = span / 3
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, max(last, first + 1) * step, step


def _scale(low: float, high: float) -> Callable[[float], float]:
    room = STRIP_WIDTH - 2 * STRIP_PAD
    return lambda value: round(STRIP_PAD + room * (value - low) / (high - low), 1)


def finding(table: Table) -> Finding | None:
    """Return what the table says: what leads, and what cannot be told from it."""
    if not table.compared:
        return None
    best, *others = table.compared
    called = row_names(table)
    cell = best.metrics[table.task.main_metric]
    score = (
        f"{main_name(table)} {wording.figure(cell.mean)} {wording.interval(cell.low, cell.high)}"
    )
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
        value = wording.figure(network.metrics[table.task.main_metric].mean)
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
            return Duel("self", "", "")
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
            f"Difference in {main_name(table)}, row minus column, by paired tests over "
            f"{'families of items' if tests['by'] == 'group' else 'items'} and, where runs differ, "
            f"seeds; Holm's correction, {100 * tests['level']:.0f} % level.{more}"
        ),
    )


def _p_value(pair: Mapping[str, Any]) -> str:
    return "< 0.001" if pair["p_holm"] < 0.001 else f"{pair['p_holm']:.3f}"
