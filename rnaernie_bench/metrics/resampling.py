"""The units that are exchanged or left out, and the intervals that follow.

Items that all models treat alike are interchangeable, so that kinds of item are counted instead of
items: exact, and far cheaper. Where items have relatives, whole groups of them are units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.progress import steps

N_RESAMPLES = 10_000
"""Enough for a p-value of 0.001 to survive the correction for some ten rows."""

_PRIOR = 0.25
"""See `steadied`."""

_BLOCK = 1 << 19
"""Weights held at once: so few that they stay in a processor's cache."""

Drawn = Literal["item", "group", "group_in_class"]
"""What is drawn: items, groups of relatives, or groups of relatives within each class."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Units:
    """The units that are drawn, out of `n` items: `m` kinds of item, or `m` groups of items."""

    member: Integers
    """Shape (n,): the unit of each item, 0..m-1."""
    copies: Integers
    """Shape (m,): how many items are of a kind; 1 for a group, which comes whole or not at all."""
    strata: Integers | None = None
    """Shape (m,): the class of each unit, 0..h-1, where as many of each class are drawn as there
    are; None: all units are drawn alike."""

    def sums(self, values: npt.ArrayLike) -> Floats:
        """Return what one draw of each unit adds: shape (m, q) for `values` of shape (n, q)."""
        values = np.asarray(values)
        if len(self.copies) == len(self.member):  # units are single items
            sums = np.empty(values.shape)
            sums[self.member] = values
            return sums
        sums = np.zeros((len(self.copies), values.shape[1]))
        np.add.at(sums, self.member, values)
        return sums / self.copies[:, None]


def alike(*columns: npt.ArrayLike) -> Units:
    """Return the kinds of item: items that have equal values in every column.

    Args:
        columns: integers of shape (n,) each, such as the labels and each model's predictions.
    """
    table = np.stack([np.asarray(column).astype(np.int64) for column in columns])
    _, member, copies = np.unique(table, axis=1, return_inverse=True, return_counts=True)
    return Units(member.reshape(-1), copies)


def grouped(groups: Sequence[str], classes: Integers | None = None) -> Units:
    """Return the groups as units; an item whose group is empty is a group of its own.

    Args:
        groups: length n.
        classes: shape (n,), where groups are drawn within classes: the items of a group that are of
            one class are a unit then. A class of a single group has no other group to draw; its
            items are drawn instead, since to keep them as they are would call it certain.
    """
    names = [group or f"\0{index}" for index, group in enumerate(groups)]
    _, member = np.unique(names, return_inverse=True)
    if classes is None:
        return Units(member, np.ones(member.max() + 1, dtype=np.int64))
    _, strata = np.unique(classes, return_inverse=True)
    alone = [len(np.unique(member[strata == s])) == 1 for s in range(strata.max() + 1)]
    own = np.where(np.array(alone)[strata], np.arange(len(member)) + member.max() + 1, member)
    pairs, member = np.unique(np.stack([strata, own]), axis=1, return_inverse=True)
    return Units(member.reshape(-1), np.ones(pairs.shape[1], dtype=np.int64), pairs[0])


def drawn_whole(
    by: Drawn, groups: Sequence[str] | None, classes: Callable[[], Integers]
) -> Units | None:
    """Return the groups that are drawn as a whole; None where items are drawn.

    Args:
        by: what is drawn.
        groups: length n; needed unless items are drawn.
        classes: returns the class of each item, shape (n,); asked only where it is needed.
    """
    if by == "item":
        return None
    assert groups is not None
    return grouped(groups, classes() if by == "group_in_class" else None)


def _places(units: Units) -> list[Integers]:
    """Return where the units of each stratum stand."""
    if units.strata is None:
        return [np.arange(len(units.copies))]
    return [np.flatnonzero(units.strata == s) for s in range(units.strata.max() + 1)]


def permutations(
    units: Units,
    statistic: Callable[[Integers], Floats],
    *,
    n_resamples: int,
    generator: np.random.Generator,
) -> Floats:
    """Return a statistic of `n_resamples` random exchanges of two models' predictions.

    Args:
        units: each item of a kind is exchanged with probability 1/2, each group as a whole.
        statistic: takes how many of each unit are exchanged (r, m); returns shape (r, ...).
        n_resamples: how many exchanges.
        generator: its state decides what is exchanged.

    Returns:
        Shape (n_resamples, ...).
    """
    total, kinds = int(units.copies.sum()), len(units.copies)

    def draw(rows: int) -> Integers:
        if total > kinds:
            return generator.binomial(units.copies, 0.5, size=(rows, kinds))
        # Whole words of 32 bits a row: what is drawn does not depend on the number of rows.
        width = 4 * -(-kinds // 32)
        coins = np.frombuffer(generator.bytes(rows * width), np.uint8).reshape(rows, width)
        return np.unpackbits(coins, axis=1, count=kinds)

    return _in_blocks(units, statistic, n_resamples, draw)


def _in_blocks(
    units: Units,
    statistic: Callable[[Integers], Floats],
    n_resamples: int,
    draw: Callable[[int], Integers],
) -> Floats:
    step = max(1, _BLOCK // max(len(units.member), 1))
    sizes = [min(step, n_resamples - start) for start in range(0, n_resamples, step)]
    found = []
    with steps("resampling", n_resamples, "draws") as drawn:
        for size in sizes:
            found.append(statistic(draw(size)))
            drawn(size)
    return np.concatenate(found)


def jackknife(units: Units, statistic: Callable[[Integers], Floats]) -> Floats:
    """Return the statistic without one item of each kind, or without each group: shape (m, ...)."""
    kinds = len(units.copies)
    step = max(1, _BLOCK // max(len(units.member), 1))
    values = []
    with steps("leaving out", kinds, "units") as left_out:
        for start in range(0, kinds, step):
            one = np.eye(min(step, kinds - start), kinds, start, dtype=np.int64)
            values.append(statistic(units.copies - one))
            left_out(len(one))
    return np.concatenate(values)


@dataclass(frozen=True)
class Spread:
    """How much a figure depends on the units that happened to be drawn."""

    error: float
    """Standard error, on the scale of the figure."""
    degrees: float
    """Degrees of freedom of its square, at least 1."""
    noise: tuple[float, float] = (0.0, 0.0)
    """Of a sum of absolute values: mean and standard deviation of what noise alone makes of it,
    which is how far it may lie above what it estimates."""


def spread_of(units: Units, left_out: Floats) -> Spread | None:
    """Return the jackknife's standard error of a figure and its degrees of freedom.

    The variance of each stratum is ``(n - 1) / n`` times the squares around the mean (Efron and
    Tibshirani 1993, chapter 11). It is a sum over units, and the fewer units make it up, the less
    is known of it: its degrees of freedom are those that give it the variance that it has over
    units (Satterthwaite 1946, doi 10.2307/3002019). Ten positives among thousands of negatives
    count as about ten.

    Args:
        units: what is drawn.
        left_out: shape (m,), `jackknife`'s values: of one run, or of any mean or difference of
            runs, computed from the mean or difference of their values.

    Returns:
        None where the figure hangs on a single unit, being undefined without it, or where there is
        nothing to compare: one unit.
    """
    variance = uncertainty = 0.0
    most = 0
    for inside in _places(units):
        copies, values = units.copies[inside], left_out[inside]
        n = int(copies.sum())
        if not np.isfinite(values).all():
            return None
        if n < 2:
            continue
        most += n - 1
        squares = (n - 1) / n * (values - np.average(values, weights=copies)) ** 2
        own = float(copies @ squares)
        variance += own
        uncertainty += n / (n - 1) * max(float(copies @ squares**2) - own**2 / n, 0.0)
    if not most:
        return None
    degrees = most if uncertainty == 0 else min(2 * variance**2 / uncertainty, most)
    return Spread(variance**0.5, max(float(degrees), 1.0))


def steadied(spread: Spread, value: float, bounds: tuple[float, float]) -> Spread:
    """Return a spread with less chance in it: of few units, some look alike by luck.

    Between two bounds, no mean of n units varies more than a share does that n units have or have
    not. That variance is counted as `_PRIOR` degrees of freedom beside those of the spread: it
    matters where those are few. The number is the one at which AUROCs of ten positives, up to 0.95,
    have intervals that hold as often as they say (`benchmarks.interval_coverage`).

    Args:
        spread: over units alone.
        value: the figure.
        bounds: of the figure; without two of them, the spread stays.
    """
    most = (value - bounds[0]) * (bounds[1] - value)
    if not math.isfinite(most):
        return spread
    shares = most / (spread.degrees + 1)
    known = spread.degrees * spread.error**2 + _PRIOR * max(shares, 0.0)
    return replace(spread, error=(known / (spread.degrees + _PRIOR)) ** 0.5)


def interval(
    value: float,
    spread: Spread,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    *,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the interval of a figure by Student's t, which always contains it.

    It stays within the bounds. Between two, it holds the values from which the figure would lie no
    further than t standard errors, the error being as much smaller near a bound as that of a share
    is (Wilson 1927, doi 10.2307/2276774); with one, it is symmetric on the logarithm of the
    distance. That of a calibration error reaches down to what is left when noise is taken off: to 0
    where noise explains it.

    Args:
        value: the figure.
        spread: of it; what seeds, items and groups add to it may be summed before.
        bounds: of the figure (`metrics.registry.Metric.bounds`).
        confidence: between 0 and 1.
    """
    from scipy.special import stdtrit  # quantiles of Student's t; scipy.stats takes long to load

    (floor, ceiling), value = bounds, float(np.clip(value, *bounds))
    tail = (1 - confidence) / 2
    below, above = value - floor, ceiling - value
    if not below or not above:
        # Nothing varies there. What happens to a share p of units is seen in none of n with
        # probability (1 - p)**n: the exact interval of a share of 0 (Clopper and Pearson 1934).
        share = (ceiling - floor) * (1 - tail ** (1 / (spread.degrees + 1)))
        reach = max(share if math.isfinite(share) else 0.0, spread.error)
        return max(value - reach, floor), min(value + reach, ceiling)
    half = float(stdtrit(spread.degrees, 1 - tail)) * spread.error
    factor = math.exp(min(half * (1 / below + 1 / above), 700.0))  # of the distance to one bound
    if math.isfinite(below) and math.isfinite(above):
        width, share = ceiling - floor, below / (ceiling - floor)
        ratio = half**2 / (below * above)  # t² over the items that a share of this error has
        root = math.sqrt(ratio**2 + 4 * ratio * share * (1 - share))
        low, high = (
            floor + width * (2 * share + ratio + side) / (2 + 2 * ratio) for side in (-root, root)
        )
    elif math.isfinite(below):
        low, high = floor + below / factor, floor + below * factor
    elif math.isfinite(above):
        low, high = ceiling - above * factor, ceiling - above / factor
    else:
        low, high = value - half, value + half
    mean, deviation = spread.noise
    if mean:
        low = max(value - mean + NormalDist().inv_cdf(tail) * deviation, floor)
        high = value + half
    return min(low, value), max(high, value)  # which rounding may have moved
