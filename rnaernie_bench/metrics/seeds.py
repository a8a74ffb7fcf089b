"""What a few repeats with other seeds say; standard library only, the leaderboard starts fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

# 0.975 quantiles of Student's t for 1 to 30 degrees of freedom; a test compares them to SciPy's.
_T = (
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
    2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
    2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831,
    2.048407, 2.045230, 2.042272,
)  # fmt: skip
_NORMAL = NormalDist().inv_cdf(0.975)


def deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation of `values`, n - 1 in its denominator; None for a single value.

    `statistics.stdev` computes in fractions, which takes a hundred times as long. Differences from
    one of the values are exact where values are close, so that nothing is lost here either.
    """
    if len(values) < 2:
        return None
    gaps = [value - values[0] for value in values]
    squares = math.fsum(gap * gap for gap in gaps) - math.fsum(gaps) ** 2 / len(gaps)
    return math.sqrt(squares / (len(gaps) - 1))


def over_seeds(
    values: Sequence[float],
    ends: Sequence[tuple[float | None, float | None]],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean over seeds, from what single runs know of items.

    The variance of the mean over seeds by Student's t, and the mean variance over items that the
    intervals of the runs imply: more than the runs share. Of one run, or of equal ones, the
    interval is that of a run. It contains the mean, or there is none.

    Args:
        values: one figure a seed, at least one.
        ends: of the interval of each over items.
        bounds: of the figure, which the interval keeps.
    """
    mean, spread = fmean(values), deviation(values)
    halves = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
    if len(halves) < len(values):
        return None, None
    if not spread:
        [(low, high), *_] = ends
        inside = low is not None and high is not None and low <= mean <= high
        return (low, high) if inside else (None, None)
    items = fmean((half / _NORMAL) ** 2 for half in halves)
    half = _t_quantile(len(values) - 1) * math.sqrt(spread**2 / len(values) + items)
    return max(mean - half, bounds[0]), min(mean + half, bounds[1])


def _t_quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t, beyond the table by its expansion in 1/degrees.

    Source: Abramowitz and Stegun (1964), 26.7.5, first two terms; within 0.01 % from 31 on.
    """
    if degrees <= len(_T):
        return _T[degrees - 1]
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
