"""Pictures of a run, drawn without pyplot: no window, no global state, one look (`style`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.figures import PIXELS_PER_INCH
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RAMP, RULE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMED = 40
"""Classes that a picture shows one by one."""
MOST_PANELS = 12


def confusion_matrix_figure(
    confusion: np.ndarray, label_names: Sequence[str], title: str
) -> Figure:
    """Draw a confusion matrix: numbers are items, colour is their share of the true class.

    Cells without an item stay empty; the recall of every class stands at the right. Of more than
    `MOST_NAMED` classes there are neither numbers nor recalls, and every few of them are named:
    the picture has one size, however many there are.

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

    detailed = classes <= MOST_NAMED
    side = max(4.4, 0.5 * min(classes, MOST_NAMED) + 1.4)
    figure = Figure(
        figsize=(side + 0.6, side), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained"
    )
    axes = figure.add_subplot()
    # The square root lifts the few confusions off the paper, which is what one looks for.
    ramp = LinearSegmentedColormap.from_list("fraction", RAMP)
    axes.imshow(fractions, cmap=ramp, norm=PowerNorm(0.5, vmin=0.0, vmax=1.0))
    for row, column in np.argwhere(counts) if detailed else ():
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

    step = -(-classes // MOST_NAMED)
    named = range(0, classes, step)
    names = [_shortened(label_names[place]) for place in named]
    axes.set_xticks(named, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(named, names)
    if detailed:
        axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=RULE, linewidth=0.6)
    axes.tick_params(which="both", length=0, labelsize=8, labelcolor=INK)
    axes.set_xlabel("predicted class", color=MUTED, fontsize=9)
    axes.set_ylabel("true class", color=MUTED, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=18)
    for spine in axes.spines.values():
        spine.set_color(RULE)

    above: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": 8,
        "color": MUTED,
        "annotation_clip": False,
    }
    said = "items; colour: share of the true class"
    if not detailed:
        said = f"{classes} classes, every {step}th named; colour: share of the true class"
    axes.annotate(said, (0, 1), (0, 5), xycoords="axes fraction", **above)
    if not detailed:
        return figure
    recalls = axes.secondary_yaxis("right")
    shown = [f"{100 * fractions[i, i]:.0f} %" if totals[i] else "no item" for i in range(classes)]
    recalls.set_yticks(range(classes), shown)
    recalls.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    recalls.spines["right"].set_visible(False)
    axes.annotate("recall", (1, 1), (6, 5), xycoords="axes fraction", **above)
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:31]}…"


def calibration_figure(truth: np.ndarray, odds: np.ndarray, title: str) -> Figure:
    """Draw how often the answer is yes against its probability, in ten equal bins.

    Args:
        truth: (n,), 0 or 1, nan where unknown.
        odds: (n,), calibrated log-odds of yes.
        title: the heading.
    """
    known = ~np.isnan(truth)
    probability = 1 / (1 + np.exp(-odds[known].astype(np.float64)))
    bins = np.minimum((probability * 10).astype(int), 9)
    rows = [
        {
            "confidence": float(probability[bins == place].mean()),
            "accuracy": float(truth[known][bins == place].mean()),
            "n": int((bins == place).sum()),
        }
        for place in np.unique(bins)
    ]
    return reliability_figure(
        {"test": rows}, title, predicted="predicted probability", found="share that is positive"
    )


def scatter_figure(
    truth: np.ndarray, values: np.ndarray, names: Sequence[str], title: str
) -> Figure:
    """Draw predicted against measured values, a panel a column; the diagonal is perfect.

    Of many columns, the first `MOST_PANELS` are drawn.

    Args:
        truth: (n, columns), nan where unknown.
        values: (n, columns).
        names: of the columns.
        title: the heading.
    """
    from matplotlib.figure import Figure

    if len(names) > MOST_PANELS:
        title = f"{title}; the first {MOST_PANELS} of {len(names)}"
        names = names[:MOST_PANELS]
    width = 4.2 * len(names)
    figure = Figure(
        figsize=(width, 4.4), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for column, (axes, name) in enumerate(zip(panels, names, strict=True)):
        known = ~np.isnan(truth[:, column])
        x, y = truth[known, column], values[known, column]
        ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle="--")
        axes.scatter(x, y, s=8, color=next(iter(PALETTE.values())), alpha=0.5, linewidths=0)
        axes.grid(color=RULE, linewidth=0.6)
        axes.tick_params(length=0, labelsize=8, labelcolor=INK)
        axes.set_xlabel(f"{name}, measured", color=MUTED, fontsize=9)
        axes.set_ylabel("predicted", color=MUTED, fontsize=9)
        for spine in axes.spines.values():
            spine.set_color(RULE)
    return figure


def reliability_figure(
    parts: Mapping[str, Sequence[Mapping[str, float]]],
    title: str,
    *,
    predicted: str = "probability of the predicted type",
    found: str = "share that is right",
) -> Figure:
    """Draw how often predictions are right against how sure they are; the diagonal is calibrated.

    Args:
        parts: by name, for each bin the means ``confidence`` and ``accuracy`` and the number ``n``.
        title: the heading.
        predicted: what ``confidence`` is, for the axis.
        found: what ``accuracy`` is.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 4.6), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
    for (name, bins), colour in zip(parts.items(), PALETTE.values(), strict=False):
        total = sum(each["n"] for each in bins)
        x, y = ([each[key] for each in bins] for key in ("confidence", "accuracy"))
        axes.plot(x, y, color=colour, linewidth=1.2, label=f"{name}, {total:,} items")
        areas = [12 + 240 * each["n"] / total for each in bins]
        axes.scatter(x, y, s=areas, color=colour, edgecolors=PAPER, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.grid(color=RULE, linewidth=0.6)
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    axes.set_xlabel(predicted, color=MUTED, fontsize=9)
    axes.set_ylabel(found, color=MUTED, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    for spine in axes.spines.values():
        spine.set_color(RULE)
    return figure
