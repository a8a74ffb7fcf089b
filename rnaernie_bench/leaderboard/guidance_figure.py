"""The worth of RNA types as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnaernie_bench.core.figures import PIXELS_PER_INCH
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RULE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rnaernie_bench.leaderboard.guidance import Guidance


def guidance_figure(reports: Sequence[Guidance], title: str) -> Figure:
    """Draw the score against the number of types, a panel a training.

    Lines are predicted and random types; dashed ones no type at all and, a control, the type that
    follows from the label. Bars and bands are 95 % intervals.

    Args:
        reports: one or more.
        title: the heading.
    """
    from matplotlib.figure import Figure

    colours = dict(zip(("predicted", "random", "none", "oracle"), PALETTE.values(), strict=False))
    width = 4.4 * len(reports)
    figure = Figure(figsize=(width, 4.2), dpi=PIXELS_PER_INCH, facecolor=PAPER)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(reports), squeeze=False)[0]
    for axes, report in zip(panels, reports, strict=True):
        for source, colour in colours.items():
            lines = [
                line for line in report.lines if line.types == source and not line.score.undefined
            ]
            if not lines:
                continue
            values = [line.score.mean for line in lines]
            ends = [
                (line.score.mean if line.score.low is None else line.score.low,
                 line.score.mean if line.score.high is None else line.score.high)
                for line in lines
            ]  # fmt: skip
            if source in ("none", "oracle"):
                label = "oracle (control)" if source == "oracle" else "no types"
                axes.axhline(values[0], color=colour, linewidth=1.2, linestyle="--", label=label)
                axes.axhspan(*ends[0], color=colour, alpha=0.08, linewidth=0)
                continue
            errors = [
                [value - low for value, (low, _) in zip(values, ends, strict=True)],
                [high - value for value, (_, high) in zip(values, ends, strict=True)],
            ]
            shift = 0.05 if source == "random" else -0.05  # bars side by side
            places = [line.k + shift for line in lines]
            axes.errorbar(
                places, values, errors, color=colour, linewidth=1.4, marker="o", markersize=4,
                elinewidth=1, capsize=2, label=f"{source} types",
            )  # fmt: skip
        ticks = sorted({line.k for line in report.lines if line.types in ("predicted", "random")})
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.set_title(f"{report.base}, head {report.head}", loc="left", fontsize=9, color=INK)
        axes.set_xlabel("types a sequence is read with (k)", color=MUTED, fontsize=9)
        axes.set_ylabel(f"{report.metric}, {report.part}", color=MUTED, fontsize=9)
        axes.grid(axis="y", color=RULE, linewidth=0.6)
        axes.tick_params(length=0, labelsize=8, labelcolor=INK)
        axes.legend(frameon=False, fontsize=8)
        for spine in axes.spines.values():
            spine.set_color(RULE)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    return figure
