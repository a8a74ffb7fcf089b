"""Pictures of a search: its history, what matters, and which settings did how well."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.figures import PIXELS_PER_INCH
from rnaernie_bench.core.theme import INK, MUTED, PALETTE, PAPER, RULE
from rnaernie_bench.sweeps.search import Goal, finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna import Study
    from optuna.trial import FrozenTrial


def pictures(study: Study, goals: Sequence[Goal]) -> Iterator[tuple[str, Figure]]:
    """Yield file names and pictures of what has come of a search so far.

    Of two goals, the history is one of the first, and a further picture shows both.
    """
    from optuna.trial import TrialState

    trials = finished(study.get_trials(deepcopy=False))
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        return
    yield "history.png", history_figure(trials, goals[0])
    if len(goals) == 2:
        yield "front.png", front_figure(study, complete, goals)
    importances = importances_of(study, complete)
    if importances:
        yield "importances.png", importances_figure(importances, goals[0])
    yield "parallel.png", parallel_figure(complete, goals[0])


def importances_of(study: Study, complete: Sequence[FrozenTrial]) -> dict[str, float]:
    """Return the share of each parameter in the variance of the first goal (fANOVA, Hutter 2014).

    Only parameters that all trials have are compared; empty where there is nothing to compare.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    values = {trial.values[0] for trial in complete}
    if len(complete) < 2 or len(values) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parameters that only some trials have
        found = get_param_importances(
            study,
            evaluator=FanovaImportanceEvaluator(seed=0),
            target=lambda trial: trial.values[0],
        )
    return dict(found)


def history_figure(trials: Sequence[FrozenTrial], goal: Goal) -> Figure:
    """Draw the figure of every trial, and the best so far.

    Args:
        trials: complete ones and those that were pruned, in order.
        goal: what is drawn.
    """
    figure, axes = _canvas(6.4, 3.6, f"{goal.name} of each trial, on validation")
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    pruned = [trial for trial in trials if trial.state.name == "PRUNED" and trial.values]
    for some, colour, label in (
        (complete, PALETTE["blue"], "complete"),
        (pruned, PALETTE["orange"], "pruned"),
    ):
        if some:
            x, y = [t.number for t in some], [t.values[0] for t in some]
            axes.scatter(x, y, s=16, color=colour, label=label, zorder=3)
    values = [trial.values[0] for trial in complete]
    best = (np.maximum if goal.more_is_better else np.minimum).accumulate(values)
    axes.step(
        [t.number for t in complete], best, where="post", color=MUTED, linewidth=1.2, label="best"
    )
    axes.set_xlabel("trial", color=MUTED, fontsize=9)
    axes.set_ylabel(goal.name, color=MUTED, fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    return figure


def front_figure(study: Study, complete: Sequence[FrozenTrial], goals: Sequence[Goal]) -> Figure:
    """Draw both goals of every complete trial; those that no other one beats in both are joined."""
    figure, axes = _canvas(4.8, 4.2, f"{goals[0].name} and {goals[1].name}")
    axes.scatter(
        [t.values[0] for t in complete], [t.values[1] for t in complete], s=16, color=PALETTE["sky"]
    )
    best = sorted(tuple(trial.values) for trial in study.best_trials)
    axes.plot(*zip(*best, strict=True), color=PALETTE["vermilion"], marker="o", markersize=4)
    axes.set_xlabel(goals[0].name, color=MUTED, fontsize=9)
    axes.set_ylabel(goals[1].name, color=MUTED, fontsize=9)
    return figure


def importances_figure(importances: Mapping[str, float], goal: Goal) -> Figure:
    """Draw the share of each parameter in the variance of a goal, the greatest on top."""
    height = 1.2 + 0.32 * len(importances)
    figure, axes = _canvas(6.4, height, f"What {goal.name} depends on")
    names = list(importances)[::-1]
    shares = [importances[name] for name in names]
    axes.barh(names, shares, color=PALETTE["blue"], height=0.6)
    for place, share in enumerate(shares):
        axes.annotate(
            f"{100 * share:.0f} %", (share, place), (4, 0), textcoords="offset points",
            va="center", fontsize=8, color=MUTED,
        )  # fmt: skip
    axes.set_xlim(0, 1.08)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of the variance over the space (fANOVA)", color=MUTED, fontsize=9)
    return figure


def parallel_figure(complete: Sequence[FrozenTrial], goal: Goal) -> Figure:
    """Draw every complete trial as a line through its settings, its colour the figure it got."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    names = list(dict.fromkeys(name for trial in complete for name in trial.distributions))
    figure, axes = _canvas(2.2 + 1.3 * len(names), 3.8, f"Settings and {goal.name} of each trial")
    values = [trial.values[0] for trial in complete]
    # Best lines last, on top, in the strongest colour.
    order = np.argsort(values if goal.more_is_better else [-value for value in values])
    ramp = LinearSegmentedColormap.from_list("figure", ("#CFE3F1", PALETTE["blue"], "#003E63"))
    shade = Normalize(min(values), max(values) if max(values) > min(values) else min(values) + 1)
    heights = [_heights(complete, name) for name in names]
    for index in order:
        tint = shade(values[index]) if goal.more_is_better else 1 - shade(values[index])
        line = [column[index] for column in heights]
        axes.plot(range(len(names)), line, color=ramp(tint), linewidth=1.2, marker="o", ms=3)
    axes.set_xticks(range(len(names)), [name.replace(".", ".\n", 1) for name in names])
    axes.set_yticks([])
    axes.set_ylim(-0.12, 1.12)
    for place, name in enumerate(names):
        low, high = _ends(complete, name)
        for text, y in ((low, -0.08), (high, 1.08)):
            axes.annotate(text, (place, y), ha="center", va="center", fontsize=7, color=MUTED)
    axes.grid(axis="y", visible=False)
    worst, best = sorted((min(values), max(values)), reverse=not goal.more_is_better)
    axes.set_xlabel(
        f"light: {goal.name} {worst:.4g}, dark: {best:.4g}", color=MUTED, fontsize=9, labelpad=6
    )
    return figure


def _heights(trials: Sequence[FrozenTrial], name: str) -> list[float]:
    """Return where a setting of each trial stands between the ends; nan where it has none."""
    distribution: Any = next(t.distributions[name] for t in trials if name in t.distributions)
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        span = max(1, len(choices) - 1)
        return [
            choices.index(t.params[name]) / span if name in t.params else np.nan for t in trials
        ]
    scale = np.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return [
        (scale(t.params[name]) - low) / (high - low) if name in t.params else np.nan for t in trials
    ]


def _ends(trials: Sequence[FrozenTrial], name: str) -> tuple[str, str]:
    distribution: Any = next(t.distributions[name] for t in trials if name in t.distributions)
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return str(choices[0]), str(choices[-1])
    return f"{distribution.low:.3g}", f"{distribution.high:.3g}"


def _canvas(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, facecolor=PAPER)
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_color(RULE)
        spine.set_visible(side in ("left", "bottom"))
    return figure, axes
