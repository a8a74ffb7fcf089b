"""Metrics as functions of how often each unit counts: what resampling calls ten thousand times.

A metric is computed of a *composite*: some units with the predictions of one run, some with those
of another, each so many times. The jackknife leaves units of one run out; a permutation builds two
composites that exchange units.

A composite may not define a metric, lacking a class for example: it is nan then. A metric may be a
mean over parts, such as classes, labels or items: it is the mean over those that define it, and nan
where none does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Spread, Units, alike, jackknife, spread_of

CALIBRATION_BINS = 15
"""Equal-width bins of the expected calibration error, as in Guo et al. 2017."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]
Weights = Mapping[int, Integers]
"""By run, how often each unit counts with that run's predictions: shape (r, m) each."""

_CELLS = 1 << 20
"""Sums that are held at a time."""

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Scorer:
    """A metric of several runs on the same items."""

    units: Units
    """What is drawn."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,), nan where one does not define it."""
        raise NotImplementedError

    def exchange(self, first: int, second: int) -> Callable[[Integers], Floats]:
        """Return what gives the difference of two runs, the first minus the second.

        It takes how many of each unit they have exchanged, shape (r, m), and returns shape (r,).
        """

        def difference(moved: Integers) -> Floats:
            kept = self.units.copies - moved
            one = self.score({first: kept, second: moved})
            return np.asarray(one - self.score({first: moved, second: kept}))

        return difference

    def value(self, run: int) -> float:
        """Return the metric of a run on all items, nan if they do not define it."""
        return float(self.score({run: self.units.copies[None]})[0])

    def parts(self, run: int) -> dict[str, int]:
        """Return what is known of the parts of a mean over parts; nothing of other metrics.

        It is the number ``n`` of parts that define the metric, and that of those that a run leaves
        undefined, ``left_out``.
        """
        return {}

    def without_each(self, run: int) -> Floats:
        """Return the metric of a run without one item of each kind, or without each group, (m,)."""
        return jackknife(self.units, lambda weights: self.score({run: weights}))

    def spread(self, runs: Sequence[int]) -> Spread | None:
        """Return how much the mean over runs depends on the units drawn, see `spread_of`."""
        left_out = np.mean([self.without_each(run) for run in runs], axis=0)
        return spread_of(self.units, left_out)


MakeScorer = Callable[[Any, Sequence[Any], Units | None], Scorer]
"""Takes the truth of some items, what each of some runs predicted for them, and the groups that are
drawn as a whole (None: items); see `metrics.answers` for the arrays."""


