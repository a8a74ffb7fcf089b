"""Figures and names as a reader wants them: three digits, units, the field's words.

Most of these functions are filters of the templates.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence

from rnaernie_bench.metrics.registry import METRICS

_PUBLISHED = {"micro_f1": "micro F1", "inf": "INF"}
"""Metrics of figures published elsewhere, which no record has."""

Units = Sequence[tuple[float, float, str]]
"""From which value on a unit is used, its size, and its name; the largest first."""

_COUNTS: Units = ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e3, 1e3, " k"), (0, 1, ""))
_TIMES: Units = ((3600, 3600, " h"), (60, 60, " min"), (0.1, 1, " s"), (0, 1e-3, " ms"))
_SIZES: Units = ((1000, 1000, " GB"), (0, 1, " MB"))


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
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """Show an interval; nothing where there is none."""
    return "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]"


def count(value: float | None) -> str:
    """Show a number of things: 532, 17.7 k, 1.93 M."""
    return _in_units(value, _COUNTS)


def duration(seconds: float | None) -> str:
    """Show seconds in the unit that a reader would choose."""
    return _in_units(seconds, _TIMES)


def memory(megabytes: float | None) -> str:
    """Show megabytes, from a thousand on as gigabytes."""
    return _in_units(megabytes, _SIZES)


def _in_units(value: float | None, units: Units) -> str:
    if value is None:
        return "–"
    size, name = next((size, name) for least, size, name in units if value >= least)
    shown = value / size
    return f"{shown:,.0f}{name}" if shown >= 100 else f"{shown:.3g}{name}"


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
