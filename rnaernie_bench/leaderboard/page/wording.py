"""Figures and names as a reader wants them: three digits, units, the field's words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from rnaernie_bench.leaderboard.tables import Cell
from rnaernie_bench.metrics.registry import METRICS

_PUBLISHED = {"micro_f1": "micro F1", "inf": "INF"}
"""Metrics of figures published elsewhere, which no record has."""


def metric_label(name: str) -> str:
    """Return how a metric is called in print."""
    if name in METRICS:
        return METRICS.get(name).label
    return _PUBLISHED.get(name, name.replace("_", " "))


def metric_help(name: str) -> str:
    """Return what a metric is, if its name does not say so."""
    return METRICS.get(name).help if name in METRICS else ""


def figure(value: float | None) -> str:
    """Show a metric to three digits."""
    return "–" if value is None else f"{value:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """Show an interval; nothing where there is none."""
    return "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]"


def spread(cell: Cell) -> str:
    """Show the standard deviation over seeds; nothing for one seed."""
    return "" if cell.sd is None else f"± {cell.sd:.3f}"


def count(value: float | None) -> str:
    """Show a number of things: 532, 17.7 k, 1.93 M."""
    if value is None:
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{_three(value / size)}{unit}"
    return _three(value)


def duration(seconds: float | None) -> str:
    """Show seconds in the unit that a reader would choose."""
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return f"{_three(1000 * seconds)} ms"
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds)} s"


def memory(megabytes: float | None) -> str:
    """Show megabytes, from a thousand on as gigabytes."""
    if megabytes is None:
        return "–"
    return f"{_three(megabytes / 1000)} GB" if megabytes >= 1000 else f"{_three(megabytes)} MB"


def _three(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def setting(value: object) -> str:
    """Show the value of a setting as a user would write it."""
    if isinstance(value, str):
        return value
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def listed(names: Sequence[str], most: int = 4) -> str:
    """List names in a sentence, the first few of them."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(number: int, thing: str) -> str:
    """Return `1 run`, `2 runs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def row_name(backbone: str, strategy: str) -> str:
    """Return what a row is called in a sentence."""
    return backbone if strategy == "baseline" else f"{backbone} · {strategy}"


def short(name: str, most: int = 36) -> str:
    """Cut a name that would leave no room for a picture."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def anchor(*parts: str) -> str:
    """Return a name for a file or a place in the page that holds nothing of the parts' text."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
