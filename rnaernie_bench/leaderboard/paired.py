"""Is A better than B? Paired tests on the same items, their correction, and sizes of effects.

`docs/statistics.md` says what each test asks and when to use which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import N_RESAMPLES, permutations
from rnaernie_bench.metrics.scoring.composites import Scorer

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-12
"""Means of equal scores differ by less."""


@dataclass(frozen=True)
class McNemar:
    """Two models on the same items, where just one of them is right."""

    only_first: int
    only_second: int
    p: float
    """Exact, two-sided."""
    mid_p: float
    """Less conservative, and closer to its level than the chi-squared approximations."""


def mcnemar(first_right: npt.ArrayLike, second_right: npt.ArrayLike) -> McNemar:
    """Test whether two models are right equally often (McNemar 1947, doi 10.1007/bf02295996).

    Given their number, the items that only one model has right are as likely to be the one's as
    the other's: the exact test is binomial, for few items as for many. The mid-p value is that of
    Fagerland, Lydersen and Laake (2013, doi 10.1186/1471-2288-13-91).

    Args:
        first_right: shape (n,), whether the first model is right.
        second_right: shape (n,), whether the second is.
    """
    from scipy.stats import binom

    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    fewer, total = min(only_first, only_second), only_first + only_second
    if not total:
        return McNemar(0, 0, 1.0, 1.0)
    chance = float(binom.pmf(fewer, total, 0.5))
    exact = min(1.0, 2 * float(binom.cdf(fewer, total, 0.5)))
    mid_p = 1 - chance / 2 if only_first == only_second else exact - chance
    return McNemar(only_first, only_second, exact, mid_p)


def odds_ratio(only_first: float, only_second: float) -> float:
    """Return how many items only the first model has right for each that only the second has.

    The effect size that belongs to McNemar's test. A half is added to both counts (Haldane 1956,
    doi 10.1111/j.1469-1809.1956.tb01285.x), so that it is finite and 1 where neither has any.
    """
    return (only_first + 0.5) / (only_second + 0.5)


def permutation_p(
    scorer: Scorer,
    first: int,
    second: int,
    *,
    n_resamples: int = N_RESAMPLES,
    generator: np.random.Generator,
) -> float:
    """Test whether two runs are exchangeable: would a coin, item by item, do as much?

    Each item's (or group's) predictions are exchanged between the runs with probability 1/2; p is
    the share of exchanges that leave a difference as large as the one seen, which counts as one of
    them, so that p is never 0 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).

    Args:
        scorer: the metric.
        first: index of a run.
        second: index of another.
        n_resamples: how many exchanges are drawn.
        generator: its state decides what is exchanged.

    Returns:
        The two-sided p-value, from 1 / (n_resamples + 1) to 1.
    """
    difference = scorer.exchange(first, second)
    [seen] = np.abs(difference(np.zeros((1, len(scorer.units.copies)), dtype=np.int64)))
    drawn = permutations(scorer.units, difference, n_resamples=n_resamples, generator=generator)
    as_large = int((np.abs(drawn) >= seen - 1e-12).sum())
    return (as_large + 1) / (n_resamples + 1)


def t_test(difference: float, error: float, degrees: float | None) -> float:
    """Return the two-sided p-value of a difference with a standard error.

    Args:
        difference: the estimate.
        error: its standard error; with 0 the estimate is either 0 (p = 1) or certain (p = 0),
            where rounding counts as 0.
        degrees: of freedom of Student's t; None for the normal distribution.
    """
    from scipy.stats import norm, t

    if error < _ROUNDING:
        return float(abs(difference) < _ROUNDING)
    ratio = abs(difference) / error
    return float(2 * (norm.sf(ratio) if degrees is None else t.sf(ratio, degrees)))


def satterthwaite(total: float, parts: Sequence[tuple[float, float]]) -> float | None:
    """Return the degrees of freedom of a variance that is estimated in parts.

    Welch (1947, doi 10.1093/biomet/34.1-2.28), with the rest of the variance taken as known.

    Args:
        total: the variance.
        parts: the variances of which it contains each, with the degrees of freedom of each.

    Returns:
        The degrees of freedom, at least those of the part that has fewest; None, for infinity, if
        the parts are 0.
    """
    uncertain = [(variance, degrees) for variance, degrees in parts if variance > 0]
    if not uncertain:
        return None
    found = total**2 / sum(variance**2 / degrees for variance, degrees in uncertain)
    return max(found, float(min(degrees for _, degrees in uncertain)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979, doi 10.2307/4615733).

    Comparing the result with a level keeps the chance of one false positive or more below it.

    Args:
        p_values: in any order, which is kept.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1)
    return [float(value) for value in corrected]
