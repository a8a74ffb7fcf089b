"""Pictures of a predicted structure: arcs over the sequence, and the map of pair probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.core.figures import PIXELS_PER_INCH
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RAMP, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIGHT, WRONG, MISSED = PALETTE["blue"], PALETTE["vermilion"], MUTED
"""Pairs of the prediction that the reference has and has not; pairs of the reference alone."""

_LETTERS = 130
"""The longest sequence whose letters are legible below its arcs."""

_HALF_TURN = np.linspace(0, np.pi, 100)


def arc_figure(
    sequence: str,
    predicted: np.ndarray,
    *,
    title: str,
    probabilities: np.ndarray | None = None,
    reference: np.ndarray | None = None,
) -> Figure:
    """Draw pairs as arcs: the prediction above the sequence, the reference below it.

    Colour says whether a pair stands in both, opacity how likely a predicted pair is.

    Args:
        sequence: the bases.
        predicted: pairs of shape (pairs, 2).
        title: the heading.
        probabilities: (bases, bases), of which the predicted pairs are read; opaque if None.
        reference: pairs of shape (pairs, 2), or None if there is none to compare with.
    """
    from matplotlib.figure import Figure

    n = len(sequence)
    known = {tuple(pair) for pair in ([] if reference is None else reference.tolist())}
    hits = [tuple(pair) in known for pair in predicted.tolist()]
    above = [RIGHT if hit or reference is None else WRONG for hit in hits]
    i, j = predicted.T
    opacity = np.ones(len(predicted)) if probabilities is None else probabilities[i, j]

    figure = Figure(
        figsize=(10, 5.6 if reference is not None else 3.4),
        dpi=PIXELS_PER_INCH,
        facecolor=PAPER,
        layout="constrained",
    )
    axes = figure.add_subplot()
    widest = max([1, *(j - i).tolist()])
    low = 0
    # Room for letters, or for a line.
    gap = (0.035 if n <= _LETTERS else 0.01) * widest * (2 if reference is not None else 1)
    _draw_arcs(axes, predicted, above, 0.25 + 0.75 * np.clip(opacity, 0, 1), n, gap, 1)
    if reference is not None:
        found = {tuple(pair) for pair in predicted.tolist()}
        below = [RIGHT if tuple(pair) in found else MISSED for pair in reference.tolist()]
        _draw_arcs(axes, reference, below, np.ones(len(reference)), n, gap, -1)
        low = max([0, *(reference[:, 1] - reference[:, 0]).tolist()])
        widest = max(widest, low)
    _draw_sequence(axes, sequence)
    axes.set_xlim(-1, n)
    axes.set_ylim(-low / 2 - 2 * gap, widest / 2 + 2 * gap)
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    _draw_legend(axes, hits, known, probabilities is not None, reference is not None)
    return figure


def _draw_arcs(
    axes: Axes,
    pairs: np.ndarray,
    colours: list[str],
    opacity: np.ndarray,
    n: int,
    gap: float,
    side: int,
) -> None:
    """Draw half ellipses, the long ones first so that short ones stay visible."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    order = np.argsort(pairs[:, 0] - pairs[:, 1], kind="stable")
    middle, radius = pairs.sum(axis=1) / 2, (pairs[:, 1] - pairs[:, 0]) / 2
    curves = [
        np.column_stack(
            (
                middle[k] + radius[k] * np.cos(_HALF_TURN),
                side * (gap + radius[k] * np.sin(_HALF_TURN)),
            )
        )
        for k in order
    ]
    width = float(np.clip(1.3 * _LETTERS / n, 0.5, 1.3))
    shades = [to_rgba(colours[k], float(opacity[k])) for k in order]
    axes.add_collection(LineCollection(curves, colors=shades, linewidths=width))


