"""The learning rate, chosen on validation: short trainings of a few rates, and the best goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

FIRST = 2
"""Evaluations of the first round; each further round has twice as many."""

FURTHER = 2
"""The most rates that are tried beyond the edge of those that nobody set."""


def around(rate: float) -> tuple[float, ...]:
    """Return three rates a decade apart, with `rate` in their middle."""
    return rate / 10, rate, rate * 10


def chosen_rate(
    rates: Sequence[float], score: Callable[[float, int], float], *, further: bool = False
) -> float:
    """Return the rate that validation prefers, by successive halving.

    In each round the rates that are left are trained for as many evaluations, and the better half
    goes on to twice as many (Jamieson & Talwalkar 2016, https://arxiv.org/abs/1502.07943). Equal
    ones: the lower.

    Args:
        rates: to choose from.
        score: called with a rate and a number of evaluations, returns the best validation score
            up to there, the higher the better; NaN where training failed.
        further: whether, where the best of the first round is the lowest or the highest rate, one
            a decade beyond is tried too, and so on.
    """
    left, count = sorted(rates), FIRST
    while len(left) > 1:
        found = {rate: score(rate, count) for rate in left}
        for _ in range(FURTHER if further and count == FIRST else 0):
            beyond = {min(found): min(found) / 10, max(found): max(found) * 10}
            best = _order(found)[0]
            if best in beyond:
                found[beyond[best]] = score(beyond[best], count)
        left, count = sorted(_order(found)[: math.ceil(len(found) / 2)]), 2 * count
    return left[0]


def _order(found: Mapping[float, float]) -> list[float]:
    """Return rates by their scores, the best first, of equal ones the lower; failed ones last."""
    return sorted(found, key=lambda r: (math.isnan(found[r]), -found[r], r))


def evaluations_of_losers(rates: int) -> int:
    """Return how many evaluations the choice among so many rates costs besides the best's own."""
    left, count, before, spent = rates, FIRST, 0, 0
    while left > 1:
        spent += (left - 1) * (count - before)
        left, count, before = math.ceil(left / 2), 2 * count, count
    return spent
