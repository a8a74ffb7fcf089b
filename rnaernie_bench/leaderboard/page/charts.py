"""Charts as inline SVG by Matplotlib, in the page's colours: light or dark as the page is."""

from __future__ import annotations

import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
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
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.tables import row_names
from rnaernie_bench.leaderboard.page.views import Chart
from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.leaderboard.tables import Row, Table
from rnaernie_bench.results.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.7, 3.1
"""Size of a chart in inches; a point is a CSS pixel at its natural size."""

Box = tuple[float, float, float, float]
"""Left, low, right and high end."""

Boxes = npt.NDArray[np.float64]
"""Shape (n, 4)."""

MOST_LABELS = 8
MOST_CURVES = 6

_PREAMBLE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"')
_ID = re.compile(r'(\bid="|href="#|url\(#)')


def cost_charts(table: Table, most: int, *, every: bool = True) -> Iterator[Chart]:
    """Yield the score against each cost that rows differ in, with the rows that nothing beats.

    Args:
        table: the table.
        most: so many of its best rows are drawn, beside every baseline and what nothing beats.
        every: whether each cost is drawn, or the training time alone.
    """
    best = {row.run_ids for i, row in enumerate(table.rows) if i < most or row.kind == "baseline"}
    costs: tuple[tuple[str, str, str, Callable[[float | None], str]], ...] = (
        ("train_s", "training time", "training time", wording.duration),
        ("items_per_s", "prediction time", "time for 1,000 items", wording.duration),
        ("parameters", "size", "parameters", wording.count),
    )
    for name, title, axis, shown in costs if every else costs[:1]:
        rows = [row for row in table.rows if (getattr(row, name) or 0) > 0]
        if len({getattr(row, name) for row in rows}) > 1:
            yield _cost_chart(table, rows, best, name, title, axis, shown)


def _cost_chart(
    table: Table,
    every: Sequence[Row],
    best: Container[tuple[str, ...]],
    name: str,
    title: str,
    axis: str,
    shown: Callable[[float | None], str],
) -> Chart:
    metric = table.task.main_metric
    label = wording.metric_label(metric)

    def point(row: Row) -> tuple[float, float]:
        return _cost(row, name), row.metrics[metric].mean

    higher = table.task.higher_is_better
    unbeaten = {every[i].run_ids for i in pareto_front(list(map(point, every)), higher)}
    rows = [row for row in every if row.run_ids in best or row.run_ids in unbeaten]
    points = list(map(point, rows))
    front = pareto_front(points, higher)
    called = row_names(table)
    names = [wording.short(called[row.run_ids]) for row in rows]
    with _drawing(title, table, layout=None) as (axes, chart):
        axes.set_xscale("log")
        axes.step(
            [points[index][0] for index in front],
            [points[index][1] for index in front],
            where="post",
            color=MUTED,
            linewidth=1,
            linestyle=(0, (3, 3)),
        )
        # One artist for all points of a kind: an artist a row takes a minute on large boards.
        for kind, marker, bar, face, edge in (
            ("encoder", "o", PALETTE["sky"], PALETTE["blue"], PALETTE["blue"]),
            ("baseline", "s", RULE, PAPER, MUTED),
        ):
            found = [(place, row.metrics[metric]) for row, place in zip(rows, points, strict=True)
                     if row.kind == kind]  # fmt: skip
            if not found:
                continue
            bars = [(x, c.low, c.high) for (x, _), c in found if None not in (c.low, c.high)]
            if bars:
                # Gaps in one line, which is drawn ten times as fast as a line a bar.
                ends = np.array([(low, high, math.nan) for _, low, high in bars], np.float64)
                axes.plot(np.repeat([x for x, *_ in bars], 3), ends.ravel(), color=bar,
                          linewidth=3, solid_capstyle="butt", zorder=1)  # fmt: skip
            x, y = zip(*(place for place, _ in found), strict=True)
            axes.plot(x, y, marker=marker, color=face, markeredgecolor=edge, markeredgewidth=1.4,
                      linestyle="none")  # fmt: skip
        axes.margins(y=0.12)
        xs = [x for x, _ in points]
        axes.set_xlim(min(xs) / 4, max(xs) * 4)
        named = front if len(rows) > MOST_LABELS else range(len(rows))
        _ticks(axes, name, shown)
        axes.set_xlabel(f"{axis} (log scale)")
        axes.set_ylabel(label)
        _place(axes, shown)
        labels = [(i, names[i], INK if i in front else MUTED) for i in named]
        _label(axes, points, labels, front)
    winners = wording.listed([names[index] for index in front], 6)
    more = f" {len(rows)} of {len(every)} rows are drawn." if len(every) > len(rows) else ""
    return Chart(
        f"{label[0].upper()}{label[1:]} against {title}",
        f"Not beaten at their cost: {winners}. Round: networks; "
        f"square: baselines; bars: 95 % intervals over items.{more}",
        chart[0],
    )