def _draw_sequence(axes: Axes, sequence: str) -> None:
    """Write the letters between the two sides, or draw a line where they would be too many."""
    n = len(sequence)
    step = 10 if n <= _LETTERS else 10 ** int(np.log10(n)) // 2
    marks = [1, *range(step, n + 1, step)]
    axes.set_xticks([mark - 1 for mark in marks], [str(mark) for mark in marks])
    if n > _LETTERS:
        axes.plot([0, n - 1], [0, 0], color=INK, linewidth=1)
        return
    size = min(9.0, 620 / n)
    for position, letter in enumerate(sequence):
        axes.text(
            position, 0, letter, ha="center", va="center", fontsize=size, color=INK,
            family="monospace",
        )  # fmt: skip


def _draw_legend(
    axes: Axes, hits: list[bool], known: set[tuple[int, ...]], shaded: bool, compared: bool
) -> None:
    """Say what the colours stand for, and how many pairs have each."""
    from matplotlib.lines import Line2D

    right, wrong = sum(hits), len(hits) - sum(hits)
    entries = [("predicted", RIGHT, len(hits))]
    if compared:
        entries = [
            ("in both", RIGHT, right),
            ("predicted only (above)", WRONG, wrong),
            ("reference only (below)", MISSED, len(known) - right),
        ]
    lines = [Line2D([], [], color=colour, linewidth=1.6) for _, colour, _ in entries]
    labels = [f"{name}: {number}" for name, _, number in entries]
    axes.legend(
        lines, labels, loc="upper right", fontsize=8, frameon=False, labelcolor=INK,
        title="pairs; opacity: probability" if shaded else "pairs", title_fontsize=8,
        alignment="left",
    )  # fmt: skip


def contact_map_figure(
    probabilities: np.ndarray,
    *,
    title: str,
    predicted: np.ndarray | None = None,
    reference: np.ndarray | None = None,
) -> Figure:
    """Draw pair probabilities above the diagonal, and the reference below it.

    Args:
        probabilities: (bases, bases), read above the diagonal.
        title: the heading.
        predicted: pairs of shape (pairs, 2), ringed above the diagonal.
        reference: pairs of shape (pairs, 2), marked below the diagonal.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    n = len(probabilities)
    figure = Figure(figsize=(6.4, 5.6), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    ramp = LinearSegmentedColormap.from_list("probability", RAMP)
    # The square root lifts faint pairs off the paper.
    image = axes.imshow(
        np.triu(probabilities, k=1), cmap=ramp, norm=PowerNorm(0.5, vmin=0, vmax=1),
        interpolation="nearest", extent=(0.5, n + 0.5, n + 0.5, 0.5),
    )  # fmt: skip
    axes.plot([0.5, n + 0.5], [0.5, n + 0.5], color=RULE, linewidth=0.8)
    size = float(np.clip((260 / n) ** 2, 3, 40))
    if predicted is not None and len(predicted):
        i, j = predicted.T + 1
        axes.scatter(
            j, i, s=2.2 * size, facecolors="none", edgecolors=PALETTE["vermilion"], linewidths=0.7,
            label=f"decoded: {len(predicted)}",
        )  # fmt: skip
    if reference is not None and len(reference):
        i, j = reference.T + 1
        axes.scatter(
            i, j, s=size, color=INK, linewidths=0, marker="s", label=f"reference: {len(reference)}"
        )
    if axes.get_legend_handles_labels()[0]:
        figure.legend(
            loc="outside lower center", ncols=2, fontsize=8, frameon=False, labelcolor=INK
        )
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=(0, 0.1, 0.25, 0.5, 1))
    bar.set_label("probability of the pair", color=MUTED, fontsize=8)
    bar.ax.tick_params(labelsize=8, labelcolor=MUTED, length=0)
    bar.outline.set_visible(False)
    axes.set_xlabel("base", color=MUTED, fontsize=9)
    axes.set_ylabel("base", color=MUTED, fontsize=9)
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    for spine in axes.spines.values():
        spine.set_color(RULE)
    return figure
