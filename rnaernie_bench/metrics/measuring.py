"""What a record holds of a test part: metrics with intervals, and what leaves them undefined."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnaernie_bench.metrics.answers.base import Answer, Array
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.metrics.resampling import Drawn, Units, drawn_whole, grouped, interval, steadied
from rnaernie_bench.metrics.scoring.composites import Scorer

Groups = Sequence[str] | None
Figure = dict[str, Any]
"""``value``, ``low`` and ``high``, perhaps None; where there is no value, ``undefined`` says why.
Of a mean over parts, ``n`` parts define it and ``left_out`` do not, if there are such."""


@dataclass(frozen=True)
class Measures:
    """The metrics of a task."""

    answer: Answer
    metrics: tuple[str, ...]
    """Their names."""
    columns: tuple[int, ...] | None = None
    """Of answers of several columns, those that count; None: all."""
    by: Drawn = "item"
    """What intervals draw."""

    def scorer(
        self, metric: str, truth: Array, runs: Sequence[Array], groups: Groups = None
    ) -> Scorer:
        """Return a metric of runs on the same items.

        Args:
            metric: one that the answer has, or is compared by.
            truth: what is true of the n items.
            runs: what each run predicted.
            groups: length n; None where items are drawn and no metric asks for groups.
        """
        whole = self.whole(metric, truth, groups)
        chosen = [self.answer.only(truth, run, self.columns) for run in runs]
        return self.answer.scorer(metric, chosen[0][0], [run for _, run in chosen], whole)

    def whole(self, metric: str, truth: Array, groups: Groups) -> Units | None:
        """Return the groups that are drawn as a whole for a metric; None where items are drawn."""
        if METRICS.get(metric).within_groups:
            return grouped([""] * len(truth) if groups is None else groups)
        return drawn_whole(self.by, groups, lambda: self.answer.classes(truth))

    def values(self, truth: Array, predicted: Array, groups: Groups = None) -> dict[str, float]:
        """Return the metrics of a run, nan where undefined; the arguments are those of `scorer`."""
        items = Measures(self.answer, self.metrics, self.columns)
        return {
            name: items.scorer(name, truth, [predicted], groups).value(0) for name in self.metrics
        }

    def undefined_by(self, metric: str, targets: Any) -> str | None:
        """Return why a metric is undefined whatever is predicted, such as a class that is missing.

        Args:
            metric: its name.
            targets: of some items, as `Answer.arrays` takes them.
        """
        alone = Measures(self.answer, (metric,), self.columns)
        value = alone.of_scores(targets, self.answer.oracle(targets))[metric]
        return METRICS.get(metric).undefined if math.isnan(value) else None

    def of_scores(self, targets: Any, scores: Any) -> dict[str, float]:
        """Return the metrics of scores as they are, before anything is tuned: of epochs."""
        answer = self.answer
        return self.values(*answer.arrays(targets, scores, answer.untuned()), targets.groups)

    def figures(
        self, truth: Array, predicted: Array, groups: Groups = None, *, confidence: float = 0.95
    ) -> dict[str, Figure]:
        """Return the metrics of a run as a record has them.

        Intervals tell how much a figure depends on the test items drawn, not on the training seed.
        """
        return {
            name: figure(name, self.scorer(name, truth, [predicted], groups), confidence)
            for name in self.metrics
        }


def figure(metric: str, scorer: Scorer, confidence: float = 0.95) -> Figure:
    """Return a metric of a scorer's first run as a record has it."""
    entry, value, parts = METRICS.get(metric), scorer.value(0), scorer.parts(0)
    told: Mapping[str, int] = parts if entry.within_groups or parts.get("left_out") else {}
    if math.isnan(value):
        return {"value": None, "low": None, "high": None, "undefined": entry.undefined, **told}
    spread = scorer.spread([0])
    low, high = (None, None) if spread is None else interval(
        value, steadied(spread, value, entry.bounds), entry.bounds, confidence=confidence
    )  # fmt: skip
    return {"value": value, "low": low, "high": high, **told}


WORST = sys.float_info.max
"""How bad what is undefined is, for choices: a constant prediction is chosen over nothing."""


def goodness(metric: str, value: float) -> float:
    """Return how good a figure is, more being better: the worst of all where it is undefined."""
    sign = 1 if METRICS.get(metric).higher_is_better else -1
    return -WORST if math.isnan(value) else sign * value


def to_choose_by(values: Mapping[str, float], metric: str) -> dict[str, float]:
    """Return figures without those that are undefined, but for the metric that chooses.

    That one is the worst of all then, so that any figure is better; it is shown to nobody.
    """
    found = {name: value for name, value in values.items() if not math.isnan(value)}
    if metric not in found and metric in values:
        found[metric] = -WORST if METRICS.get(metric).higher_is_better else WORST
    return found


def told(figure: Mapping[str, Any]) -> str:
    """Return a figure of a record as text, such as ``0.866 [0.852, 0.879]``."""
    if figure["value"] is None:
        return "undefined"
    ends = figure["low"], figure["high"]
    between = "" if None in ends else f" [{ends[0]:.3f}, {ends[1]:.3f}]"
    return f"{figure['value']:.3f}{between}"
