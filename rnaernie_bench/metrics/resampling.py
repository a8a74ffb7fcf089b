"""What a resampling draws, how often, and the intervals read from it.

Items that all models treat alike are interchangeable, so drawing n items with replacement and
counting them is one multinomial draw over the kinds of item: exact, and far cheaper than drawing
items. Where items have relatives, whole groups of them are drawn instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

N_RESAMPLES = 10_000
"""Enough for a p-value of 0.001 to survive the correction for some ten rows."""

_BLOCK = 1 << 19
"""Weights held at once: so few that they stay in a processor's cache."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Units:
    """The units that are drawn, out of `n` items: `m` kinds of item, or `m` groups of items."""

    member: Integers
    """Shape (n,): the unit of each item, 0..m-1."""
    copies: Integers
    """Shape (m,): how many items are of a kind; 1 for a group, which comes whole or not at all."""

    def sums(self, values: npt.ArrayLike) -> Floats:
        """Return what one draw of each unit adds: shape (m, q) for `values` of shape (n, q)."""
        values = np.asarray(values)
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


def grouped(groups: Sequence[str]) -> Units:
    """Return the groups as units; an item whose group is empty is a group of its own.

    Args:
        groups: length n.
    """
    names = [group or f"\0{index}" for index, group in enumerate(groups)]
    _, member = np.unique(names, return_inverse=True)
    return Units(member, np.ones(member.max() + 1, dtype=np.int64))


def bootstrap(
    units: Units,
    statistic: Callable[[Integers], Floats],
    *,
    n_resamples: int,
    generator: np.random.Generator,
    multinomial: bool = False,
) -> Floats:
    """Return a statistic of `n_resamples` bootstrap resamples of the units.

    Args:
        units: what is drawn with replacement, as many as there are.
        statistic: takes weights (r, m), how often each unit was drawn; returns shape (r, ...).
        n_resamples: how many resamples.
        generator: its state decides what is drawn; the draws do not depend on the block size.
        multinomial: whether units that are one each are drawn as kinds of several items are.

    Returns:
        Shape (n_resamples, ...).
    """
    total, kinds = int(units.copies.sum()), len(units.copies)

    def draw(rows: int) -> Integers:
        if multinomial or total > kinds:
            return generator.multinomial(total, units.copies / total, rows)
        # Of units that are one each, as many are drawn as there are: three times as fast.
        drawn = generator.integers(kinds, size=(rows, kinds))
        return np.stack([np.bincount(row, minlength=kinds) for row in drawn])

    return _in_blocks(units, statistic, n_resamples, draw)


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
    step = max(1, _BLOCK // len(units.member))
    starts = range(0, n_resamples, step)
    return np.concatenate([statistic(draw(min(step, n_resamples - start))) for start in starts])


def jackknife(units: Units, statistic: Callable[[Integers], Floats]) -> Floats:
    """Return the statistic without one item of each kind, or without each group: shape (m, ...)."""
    kinds = len(units.copies)
    step = max(1, _BLOCK // len(units.member))
    values = []
    for start in range(0, kinds, step):
        one = np.eye(min(step, kinds - start), kinds, start, dtype=np.int64)
        values.append(statistic(units.copies - one))
    return np.concatenate(values)


def percentile_interval(samples: Floats, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Args:
        samples: shape (r,), the statistic of the resamples.
        confidence: between 0 and 1.
    """
    low, high = np.quantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bca_interval(
    samples: Floats,
    estimate: float,
    left_out: Floats,
    copies: Integers,
    *,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval (Efron 1987, doi 10.2307/2289144).

    Args:
        samples: shape (r,), the statistic of the resamples.
        estimate: the statistic of the items as they are.
        left_out: shape (m,), `jackknife`'s values.
        copies: shape (m,), how many items have each of them.
        confidence: between 0 and 1.

    Returns:
        Low and high end. Where all resamples or all jackknife values agree there is nothing to
        correct, and the percentile interval is returned.
    """
    below = (np.sum(samples < estimate) + np.sum(samples == estimate) / 2) / len(samples)
    gaps = np.average(left_out, weights=copies) - left_out
    spread = float(copies @ gaps**2)
    if not 0 < below < 1 or spread == 0:
        return percentile_interval(samples, confidence=confidence)
    normal = NormalDist()
    bias, acceleration = normal.inv_cdf(below), float(copies @ gaps**3) / (6 * spread**1.5)
    ends = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        shifted = bias + normal.inv_cdf(tail)
        ends.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(samples, ends)
    return float(low), float(high)
