"""Secondary structures laid out in the plane, by ViennaRNA's coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RULE
from rnaernie_bench.structure.notations import nested_part, pairs_to_dot_bracket
from rnaernie_bench.structure.thermodynamics import vienna

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NESTED, CROSSING = PALETTE["blue"], PALETTE["vermilion"]

LETTERS = 130
"""The longest sequence whose letters are legible in a layout."""

SIDE = 5.0
"""Inches of a layout."""


def coordinates(pairs: np.ndarray, bases: int) -> np.ndarray | None:
    """Return where bases stand in the plane, float64 (bases, 2); None without ViennaRNA.

    The largest nested part as the program naview lays it out (Bruccoleri and Heinrich 1988, doi
    10.1093/bioinformatics/4.1.167); pairs that cross it do not count.

    Args:
        pairs: (pairs, 2), sorted.
        bases: of the sequence, at least one.
    """
    try:
        rna = vienna()
    except ConfigError:
        return None
    structure = pairs_to_dot_bracket(pairs[nested_part(pairs)], bases)
    found = rna.naview_xy_coordinates(structure)
    return np.array([(found[n].X, found[n].Y) for n in range(bases)])


def add_layout(
    figure: Figure, sequence: str, pairs: np.ndarray, probabilities: np.ndarray | None = None
) -> None:
    """Put a layout beside the one picture of a figure, where ViennaRNA is installed.

    Args:
        figure: with one picture, of a figure that lays itself out.
        sequence: the bases.
        pairs: (pairs, 2), sorted.
        probabilities: (bases, bases): the more likely a pair, the more opaque; opaque if None.
    """
    places = coordinates(pairs, len(sequence))
    if places is None:
        return
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + SIDE, max(height, SIDE))
    grid = figure.add_gridspec(1, 2, width_ratios=(width, SIDE))
    figure.axes[0].set_subplotspec(grid[0])
    axes = figure.add_subplot(grid[1])
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.plot(places[:, 0], places[:, 1], color=RULE, linewidth=1.2, zorder=1)
    _draw_pairs(axes, places, pairs, probabilities)
    legible = len(sequence) <= LETTERS
    size = float(np.clip(330 / len(sequence), 3.5, 8))
    if legible:
        dot = size**2 * 1.6
        axes.scatter(places[:, 0], places[:, 1], s=dot, color=PAPER, linewidths=0, zorder=3)
    for (x, y), letter in zip(places.tolist(), sequence if legible else "", strict=False):
        axes.text(
            x, y, letter, ha="center", va="center", fontsize=size, color=INK, zorder=4,
            family="monospace",
        )  # fmt: skip
    for place, end in ((places[0], "5'"), (places[-1], "3'")):
        axes.annotate(
            end, place, (-9, -9), textcoords="offset points", fontsize=8, color=MUTED, ha="center"
        )


def _draw_pairs(
    axes: Axes, places: np.ndarray, pairs: np.ndarray, probabilities: np.ndarray | None
) -> None:
    """Draw a line from base to base, those of pseudoknots in a colour of their own."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    i, j = pairs.T
    opacity = np.ones(len(pairs)) if probabilities is None else probabilities[i, j]
    shades = [
        to_rgba(NESTED if nested else CROSSING, 0.25 + 0.75 * float(np.clip(likely, 0, 1)))
        for nested, likely in zip(nested_part(pairs), opacity, strict=True)
    ]
    lines = [places[pair] for pair in pairs]
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=1.4, zorder=2))
