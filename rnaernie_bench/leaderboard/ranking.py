"""Ranks over tasks, their critical difference, and wins.

Standard library only: the leaderboard shows ranks, and starts fast.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from operator import gt, lt
from statistics import NormalDist


def average_ranks(
    scores: Sequence[Sequence[float]], *, higher_is_better: Sequence[bool]
) -> list[float]:
    """Return the mean rank of each model over tasks, 1 for the best; equal scores share ranks.

    Args:
        scores: by task, a score a model, each task in its own metric.
        higher_is_better: the direction of each task's metric.

    Returns:
        By model.
    """
    totals = [0.0] * len(scores[0])
    for task in _signed(scores, higher_is_better):
        order = sorted(task)
        for model, score in enumerate(task):
            # One more than those that beat it, and half for each other that equals it.
            worse, not_better = bisect_left(order, score), bisect_right(order, score)
            totals[model] += len(order) - (worse + not_better - 1) / 2
    return [total / len(scores) for total in totals]


def critical_difference(n_tasks: int, n_models: int, *, level: float = 0.05) -> float:
    """Return how far two average ranks must lie apart to differ, by Nemenyi's test.

    Source: Demsar (2006, JMLR 7:1-30), equation for CD. It asks for ten tasks or more, each with
    other data.

    Args:
        n_tasks: tasks that all models were ranked on.
        n_models: two or more.
        level: the chance of one false difference or more.
    """
    quantile = _range_quantile(1 - level, n_models) / sqrt(2)
    return quantile * sqrt(n_models * (n_models + 1) / (6 * n_tasks))


def _range_quantile(chance: float, n: int) -> float:
    """Return the quantile of the range of `n` standard normal variables.

    It is Tukey's studentised range with infinite degrees of freedom. The largest of them is at x
    and the others at most q below: n * phi(x) * (Phi(x) - Phi(x - q))^(n - 1), summed over x.
    """
    normal, step = NormalDist(), 1 / 16  # finer steps change the tenth digit
    places = [index * step for index in range(-128, 129)]
    weights = [n * normal.pdf(x) * step for x in places]
    below = [normal.cdf(x) for x in places]
    low, high = 0.0, 16.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        within = sum(
            weight * (upper - normal.cdf(x - middle)) ** (n - 1)
            for x, weight, upper in zip(places, weights, below, strict=True)
        )
        low, high = (middle, high) if within < chance else (low, middle)
    return high


def win_rates(
    scores: Sequence[Sequence[float]], *, higher_is_better: Sequence[bool]
) -> list[list[float]]:
    """Return on which share of tasks each model (row) beats each other (column).

    Ties count half; the diagonal is 0.5.

    Args:
        scores: by task, a score a model.
        higher_is_better: the direction of each task's metric.
    """
    models = list(zip(*_signed(scores, higher_is_better), strict=True))
    rates = [[0.5] * len(models) for _ in models]
    for (a, first), (b, second) in combinations(enumerate(models), 2):
        lead = sum(map(gt, first, second)) - sum(map(lt, first, second))
        rates[a][b] = (len(first) + lead) / (2 * len(first))
        rates[b][a] = (len(first) - lead) / (2 * len(first))
    return rates


def _signed(
    scores: Sequence[Sequence[float]], higher_is_better: Sequence[bool]
) -> list[list[float]]:
    """Return the scores, by task, such that higher is better in all of them."""
    return [
        [score if higher else -score for score in task]
        for task, higher in zip(scores, higher_is_better, strict=True)
    ]
