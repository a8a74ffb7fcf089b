"""The templates of the page, and the cells that are too many to be set one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import starmap
from pathlib import Path

from markupsafe import Markup, escape

from rnaernie_bench.core.theme import css_variables
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.confusions import SHADES
from rnaernie_bench.leaderboard.rows import SELF_REPORTED

STYLE, SCRIPT = "page.css", "page.js"

WORDING = (
    "count", "duration", "figure", "interval", "memory", "metric_help", "metric_label", "plural",
    "row_name", "setting",
)  # fmt: skip
"""The functions that are filters."""

_CODE = re.compile("`([^`]+)`")


def prose(text: str) -> Markup:
    """Return escaped text in which words between backticks are set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def share_cells(shares: Iterable[float | None]) -> Markup:
    """Return table cells of shares from 0 to 1, coloured by them; a dash for None."""
    return Markup("".join(map(_share_cell, shares)))


def count_cells(line: Iterable[tuple[int, int]]) -> Markup:
    """Return table cells of counts, coloured by a percentage; of none, empty ones."""
    return Markup("".join(starmap(_count_cell, line)))


# Of a matrix of thousands of cells most are alike.
@lru_cache(maxsize=1 << 14)
def _share_cell(share: float | None) -> str:
    return "<td>–</td>" if share is None else _coloured(f"{share:.2f}", f"{100 * share:.0f}")


@lru_cache(maxsize=1 << 14)
def _count_cell(count: int, percent: int) -> str:
    return _coloured(f"{count:,}", f"{percent:d}") if count else "<td></td>"


def _coloured(figure: str, percent: str) -> str:
    return f'<td style="--s:{percent}%">{figure}</td>'


class Templates:
    """The templates, with style and script; loaded once a build."""

    def __init__(self) -> None:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        folder = Path(__file__).with_name("templates")
        self._environment = Environment(
            loader=FileSystemLoader(folder, encoding="utf-8"),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        cells = {"prose": prose, "share_cells": share_cells, "count_cells": count_cells}
        self._environment.filters |= cells | {name: getattr(wording, name) for name in WORDING}
        self._environment.globals |= {
            "SELF_REPORTED": SELF_REPORTED,
            "SHADES": SHADES,
        }
        style = (folder / STYLE).read_text(encoding="utf-8")
        self.css = style.replace("/* variables */", css_variables())
        self.javascript = (folder / SCRIPT).read_text(encoding="utf-8")

    def render(self, name: str, **context: object) -> str:
        """Return a page; every string in `context` is escaped, save SVG made by `charts`."""
        return self._environment.get_template(name).render(
            css=Markup(self.css), javascript=Markup(self.javascript), **context
        )
