"""Metrics of rankings that are not sums over items: average precision, and means over columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units
from rnaernie_bench.metrics.scoring.composites import (
    Floats,
    Integers,
    Scorer,
    Weights,
    mean_defined,
    midranks,
    parts_of,
    ratio,
)


@dataclass(frozen=True, eq=False)
class PrecisionScorer(Scorer):
    """The area under the precision-recall curve as average precision, as scikit-learn has it.

    Undefined for a composite without a positive or a negative item.
    """

    units: Units
    labels: npt.NDArray[np.bool_]
    """Shape (n,)."""
    ranks: Floats
    """Shape (runs, n): the rank of each item among those of its run, ties in the middle."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,); runs exchange ranks, not scores."""
        ranks = np.concatenate([self.ranks[run] for run in weights])
        labels = np.tile(self.labels, len(weights))
        places = np.add.outer(np.arange(len(weights)) * len(self.units.copies), self.units.member)
        order = np.argsort(-ranks, kind="stable")
        counts = np.hstack([count.astype(np.float64) for count in weights.values()])
        if not len(labels):
            return np.full(len(counts), np.nan)
        drawn = counts[:, places.ravel()[order]]
        last = np.flatnonzero(np.append(np.diff(ranks[order]) != 0, True))  # of equal ranks
        above = np.cumsum(drawn, axis=1)[:, last]
        hits = np.cumsum(drawn * labels[order], axis=1)[:, last]
        precision = np.divide(hits, above, out=np.zeros_like(hits), where=above > 0)
        steps = np.diff(hits, axis=1, prepend=0)
        total = hits[:, -1]
        area = (precision * steps).sum(axis=1)
        return ratio(area, np.where(total < above[:, -1], total, 0))

    def without_each(self, run: int) -> Floats:
        """Return the metric of a run without each unit, (m,); of items, by sums from the top on.

        An item that is left out takes one from what is above every later threshold; a positive one
        takes one from the hits as well.
        """
        items = len(self.labels)
        if len(self.units.copies) != items:
            return super().without_each(run)
        _, group = np.unique(-self.ranks[run], return_inverse=True)
        size = np.bincount(group)
        step = np.bincount(group, self.labels, len(size))
        above, hits = np.cumsum(size), np.cumsum(step)
        positives, fewer = int(self.labels.sum()), np.maximum(above - 1, 1)
        before = np.cumsum(hits * step / above) - hits * step / above

        def rest(terms: Floats) -> Floats:
            return np.asarray(np.cumsum(terms[::-1])[::-1])

        negative = before + rest(hits * step / fewer)
        later = (hits - 1) * step / fewer
        own = (hits - 1) * (step - 1) / fewer
        positive = before + own + rest(later) - later
        area = np.where(self.labels, positive[group], negative[group])
        left = positives - self.labels
        found = np.empty(items)
        found[self.units.member] = ratio(area, np.where(left < items - 1, left, 0))
        return found


@dataclass(frozen=True, eq=False)
class MeanScorer(Scorer):
    """The mean of several scorers of the same runs and units, such as one a column.

    It leaves out those that are undefined.
    """

    units: Units
    scorers: Sequence[Scorer]

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,)."""
        return mean_defined(np.stack([s.score(weights) for s in self.scorers], axis=1))

    def exchange(self, first: int, second: int) -> Callable[[Integers], Floats]:
        """Return what gives the difference of two runs that have exchanged units."""
        differences = [scorer.exchange(first, second) for scorer in self.scorers]
        return lambda moved: mean_defined(np.stack([d(moved) for d in differences], axis=1))

    def without_each(self, run: int) -> Floats:
        """Return the metric of a run without each unit, (m,)."""
        return mean_defined(np.stack([s.without_each(run) for s in self.scorers], axis=1))

    def parts(self, run: int) -> dict[str, int]:
        """Return how many of the scorers define the metric, and how many do not."""
        return parts_of(np.array([scorer.value(run) for scorer in self.scorers]))


def precision_scorer(
    labels: npt.NDArray[np.bool_], scores: Floats, units: Units
) -> PrecisionScorer:
    """Return the average precision; see `composites.auroc_scorer` for the arguments."""
    return PrecisionScorer(units, labels, np.array([midranks(run) for run in scores]))
