"""Where a network looks in a pair, beside the duplex that ViennaRNA finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.figures import PIXELS_PER_INCH, save_figure
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RAMP, RULE
from rnaernie_bench.data.pairs import NamedPair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_pair(fitted: Any, pair: NamedPair, shown: str, path: Path) -> None:
    """Draw the interaction map of a pair with ViennaRNA's duplex beside it.

    Args:
        fitted: the model.
        pair: the sequences with their names.
        shown: the prediction, for the heading.
        path: an SVG or PNG file.

    Raises:
        ConfigError: if there is neither a map (of the head `interaction`) nor ViennaRNA.
        BenchError: if the file cannot be written.
    """
    from rnaernie_bench.prediction.screening import interaction_map
    from rnaernie_bench.structure.duplexes import best_duplex

    matrix = interaction_map(fitted, pair.first, pair.second)
    pairs = None
    try:
        duplex = best_duplex(pair.first, pair.second)
        pairs = np.empty((0, 2), dtype=np.int32) if duplex is None else duplex.pairs
    except ConfigError:  # ViennaRNA is an extra
        if matrix is None:
            raise
    names = (pair.first_id, pair.second_id)
    figure = interaction_figure(
        pair.first, pair.second, matrix, pairs, title=f"{names[0]} and {names[1]}: {shown}",
        names=names,
    )  # fmt: skip
    save_figure(figure, path)


def interaction_figure(
    first: str,
    second: str,
    matrix: np.ndarray | None,
    duplex: np.ndarray | None,
    *,
    title: str,
    names: tuple[str, str] = ("first", "second"),
) -> Figure:
    """Draw the map of a pair, and the pairs of its best duplex on a grid of their own beside it.

    The first sequence runs upwards and the second to the right, both 5' to 3', so that a duplex
    falls from the upper left to the lower right.

    Args:
        first: sequence of the first partner.
        second: sequence of the second partner.
        matrix: (first bases, second bases), what share of the weight is on each pair of bases;
            None if the head has no map.
        duplex: int of shape (pairs, 2), bases that ViennaRNA pairs; None if it is not known.
        title: the heading.
        names: what the partners are called.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    panels = ["map"] * (matrix is not None) + ["duplex"] * (duplex is not None)
    width = max(4.0, 0.14 * len(second) + 1.2)
    figure = Figure(
        figsize=(width * len(panels), max(3.0, 0.14 * len(first) + 1.4)),
        dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained",
    )  # fmt: skip
    for number, panel in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        if panel == "map" and matrix is not None:
            axes.imshow(
                matrix, cmap=LinearSegmentedColormap.from_list("weight", RAMP), vmin=0,
                origin="lower", interpolation="nearest", aspect="auto",
            )  # fmt: skip
            axes.set_title("weight in the network", loc="left", fontsize=9, color=MUTED)
        elif duplex is not None:
            axes.scatter(duplex[:, 1], duplex[:, 0], marker="s", s=18, color=PALETTE["vermilion"])
            axes.set_xlim(-0.5, len(second) - 0.5)
            axes.set_ylim(-0.5, len(first) - 0.5)
            axes.set_title(
                f"ViennaRNA's duplex, {len(duplex)} pairs", loc="left", fontsize=9, color=MUTED
            )
        _letters(axes, first, second, names)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    return figure


def _letters(axes: Axes, first: str, second: str, names: tuple[str, str]) -> None:
    """Write the bases along the axes."""
    style: dict[str, Any] = {"fontsize": 6, "family": "monospace", "color": INK}
    axes.set_yticks(range(len(first)), list(first), **style)
    axes.set_xticks(range(len(second)), list(second), **style)
    axes.set_ylabel(f"{names[0]}, 5' to 3'", color=MUTED, fontsize=8)
    axes.set_xlabel(f"{names[1]}, 5' to 3'", color=MUTED, fontsize=8)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color(RULE)