def _cost(row: Row, name: str) -> float:
    """Return a cost that is better when lower: for a throughput, seconds for 1,000 items."""
    value = float(getattr(row, name))
    return 1000 / value if name == "items_per_s" else value


def _ticks(axes: Axes, name: str, shown: Callable[[float | None], str]) -> None:
    """Put the ticks where a reader counts: powers of ten, minutes and hours."""
    low, high = axes.get_xlim()
    round_ones = [10.0**power for power in range(-4, 13)]
    if name != "parameters":
        round_ones = [1e-4, 1e-3, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 360000]
    inside = [value for value in round_ones if low <= value <= high]
    axes.set_xticks(inside[:: max(1, len(inside) // 5)])
    axes.xaxis.set_major_formatter(lambda value, _: shown(value))
    axes.minorticks_off()


def _place(axes: Axes, shown: Callable[[float | None], str]) -> None:
    """Leave the room that labels take: Matplotlib's layout takes longer than the drawing does."""
    digit, wide, high = 6.4, 72 * WIDTH, 72 * HEIGHT
    low, top = axes.get_ylim()
    inside = [tick for tick in axes.get_yticks() if low <= tick <= top]
    figures = axes.yaxis.get_major_formatter().format_ticks(inside)
    left = 21 + digit * max(map(len, figures), default=0)
    start, end = map(math.log, axes.get_xlim())
    last = float(axes.get_xticks()[-1])
    beyond = digit * len(shown(last)) / 2 - (wide - left) * (end - math.log(last)) / (end - start)
    right = wide - max(3.0, beyond + 3)
    axes.set_position((left / wide, 33 / high, (right - left) / wide, (high - 36) / high))


_PLACES = ((8, 0, "left"), (-8, 0, "right"), (0, 11, "center"), (0, -11, "center"),
           (8, 11, "left"), (-8, 11, "right"), (8, -11, "left"), (-8, -11, "right"))  # fmt: skip
"""Where a label may stand, in points from its own: tried in this order."""


def _label(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    named: Sequence[tuple[int, str, str]],
    front: Sequence[int],
) -> None:
    """Write names beside points, each where it covers least of what is there already.

    Args:
        axes: their limits are final.
        points: all points, which labels keep off.
        named: index, text and colour of each label.
        front: the points that a line joins, which labels keep off as well.
    """
    spots = [tuple(axes.transData.transform(point)) for point in points]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    for (x, y), (right, top) in pairwise(spots[index] for index in front):
        taken += [(x, y - 1, right, y + 1), (right - 1, min(y, top), right + 1, max(y, top))]
    frame = axes.get_window_extent()
    for index, text, colour in named[:MOST_LABELS]:
        x, y = spots[index]
        wide = 5.3 * len(text)  # a ten-point letter is about five points wide

        def box(place: tuple[int, int, str], x: float = x, y: float = y, wide: float = wide) -> Box:
            left = x + place[0] - {"left": 0.0, "right": wide, "center": wide / 2}[place[2]]
            return left, y + place[1] - 6, left + wide, y + place[1] + 6

        def cost(place: tuple[int, int, str], at: Callable[..., Box] = box) -> float:
            left, low, right, high = at(place)
            outside = max(0.0, frame.x0 - left) + max(0.0, right - frame.x1)
            outside += max(0.0, frame.y0 - low) + max(0.0, high - frame.y1)
            return 100 * outside + _overlap(at(place), np.array(taken))

        best = min(_PLACES, key=cost)
        taken.append(box(best))
        axes.annotate(
            text, points[index], best[:2], textcoords="offset points", ha=best[2], va="center",
            fontsize=10, color=colour,
        )  # fmt: skip


def _overlap(box: Box, others: Boxes) -> float:
    """Return the area that a box shares with others."""
    left, low, right, high = others.T
    width = np.minimum(box[2], right) - np.maximum(box[0], left)
    height = np.minimum(box[3], high) - np.maximum(box[1], low)
    return float(np.sum(width.clip(min=0) * height.clip(min=0)))


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


def learning_curves(table: Table, records: Mapping[str, Record]) -> Chart | None:
    """Return the score over the share of training items; None unless a row was run on several."""
    groups: dict[str, list[tuple[float, Row]]] = defaultdict(list)
    for row in table.rows:
        settings = settings_of(records[row.run_ids[0]])
        fraction = settings.pop("recipe.train_fraction", None)
        if isinstance(fraction, int | float):
            groups[json.dumps(settings, sort_keys=True)].append((float(fraction), row))
    curves = [
        sorted(group, key=lambda pair: pair[0])
        for group in groups.values()
        if len({fraction for fraction, _ in group}) > 1
    ]
    if not curves:
        return None
    metric = table.task.main_metric
    label = wording.metric_label(metric)
    with _drawing("curves", table) as (axes, chart):
        axes.set_xscale("log")
        for curve, colour in zip(curves[:MOST_CURVES], CURVES, strict=False):
            xs = [100 * fraction for fraction, _ in curve]
            cells = [row.metrics[metric] for _, row in curve]
            name = wording.short(wording.row_name(curve[0][1].backbone, curve[0][1].strategy))
            axes.plot(xs, [cell.mean for cell in cells], marker="o", color=PALETTE[colour])
            bounds = [
                (x, cell.low, cell.high)
                for x, cell in zip(xs, cells, strict=True)
                if cell.low is not None and cell.high is not None
            ]
            axes.fill_between(
                [x for x, *_ in bounds],
                [low for _, low, _ in bounds],
                [high for *_, high in bounds],
                color=PALETTE[colour],
                alpha=0.15,
                linewidth=0,
            )
            axes.annotate(
                name, (xs[-1], cells[-1].mean), (8, 0), textcoords="offset points", va="center",
                fontsize=10, color=INK,
            )  # fmt: skip
        every = sorted({100 * fraction for curve in curves for fraction, _ in curve})
        axes.set_xlim(every[0] / 1.3, every[-1] * 4)
        axes.set_xticks(every, [f"{value:g} %" for value in every])
        axes.set_xlabel("share of the training items (log scale)")
        axes.set_ylabel(label)
    more = f" {MOST_CURVES} of {len(curves)} curves are drawn." if len(curves) > MOST_CURVES else ""
    said = "; ".join(
        f"{wording.row_name(curve[0][1].backbone, curve[0][1].strategy)} "
        f"{wording.figure(curve[0][1].metrics[metric].mean)} at {100 * curve[0][0]:g} %, "
        f"{wording.figure(curve[-1][1].metrics[metric].mean)} at {100 * curve[-1][0]:g} %"
        for curve in curves[:MOST_CURVES]
    )
    return Chart("Learning curves", f"{label[0].upper()}{label[1:]}: {said}.{more}", chart[0])


def rank_chart(rows: Sequence[tuple[str, float]], critical: float) -> Chart:
    """Return average ranks with the critical difference: bars whose ends do not meet differ.

    Args:
        rows: name and average rank, best first.
        critical: how far two ranks must lie apart.
    """
    with _drawing("ranks", None, height=0.6 + 0.3 * len(rows)) as (axes, chart):
        for index, (_, rank) in enumerate(rows):
            half = critical / 2
            axes.plot([rank - half, rank + half], [index, index], color=PALETTE["sky"],
                      linewidth=3, solid_capstyle="butt")  # fmt: skip
            axes.plot([rank], [index], "o", color=PALETTE["blue"])
        axes.set_yticks(range(len(rows)), [wording.short(name) for name, _ in rows])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("average rank")
    return Chart(
        "Average rank over tasks",
        f"Bars span half the critical difference ({critical:.2f}) to each side: rows whose bars "
        "do not overlap differ (Nemenyi's test, 5 % level).",
        chart[0],
    )


@contextmanager
def _drawing(
    name: str,
    table: Table | None,
    *,
    height: float = HEIGHT,
    layout: Literal["constrained"] | None = "constrained",
) -> Iterator[tuple[Axes, list[Markup]]]:
    """Give axes to draw on, and a list that holds the finished SVG after the block."""
    import matplotlib
    from matplotlib.figure import Figure

    finished: list[Markup] = []
    with matplotlib.rc_context(chart_style()):
        figure = Figure(figsize=(WIDTH, height), dpi=72, layout=layout)
        yield figure.add_subplot(), finished
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    # Several pictures share a page: each has ids of its own.
    prefix = wording.anchor(name, repr(table.key) if table else "")[:8]
    svg = _METADATA.sub("", _PREAMBLE.sub("", buffer.getvalue(), count=1))
    svg = _ID.sub(rf"\g<1>{prefix}", _SIZE.sub(r"\1", svg, count=1))
    finished.append(Markup(use_variables(svg)))
