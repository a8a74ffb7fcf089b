"""From pairs to an order: tied groups, ranks over tasks and their critical difference, wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tied_groups(order: Sequence[int], differ: Callable[[int, int], bool]) -> list[int]:
    """Divide models into groups that a test does not tell from their best.

    The best model and all that do not differ significantly from it are group 1; of the others, the
    best and all that do not differ from it are group 2; and so on. Two members of a group other than
    its best may differ, and a model may be tied with a member of the group above: no division does
    justice to every pair, which is why `compare` lists them.

    Args:
        order: the models, best first.
        differ: whether two models differ significantly; asked with the better one first.

    Returns:
        The group of each model, from 1 on, in the order of `order`.
    """
    group: dict[int, int] = {}
    while left := [model for model in order if model not in group]:
        number = len(set(group.values())) + 1
        best = left[0]
        group |= {model: number for model in left if model == best or not differ(best, model)}
    return [group[model] for model in order]


def average_ranks(scores: npt.ArrayLike, *, higher_is_better: Sequence[bool]) -> Floats:
    """Return the mean rank of each model over tasks, 1 for the best; equal scores share ranks.

    Args:
        scores: shape (tasks, models), each task in its own metric.
        higher_is_better: the direction of each task's metric.

    Returns:
        Shape (models,).
    """
    from scipy.stats import rankdata

    signs = np.where(np.asarray(higher_is_better), -1.0, 1.0)
    ranks = rankdata(np.asarray(scores, np.float64) * signs[:, None], axis=1)
    return np.asarray(ranks.mean(axis=0))


def critical_difference(n_tasks: int, n_models: int, *, level: float = 0.05) -> float:
    """Return how far two average ranks must lie apart to differ, by Nemenyi's test.

    Source: Demsar (2006, JMLR 7:1-30), equation for CD; the studentised range is SciPy's. It asks
    for ten tasks or more, each with other data.

    Args:
        n_tasks: tasks that all models were ranked on.
        n_models: two or more.
        level: the chance of one false difference or more.
    """
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - level, n_models, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(n_models * (n_models + 1) / (6 * n_tasks)))


def win_rates(scores: npt.ArrayLike, *, higher_is_better: Sequence[bool]) -> Floats:
    """Return on which share of tasks each model (row) beats each other (column).

    Ties count half; the diagonal is 0.5.

    Args:
        scores: shape (tasks, models).
        higher_is_better: the direction of each task's metric.

    Returns:
        Shape (models, models).
    """
    signs = np.where(np.asarray(higher_is_better), 1.0, -1.0)
    signed = np.asarray(scores, np.float64) * signs[:, None]
    gaps = signed[:, :, None] - signed[:, None, :]
    return np.asarray((np.sign(gaps) + 1).mean(axis=0) / 2)
