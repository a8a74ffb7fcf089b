"""Charts as inline SVG by Matplotlib, in the page's colours: light or dark as the page is."""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from rnaernie_bench.core.theme import (
    CURVES,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    RULE,
    chart_style,
    use_variables,
)
from rnaernie_bench.leaderboard.across import Across
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.tables import row_names
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.7, 3.1
"""Size of a chart in inches; a point is a CSS pixel at its natural size."""

MOST_LABELS = 8
MOST_CURVES = 6

LETTER, LONGEST = 5.3, 24
"""Width of a letter of a label beside a point, in points, and how many there are at most."""

_CLEAN: Sequence[tuple[str, str]] = (
    (r"(?s)^.*?(?=<svg)", ""),
    (r"(?s)\s*<metadata>.*?</metadata>", ""),
    (r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1"),
)
"""What is replaced once in the text that Matplotlib writes."""

_ID = re.compile(r'(\bid="|href="#|url\(#)')


@dataclass(frozen=True)
class Chart:
    """A picture and what it says in words."""

    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class _Cost:
    """What rows may be compared by, better when lower."""

    title: str
    axis: str
    ticks: Sequence[float]
    show: Callable[[float | None], str]
    of: Callable[[Row], float | None]


_POWERS = [10.0**power for power in range(-4, 13)]
_TIMES = (1e-4, 1e-3, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 360000)
_COSTS = (
    _Cost("training time", "training time", _TIMES, wording.duration, lambda row: row.train_s),
    _Cost(
        "prediction time", "time for 1,000 items", _TIMES, wording.duration,
        lambda row: row.items_per_s and 1000 / row.items_per_s,
    ),
    _Cost("size", "parameters", _POWERS, wording.count, lambda row: row.parameters),
)  # fmt: skip


def cost_charts(table: Table, most: int, *, every: bool = True) -> Iterator[Chart]:
    """Yield the score against each cost that rows differ in, with the rows that nothing beats.

    Args:
        table: the table.
        most: so many of its best rows are drawn, beside every baseline and what nothing beats.
        every: whether each cost is drawn, or the training time alone.
    """
    for cost in _COSTS if every else _COSTS[:1]:
        points = [
            (float(x), row.metrics[table.task.main_metric].mean, row)
            for row in table.rows
            if (x := cost.of(row)) and not row.metrics[table.task.main_metric].undefined
        ]
        if len({x for x, *_ in points}) > 1:
            yield _cost_chart(table, cost, points, most)


def _cost_chart(
    table: Table, cost: _Cost, every: Sequence[tuple[float, float, Row]], most: int
) -> Chart:
    """Return the chart of a cost.

    Args:
        table: the table.
        cost: what the chart is about.
        every: cost, score and row of all that have the cost.
        most: as `cost_charts` has it.
    """
    metric, names = table.task.main_metric, row_names(table)
    unbeaten = pareto_front([(x, y) for x, y, _ in every], table.task.higher_is_better)
    ids = {row.run_ids for row in table.rows[:most]} | {every[i][2].run_ids for i in unbeaten}
    drawn = [point for point in every if point[2].run_ids in ids or point[2].kind == "baseline"]
    points = [(x, y) for x, y, _ in drawn]
    front = pareto_front(points, table.task.higher_is_better)
    labels = [names[row.run_ids] for *_, row in drawn]
    with _drawing(cost.title, table) as (axes, finished):
        axes.set_xscale("log")
        xs, ys = zip(*(points[index] for index in front), strict=True)
        axes.step(xs, ys, where="post", color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        # One artist for all points of a kind: an artist a row takes a minute on large boards.
        for kind, marker, bar, face, edge in (
            ("encoder", "o", PALETTE["sky"], PALETTE["blue"], PALETTE["blue"]),
            ("baseline", "s", RULE, PAPER, MUTED),
        ):
            found = [(x, row.metrics[metric]) for x, _, row in drawn if row.kind == kind]
            if not found:
                continue
            # Gaps in one line, which is drawn ten times as fast as a line a bar.
            ends = [(cell.low, cell.high, None) for _, cell in found]
            axes.plot(np.repeat([x for x, _ in found], 3), np.array(ends, np.float64).ravel(),
                      color=bar, linewidth=3, solid_capstyle="butt", zorder=1)  # fmt: skip
            axes.plot([x for x, _ in found], [cell.mean for _, cell in found], marker=marker,
                      color=face, markeredgecolor=edge, markeredgewidth=1.4,
                      linestyle="none")  # fmt: skip
        axes.margins(y=0.12)
        low, high = min(x for x, _ in points) / 4, max(x for x, _ in points) * 4
        axes.set_xlim(low, high)
        ticks = [value for value in cost.ticks if low <= value <= high]
        axes.set_xticks(ticks[:: max(1, len(ticks) // 5)])
        axes.xaxis.set_major_formatter(lambda value, _: cost.show(value))
        axes.minorticks_off()
        axes.set_xlabel(f"{cost.axis} (log scale)")
        axes.set_ylabel(wording.metric_label(metric))
        others = (
            [] if len(drawn) > MOST_LABELS else [i for i in range(len(drawn)) if i not in front]
        )
        _label(axes, [(*points[i], labels[i], INK if i in front else MUTED)
                      for i in (*front, *others)])  # fmt: skip
    winners = wording.listed([wording.short(labels[index]) for index in front], 6)
    more = f" {len(drawn)} of {len(every)} rows are drawn." if len(every) > len(drawn) else ""
    return Chart(
        f"{_capital(wording.metric_label(metric))} against {cost.title}",
        f"Not beaten at their cost: {winners}. Round: networks; "
        f"square: baselines; bars: 95 % intervals.{more}",
        finished[0],
    )


def _label(axes: Axes, labels: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names left of points, or above on the right where there is no room; none on another.

    Left of a point the line that joins those that nothing beats never runs.

    Args:
        axes: their limits are final.
        labels: x, y, text and colour of each, the most important first.
    """
    from matplotlib.transforms import Bbox

    taken: list[Bbox] = []
    for x, y, name, colour in labels[:MOST_LABELS]:
        text = name if len(name) <= LONGEST else f"{name[:12]}…{name[-11:]}"
        left, middle = axes.transData.transform((x, y))
        wide = LETTER * len(text)
        fits = left - 8 - wide >= axes.bbox.x0
        start, low = (left - 8 - wide, middle - 6) if fits else (left + 4, middle + 4)
        box = Bbox.from_bounds(start, low, wide, 12)
        if not box.count_overlaps(taken):
            taken.append(box)
            offset, side = ((-8, 0), "right") if fits else ((4, 10), "left")
            axes.annotate(text, (x, y), offset, textcoords="offset points", ha=side, va="center",
                          fontsize=10, color=colour)  # fmt: skip


def pareto_front(points: Sequence[tuple[float, float]], higher_is_better: bool = True) -> list[int]:
    """Return the points (cost, score) that no other beats, cheapest first.

    A point is beaten by one that costs no more and scores no worse, and differs.
    """
    sign = -1 if higher_is_better else 1
    order = sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1]))
    front: list[int] = []
    for index in order:
        if not front or sign * points[index][1] < sign * points[front[-1]][1]:
            front.append(index)
    return front


def learning_curves(table: Table, records: Mapping[str, Record]) -> Iterator[Chart]:
    """Yield the score over the share of training items, if a row was run on several."""
    groups: dict[str, list[tuple[float, Row]]] = defaultdict(list)
    for row in table.rows:
        settings = settings_of(records[row.run_ids[0]])
        fraction = settings.pop("recipe.train_fraction", None)
        settings.pop("recipe.train_by_seed", None)  # all of train is nobody's draw
        defined = not row.metrics[table.task.main_metric].undefined
        if defined and isinstance(fraction, int | float):
            groups[json.dumps(settings, sort_keys=True)].append((100 * float(fraction), row))
    curves = [
        sorted(group, key=lambda pair: pair[0])
        for group in groups.values()
        if len({fraction for fraction, _ in group}) > 1
    ]
    if not curves:
        return
    metric = table.task.main_metric
    label = wording.metric_label(metric)
    said = []
    with _drawing("curves", table) as (axes, finished):
        axes.set_xscale("log")
        for curve, colour in zip(curves[:MOST_CURVES], CURVES, strict=False):
            xs, cells = [x for x, _ in curve], [row.metrics[metric] for _, row in curve]
            name = wording.row_name(curve[0][1].backbone, curve[0][1].strategy)
            axes.plot(xs, [cell.mean for cell in cells], marker="o", color=PALETTE[colour])
            bounds = np.array([(cell.low, cell.high) for cell in cells], np.float64)
            axes.fill_between(xs, *bounds.T, color=PALETTE[colour], alpha=0.15, linewidth=0)
            axes.annotate(
                wording.short(name), (xs[-1], cells[-1].mean), (8, 0), textcoords="offset points",
                va="center", fontsize=10, color=INK,
            )  # fmt: skip
            ends = (f"{wording.figure(cells[i].mean)} at {xs[i]:g} %" for i in (0, -1))
            said.append(f"{name} {', '.join(ends)}")
        every = sorted({x for curve in curves for x, _ in curve})
        axes.set_xlim(every[0] / 1.3, every[-1] * 4)
        axes.set_xticks(every, [f"{value:g} %" for value in every])
        axes.minorticks_off()
        axes.set_xlabel("share of the training items (log scale)")
        axes.set_ylabel(label)
    more = f" {MOST_CURVES} of {len(curves)} curves are drawn." if len(curves) > MOST_CURVES else ""
    yield Chart("Learning curves", f"{_capital(label)}: {'; '.join(said)}.{more}", finished[0])


def rank_chart(across: Across, most: int) -> Chart:
    """Return average ranks with the critical difference: bars whose ends do not meet differ.

    Args:
        across: the ranks.
        most: so many of the best rows are drawn.
    """
    critical, names = across.critical_difference, across.rows[:most]
    with _drawing("ranks", None, height=0.6 + 0.3 * len(names)) as (axes, finished):
        for index, rank in enumerate(across.average_ranks[:most]):
            half = critical / 2
            axes.plot([rank - half, rank + half], [index, index], color=PALETTE["sky"],
                      linewidth=3, solid_capstyle="butt")  # fmt: skip
            axes.plot([rank], [index], "o", color=PALETTE["blue"])
        axes.set_yticks(
            range(len(names)), [wording.short(wording.row_name(*name)) for name in names]
        )
        axes.tick_params(axis="y", labelcolor=INK)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("average rank")
    return Chart(
        "Average rank over tasks",
        f"Bars span half the critical difference ({critical:.2f}) to each side: rows whose bars "
        "do not overlap differ (Nemenyi's test, 5 % level).",
        finished[0],
    )


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


@contextmanager
def _drawing(
    name: str, table: Table | None, *, height: float | None = None
) -> Iterator[tuple[Axes, list[Markup]]]:
    """Give axes to draw on, and a list that holds the finished SVG after the block.

    Without a height the axes leave room for short labels: Matplotlib's layout takes longer than
    the drawing does.
    """
    import matplotlib
    from matplotlib.figure import Figure

    finished: list[Markup] = []
    with matplotlib.rc_context(chart_style()):
        figure = Figure(
            figsize=(WIDTH, height or HEIGHT), dpi=72, layout="constrained" if height else None
        )
        axes = figure.add_subplot()
        if not height:
            axes.set_position((0.175, 0.15, 0.775, 0.835))
        yield axes, finished
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    for pattern, replacement in _CLEAN:
        svg = re.sub(pattern, replacement, svg, count=1)
    # Several pictures share a page: each has ids of its own.
    prefix = wording.anchor(name, repr(table.key) if table else "")[:8]
    finished.append(Markup(use_variables(_ID.sub(rf"\g<1>{prefix}", svg))))
