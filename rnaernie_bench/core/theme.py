"""One visual language: the colours and type of pictures, MLflow artifacts and the results page.

Pictures are drawn on paper, in the light colours. The page gives each colour a CSS variable with a
light and a dark value; an inlined SVG picture uses the variables, and follows the theme.
"""

from __future__ import annotations

import re
from typing import Any

PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
}
"""Qualitative colours in order of use (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/); they
stay apart under the common forms of colour blindness."""

INK, MUTED, RULE, PAPER = "#1F2328", "#59636E", "#D8DEE4", "#FFFFFF"
"""Text, secondary text, grid lines and background."""

RAMP = (PAPER, "#CFE3F1", "#7FB6D9", PALETTE["blue"], "#003E63")
"""A one-hue ramp for fractions from 0 to 1, lightness falling steadily."""

CURVES = ("blue", "vermilion", "green", "purple", "orange", "sky")
"""Order of colours for lines on paper; yellow is too light for them."""

DARK = {
    "ink": "#E6EDF3",
    "muted": "#9DA7B3",
    "rule": "#30363D",
    "paper": "#0D1117",
    "blue": "#58A9E0",
    "orange": "#E9B44C",
    "green": "#3DBE96",
    "vermilion": "#F0864A",
    "purple": "#DB9BBF",
    "sky": "#8CCBF2",
    "yellow": "#F0E442",
}
"""Each colour on a dark background: lighter, of the same hue."""

LIGHT = {"ink": INK, "muted": MUTED, "rule": RULE, "paper": PAPER, **PALETTE}
"""Each colour on paper."""

FONTS = (
    "Inter", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "Liberation Sans",
    "sans-serif",
)  # fmt: skip
"""Families in order of preference; nothing is downloaded."""


def css_variables() -> str:
    """Return CSS declarations of every colour, light and dark, and of the font."""
    colours = [f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT]
    fonts = ",".join(f'"{name}"' if " " in name else name for name in FONTS)
    return "".join([*colours, f"--font:{fonts};"])


def chart_style() -> dict[Any, Any]:
    """Return Matplotlib's settings for a chart: few lines, quiet axes, text that stays text."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "rnaernie-bench",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": INK,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "axes.edgecolor": RULE,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 10.5,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "xtick.color": RULE,
        "ytick.color": RULE,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "xtick.labelsize": 10,
        "ytick.labelsize": 10,
        "xtick.minor.visible": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 6,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }


_NAMES = {value.lower(): name for name, value in LIGHT.items()}
_COLOUR = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_STYLE = re.compile(r'style="[^"<>]*"')


def use_variables(svg: str) -> str:
    """Return `svg` with the colours in its style attributes replaced by the page's variables."""

    def variable(match: re.Match[str]) -> str:
        name = _NAMES.get(match[0].lower())
        return f"var(--{name})" if name else match[0]

    return _STYLE.sub(lambda style: _COLOUR.sub(variable, style[0]), svg)