@dataclass(frozen=True, eq=False)
class AdditiveScorer(Scorer):
    """A metric of sums over items: counts of a confusion matrix, a mean, a calibration error."""

    units: Units
    sums: npt.NDArray[np.floating]
    """Shape (runs, m, q): what a unit adds to each of the q sums."""
    of_sums: Callable[[Floats], Floats]
    """From sums (r, q) to the metric (r,), or to the parts that it is a mean over, (r, parts)."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """Which sums are counts of parts that are items or groups, by their name in `parts`."""

    def score(self, weights: Weights) -> Floats:
        """Return the metric of `r` composites, shape (r,)."""
        kind = self.sums.dtype
        parts = [count.astype(kind) @ self.sums[run] for run, count in weights.items()]
        return mean_defined(self.of_sums(np.sum(parts, axis=0, dtype=np.float64)))

    def without_each(self, run: int) -> Floats:
        """Return the metric without one item of each kind, or without each group, (m,)."""
        whole = self.units.copies @ self.sums[run].astype(np.float64)
        step = max(1, _CELLS // len(whole))  # of thousands of units and classes, few at a time
        return np.concatenate(
            [
                mean_defined(self.of_sums(whole - self.sums[run][start : start + step]))
                for start in range(0, max(len(self.sums[run]), 1), step)
            ]
        )

    def parts(self, run: int) -> dict[str, int]:
        """Return how many parts define the metric, and how many do not; see `Scorer`."""
        whole = self.units.copies @ self.sums[run].astype(np.float64)
        if self.counted:
            return {name: round(whole[place]) for name, place in self.counted.items()}
        parts = self.of_sums(whole[None])
        return parts_of(parts[0]) if parts.size > 1 else {}


@dataclass(frozen=True, eq=False)
class AbsoluteScorer(AdditiveScorer):
    """The absolute sums over the last one: of bins, a calibration error."""

    def spread(self, runs: Sequence[int]) -> Spread | None:
        """Return the spread, with what noise alone adds to absolute sums.

        The error of a bin that is calibrated is not 0 but half-normal, of mean ``sqrt(2 / pi)`` and
        variance ``1 - 2 / pi`` times those of its sum, and no bin's error exceeds its own by more.
        """
        found = super().spread(runs)
        if found is None:
            return None
        noises = []
        for run in runs:
            added = self.sums[run].astype(np.float64)
            left = self.units.copies @ added - added
            bins = [spread_of(self.units, ratio(part, left[:, -1])) for part in left[:, :-1].T]
            noises.append(np.array([each.error if each else 0.0 for each in bins]))
        mean = np.sqrt(2 / np.pi) * np.mean([errors.sum() for errors in noises])
        deviation = np.mean([np.sqrt((1 - 2 / np.pi) * (errors**2).sum()) for errors in noises])
        return replace(found, noise=(float(mean), float(deviation)))


@dataclass(frozen=True, eq=False)
class AurocScorer(Scorer):
    """The area under the ROC curve; undefined for a composite that lacks one of the classes."""

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
        return np.divide(area, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)

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
        added = np.bincount(self.units.member, shares, len(self.units.copies))
        whole = ratio(added, 2 * pairs)

        def difference(moved: Integers) -> Floats:
            return np.asarray(whole.sum() - 2 * (moved @ whole))

        return difference

    def without_each(self, run: int) -> Floats:
        """Return the metric without each item, from how many others it beats; see `Scorer`."""
        items = len(self.labels)
        if len(np.unique(self.units.member)) < items:
            return super().without_each(run)
        positives, negatives = self.ranks[run][self.labels], self.ranks[run][~self.labels]
        beaten = np.zeros(items)
        beaten[self.labels] = _below(positives, negatives)
        beaten[~self.labels] = len(positives) - _below(negatives, positives)
        yes, no = len(positives), len(negatives)
        pairs = np.where(self.labels, (yes - 1) * no, yes * (no - 1))
        whole = beaten[self.labels].sum()
        # Units without an item, whose label is unknown, take nothing away.
        found = np.full(len(self.units.copies), ratio(whole, yes * no))
        found[self.units.member] = ratio(whole - beaten, pairs)
        return found


def additive(
    sums: Callable[[Any, Any], npt.ArrayLike],
    value: Callable[[Floats], Floats],
    *,
    kinds: Callable[[Any, Sequence[Any]], Sequence[npt.ArrayLike]] | None = None,
    dtype: type[np.floating] = np.float64,
    counted: Mapping[str, int] | None = None,
    kind: type[AdditiveScorer] = AdditiveScorer,
) -> MakeScorer:
    """Return what makes the scorer of a metric of sums over items.

    Args:
        sums: takes the truth and what a run predicted for n items; returns what each adds to the q
            sums, (n, q).
        value: from sums (r, q) to the metric (r,), or to the parts of a mean over parts, (r,
            parts).
        kinds: takes the truth and all runs; returns integer columns of shape (n,): items that are
            equal in all of them add alike, and are drawn as one kind. None: items one by one.
        dtype: of the sums that are kept.
        counted: see `AdditiveScorer.counted`.
        kind: of scorer.
    """

    def make(truth: Any, runs: Sequence[Any], whole: Units | None) -> AdditiveScorer:
        columns = [np.arange(len(truth))] if kinds is None or whole else kinds(truth, runs)
        units = whole or alike(*columns)
        added = [units.sums(sums(truth, run)) for run in runs]
        return kind(units, np.array(added, dtype=dtype), value, counted or {})

    return make


def parts_of(values: Floats) -> dict[str, int]:
    """Return what `Scorer.parts` does, from the values of the parts, nan where undefined."""
    missing = int(np.isnan(values).sum())
    return {"n": len(values) - missing, "left_out": missing}


def mean_defined(parts: Floats) -> Floats:
    """Return the mean over parts of those that are defined, nan if none is; (r,) stays as it is."""
    if parts.ndim == 1:
        return parts
    defined = ~np.isnan(parts)
    return ratio(np.where(defined, parts, 0.0).sum(axis=1), defined.sum(axis=1))


def or_none(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures as JSON has them: None where one is undefined."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def absolute_share(totals: Floats) -> Floats:
    """Return the absolute sums of all columns but the last over the last."""
    return ratio(np.abs(totals[:, :-1]).sum(axis=1), totals[:, -1])


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """Return the quotient; nan, for undefined, where `whole` is 0."""
    above, below = np.broadcast_arrays(np.asarray(part, np.float64), whole)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


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
