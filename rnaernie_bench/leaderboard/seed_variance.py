"""How much runs differ that differ in nothing but the seed: what all rows of a board say of it.

Three runs say little of their own variance. Rows whose variances look like draws of one are given
that one, with the degrees of freedom of all; where rows differ, each keeps more of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LEAST = 1e-5
"""Variances below this share of the median count as so much where logarithms are taken, as a row
whose runs agree by chance has none."""

_DIFFER = 0.05
"""Level of the test of equal variances."""


@dataclass(frozen=True)
class SeedVariance:
    """The variance over seeds of the rows of a board."""

    typical: float
    """What a row of one run is taken to have; 0 where there is nothing to go by."""
    weight: float
    """Degrees of freedom that `typical` counts for beside those of a row: infinite where the rows
    do not differ more than chance makes them."""
    degrees: int
    """Of all rows together; 0 where no row has two runs."""

    def of(self, variance: float, degrees: int) -> tuple[float, float]:
        """Return the variance of a row's runs and its degrees of freedom.

        Args:
            variance: between the runs, with ``n - 1`` in its denominator; unused without degrees.
            degrees: one less than the runs.
        """
        if math.isinf(self.weight):
            return self.typical, self.degrees
        total = self.weight + degrees
        found = (self.weight * self.typical + degrees * (variance if degrees else 0.0)) / total
        if degrees and variance > found:
            # Rows differ, and this one more than others do: nobody but itself tells how much.
            return variance, degrees
        return found, min(total, self.degrees)


def seed_variance(variances: Sequence[float], degrees: Sequence[int]) -> SeedVariance:
    """Estimate the variance over seeds that rows share, and how far they share it.

    Where Bartlett's test (1937, doi 10.1098/rspa.1937.0109) does not tell the variances of the rows
    apart, they are pooled. Otherwise they are taken as scaled inverse chi-squared draws around a
    typical one; the two parameters follow from mean and variance of their logarithms (Smyth 2004,
    doi 10.2202/1544-6115.1027, section 6.2: the moderated t of limma). Where the logarithms do not
    spread beyond chance either, they are pooled as well.

    Args:
        variances: between the runs of each row that depends on seeds and has two or more.
        degrees: one less than the runs of each.
    """
    from scipy.special import digamma, polygamma
    from scipy.stats import chi2

    s, d = np.asarray(variances, np.float64), np.asarray(degrees, np.float64)
    total = int(d.sum())
    if not total or not s.any():
        return SeedVariance(0.0, math.inf, total)
    pooled = float(d @ s / d.sum())
    if len(s) < 2:
        return SeedVariance(pooled, math.inf, total)
    logs = np.log(np.maximum(s, _LEAST * (np.median(s) or pooled)))
    statistic = total * math.log(pooled) - float(d @ logs)
    scale = 1 + (float((1 / d).sum()) - 1 / total) / (3 * (len(s) - 1))
    alike = float(chi2.sf(statistic / scale, len(s) - 1)) > _DIFFER
    logs = logs - digamma(d / 2) + np.log(d / 2)
    beyond = float(logs.var(ddof=1) - polygamma(1, d / 2).mean())
    if alike or beyond <= 0:
        return SeedVariance(pooled, math.inf, total)
    half = _inverse_trigamma(beyond)
    typical = math.exp(float(logs.mean() + digamma(half)) - math.log(half))
    return SeedVariance(typical, 2 * half, total)


def _inverse_trigamma(value: float) -> float:
    """Return where the trigamma function is `value`, by Newton's method on its reciprocal."""
    from scipy.special import polygamma

    found = 0.5 + 1 / value
    for _ in range(50):
        there = float(polygamma(1, found))
        step = there * (1 - there / value) / float(polygamma(2, found))
        found += step
        if abs(step) < 1e-8 * found:
            break
    return found
