"""Pictures of a run, drawn without pyplot: no window, no global state, one look (`style`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.errors import BenchError
from rnaernie_bench.files import atomic_path
from rnaernie_bench.style import INK, MUTED, PAPER, RAMP, RULE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 160


def confusion_matrix_figure(
    confusion: np.ndarray, label_names: Sequence[str], title: str
) -> Figure:
    """Draw a confusion matrix: numbers are items, colour is their share of the true class.

    Cells without an item stay empty; the recall of every class stands at the right.

    Args:
        confusion: (classes, classes) counts, rows are the truth.
        label_names: the classes in the order of the rows.
        title: the heading.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    counts = np.asarray(confusion)
    classes = len(label_names)
    totals = counts.sum(axis=1, keepdims=True)
    fractions = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)

    side = max(4.4, 0.5 * classes + 1.4)
    figure = Figure(
        figsize=(side + 0.6, side), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained"
    )
    axes = figure.add_subplot()
    # The square root lifts the few confusions off the paper, which is what one looks for.
    ramp = LinearSegmentedColormap.from_list("fraction", RAMP)
    axes.imshow(fractions, cmap=ramp, norm=PowerNorm(0.5, vmin=0.0, vmax=1.0))
    for row, column in np.argwhere(counts):
        axes.text(
            column,
            row,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=8,
            color=PAPER if fractions[row, column] > 0.3 else INK,
            fontweight="bold" if row == column else "normal",
        )

    axes.set_xticks(range(classes), label_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(classes), label_names)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=RULE, linewidth=0.6)
    axes.tick_params(which="both", length=0, labelsize=8, labelcolor=INK)
    axes.set_xlabel("predicted class", color=MUTED, fontsize=9)
    axes.set_ylabel("true class", color=MUTED, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=18)
    for spine in axes.spines.values():
        spine.set_color(RULE)

    recalls = axes.secondary_yaxis("right")
    shown = [f"{100 * fractions[i, i]:.0f} %" if totals[i] else "no item" for i in range(classes)]
    recalls.set_yticks(range(classes), shown)
    recalls.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    recalls.spines["right"].set_visible(False)
    above: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": 8,
        "color": MUTED,
        "annotation_clip": False,
    }
    axes.annotate("recall", (1, 1), (6, 5), xycoords="axes fraction", **above)
    axes.annotate(
        "items; colour: share of the true class", (0, 1), (0, 5), xycoords="axes fraction", **above
    )
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as its suffix says; equal figures give equal files.

    Args:
        figure: a finished figure.
        path: ends in `.png` or `.svg`.

    Raises:
        BenchError: if the suffix is another one or the folder cannot be written.
    """
    import matplotlib

    kind = path.suffix.removeprefix(".").lower()
    if kind not in ("png", "svg"):
        raise BenchError(
            f"'{path.suffix}' is no picture format", where=path, remedy="use .png or .svg"
        )
    # Both formats would else hold the hour or the program, and svg random ids.
    unstamped = {"Software": None} if kind == "png" else {"Date": None}
    with atomic_path(path) as partial, matplotlib.rc_context({"svg.hashsalt": "rnaernie-bench"}):
        figure.savefig(partial, format=kind, metadata=unstamped)
