"""The learning rate, chosen on validation: short trainings of a few rates, and the best goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

FIRST = 2
"""Evaluations of the first round; each further round has twice as many."""


def around(rate: float) -> tuple[float, ...]:
    """Return three rates a decade apart, with `rate` in their middle."""
    return rate / 10, rate, rate * 10


def chosen_rate(rates: Sequence[float], score: Callable[[float, int], float]) -> float:
    """Return the rate that validation prefers, by successive halving.

    In each round the rates that are left are trained for as many evaluations, and the better half
    goes on to twice as many (Jamieson & Talwalkar 2016, https://arxiv.org/abs/1502.07943). Equal
    ones: the lower.

    Args:
        rates: to choose from.
        score: called with a rate and a number of evaluations, returns the best validation score
            up to there, the higher the better; NaN where training failed.
    """
    left, count = sorted(rates), FIRST
    while len(left) > 1:
        found = {rate: score(rate, count) for rate in left}
        order = sorted(left, key=lambda rate: -math.inf if math.isnan(found[rate]) else found[rate],
                       reverse=True)  # fmt: skip
        left, count = sorted(order[: math.ceil(len(order) / 2)]), 2 * count
    return left[0]


def evaluations_of_losers(rates: int) -> int:
    """Return how many evaluations the choice among so many rates costs besides the best's own."""
    left, count, before, spent = rates, FIRST, 0, 0
    while left > 1:
        spent += (left - 1) * (count - before)
        left, count, before = math.ceil(left / 2), 2 * count, count
    return spent
