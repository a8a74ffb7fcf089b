"""From pairs to an order: tied groups, ranks over tasks and their critical difference, wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tied_groups(order: Sequence[int], different: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the largest sets of models among which no two differ: the compact letter display.

    Two models are in one group or more together exactly if they do not differ. A model of which
    little is known is in several: being tied is not being equal, and is not passed on.

    Source: the insert-and-absorb algorithm of Piepho (2004, doi 10.1198/1061860043515).

    Args:
        order: the models, best first.
        different: the pairs that differ significantly, each in either order.

    Returns:
        Groups, each best first; those with the best members come first.
    """
    groups = [frozenset(order)]
    for pair in different:
        split = [
            part
            for group in groups
            for part in ([group - {pair[0]}, group - {pair[1]}] if group >= {*pair} else [group])
        ]
        distinct = set(split)
        groups = [group for group in distinct if not any(group < other for other in distinct)]
    place = {model: index for index, model in enumerate(order)}
    return sorted(
        (sorted(group, key=place.__getitem__) for group in groups),
        key=lambda group: [place[model] for model in group],
    )


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
