"""Metrics as functions of how often each unit counts: what resampling calls ten thousand times.

A metric is computed of a *composite*: some units with the predictions of one run, some with those
of another, each so many times. A bootstrap resample draws units of one run; a permutation builds
two composites that exchange units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units, alike

CALIBRATION_BINS = 15
"""Equal-width bins of the expected calibration error, as in Guo et al. 2017."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]
Weights = Mapping[int, Integers]
"""By run, how often each unit counts with that run's predictions: shape (r, m) each."""

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Scorer(Protocol):
    """A metric of `runs` runs on the same items."""

    @property
    def units(self) -> Units:
        """What is drawn."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,)."""

    def exchange(self, first: int, second: int) -> Callable[[Integers], Floats]:
        """Return what gives the difference of two runs, the first minus the second.

        It takes how many of each unit they have exchanged, shape (r, m), and returns shape (r,).
        """


MakeScorer = Callable[[Any, Sequence[Any], Units | None], Scorer]
"""Takes the truth of some items, what each of some runs predicted for them, and the groups that are
drawn as a whole (None: items); see `metrics.answers` for the arrays."""


@dataclass(frozen=True, eq=False)
class AdditiveScorer:
    """A metric of sums over items: counts of a confusion matrix, a mean, a calibration error."""

    units: Units
    sums: npt.NDArray[np.floating]
    """Shape (runs, m, q): what a unit adds to each of the q sums."""
    value: Callable[[Floats], Floats]
    """From sums (r, q) to the metric (r,)."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,)."""
        kind = self.sums.dtype
        parts = [count.astype(kind) @ self.sums[run] for run, count in weights.items()]
        return self.value(np.sum(parts, axis=0, dtype=np.float64))

    def exchange(self, first: int, second: int) -> Callable[[Integers], Floats]:
        """Return what gives the difference of two runs that have exchanged units."""

        def difference(moved: Integers) -> Floats:
            kept = self.units.copies - moved
            one = self.score({first: kept, second: moved})
            return np.asarray(one - self.score({first: moved, second: kept}))

        return difference


@dataclass(frozen=True, eq=False)
class AurocScorer:
    """The area under the ROC curve; 0.5 for a composite that lacks one of the classes."""

    units: Units
    """Groups, or items one by one."""
    labels: npt.NDArray[np.bool_]
    """Shape (n,)."""
    ranks: Floats
    """Shape (runs, n): the rank of each item among those of its run, ties in the middle."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,).

        What is exchanged between runs are ranks, so that their scales need not agree (Bandos,
        Rockette and Gur 2005, doi 10.1002/sim.2149).
        """
        ranks = np.concatenate([self.ranks[run] for run in weights])
        labels = np.tile(self.labels, len(weights))
        places = np.add.outer(np.arange(len(weights)) * len(self.units.copies), self.units.member)
        # Counts of items: single precision holds them exactly up to 16 million, at half the memory.
        counts = np.hstack([count.astype(np.float32) for count in weights.values()])
        negatives = np.flatnonzero(~labels)[np.argsort(ranks[~labels], kind="stable")]
        below = np.zeros((len(counts), len(negatives) + 1), np.float32)
        np.cumsum(counts[:, places.ravel()[negatives]], axis=1, out=below[:, 1:])
        hits = counts[:, places.ravel()[labels]]
        # A positive is above the negatives of lower rank, and above half of those of its own rank.
        left, right = (np.searchsorted(ranks[negatives], ranks[labels], side) for side in _SIDES)
        beaten: np.ndarray = below[:, left]
        if not np.array_equal(left, right):
            beaten = (beaten + below[:, right]) / 2
        area = np.einsum("rn,rn->r", hits, beaten, dtype=np.float64)
        pairs = hits.sum(axis=1, dtype=np.float64) * below[:, -1]
        return np.divide(area, pairs, out=np.full(len(counts), 0.5), where=pairs > 0)

    def exchange(self, first: int, second: int) -> Callable[[Integers], Floats]:
        """Return what gives the difference of two runs that have exchanged units.

        The area is a sum over pairs of a positive and a negative. Let an item's sign be 1 where it
        is kept and -1 where it is exchanged: in the difference of the two composites all products
        of signs cancel, so that it is linear in them, and what is left of each item is known
        before any is exchanged.
        """
        shares, sign = np.zeros(len(self.labels)), {first: 1, second: -1}
        for one, two in product((first, second), repeat=2):
            positives, negatives = self.ranks[one][self.labels], self.ranks[two][~self.labels]
            shares[self.labels] += sign[one] * _below(positives, negatives)
            shares[~self.labels] += sign[two] * (len(positives) - _below(negatives, positives))
        pairs = int(self.labels.sum()) * int((~self.labels).sum())
        whole = np.bincount(self.units.member, shares, len(self.units.copies)) / max(2 * pairs, 1)

        def difference(moved: Integers) -> Floats:
            return np.asarray(whole.sum() - 2 * (moved @ whole))

        return difference


def additive(
    sums: Callable[[Any, Any], npt.ArrayLike],
    value: Callable[[Floats], Floats],
    *,
    kinds: Callable[[Any, Sequence[Any]], Sequence[npt.ArrayLike]] | None = None,
    dtype: type[np.floating] = np.float64,
) -> MakeScorer:
    """Return what makes the scorer of a metric of sums over items.

    Args:
        sums: takes the truth and what a run predicted for n items; returns what each adds to the q
            sums, (n, q).
        value: from sums (r, q) to the metric (r,).
        kinds: takes the truth and all runs; returns integer columns of shape (n,): items that are
            equal in all of them add alike, and are drawn as one kind. None: items one by one.
        dtype: of the sums that are kept.
    """

    def make(truth: Any, runs: Sequence[Any], whole: Units | None) -> AdditiveScorer:
        columns = [np.arange(len(truth))] if kinds is None or whole else kinds(truth, runs)
        units = whole or alike(*columns)
        added = [units.sums(sums(truth, run)) for run in runs]
        return AdditiveScorer(units, np.array(added, dtype=dtype), value)

    return make


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return the quotient; 0 where `whole` is 0."""
    return np.divide(part, whole, out=np.zeros_like(part, np.float64), where=whole != 0)


def auroc_scorer(labels: npt.NDArray[np.bool_], scores: Floats, units: Units) -> AurocScorer:
    """Return the area under the ROC curve.

    Args:
        labels: shape (n,), whether an item is of the positive class.
        scores: shape (runs, n), higher for the positive class.
        units: groups, or items one by one.
    """
    return AurocScorer(units, labels, np.array([midranks(run) for run in scores]))


def _below(scores: Floats, others: Floats) -> Floats:
    """Return how many of the others are below each score, half of those that equal it."""
    order = np.sort(others)
    left, right = (np.searchsorted(order, scores, side) for side in _SIDES)
    return np.asarray((left + right) / 2)


def midranks(scores: Floats) -> Floats:
    """Return the ranks of `scores` from 1 on, equal scores sharing the middle of theirs."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
