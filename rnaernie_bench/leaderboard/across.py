"""Rows over tasks: average ranks, their critical difference, and who beats whom how often.

Standard library only: the leaderboard shows it, and starts fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnaernie_bench.leaderboard.ranking import average_ranks, critical_difference, win_rates
from rnaernie_bench.leaderboard.tables import Name, Table


@dataclass(frozen=True)
class Across:
    """Rows that stand in the same tasks, ranked by each task's main metric."""

    tasks: tuple[str, ...]
    """Names and versions; of each, the default test part of the default split."""
    rows: tuple[Name, ...]
    """Best average rank first."""
    average_ranks: tuple[float, ...]
    """By row, 1 for the best."""
    critical_difference: float
    """Nemenyi's: average ranks that lie less apart do not differ at the 5 % level."""
    win_rates: tuple[tuple[float, ...], ...]
    """On which share of the tasks a row beats each other one."""
    left_out: tuple[Name, ...] = ()
    """Rows that one of the tasks lacks, in the order of names."""
    other_tasks: tuple[str, ...] = ()
    """Tasks that lack the pre-trained model that stands on most."""


def across_tasks(tables: Sequence[Table]) -> Across | None:
    """Rank the rows that stand on all tasks that a pre-trained model stands on.

    That model is the one with most tasks, and of several the first by name. A row that stands
    several times in a task, with other settings, is there with those that are best on validation.
    Rows of an earlier recipe are no rows here; simulated data and earlier versions are no tasks.

    Args:
        tables: in the order of the leaderboard, each task's default split first.

    Returns:
        The ranks; None where no pre-trained model has two tasks with another row.
    """
    chosen: dict[str, Table] = {}
    for table in tables:
        shown = not (table.simulated or table.task.earlier)
        if shown and table.key.part == table.task.default_part:
            chosen.setdefault(table.key.task, table)
    rows = {task: table.by_name for task, table in chosen.items()}
    names = sorted({name for found in rows.values() for name in found})
    pretrained = [
        name
        for name in names
        if any(name in found and found[name].pretrained for found in rows.values())
    ]
    standing = {name: [task for task in chosen if name in rows[task]] for name in names}
    tasks = max((standing[name] for name in pretrained), key=len, default=[])
    ranked = [name for name in names if set(tasks) <= set(standing[name])]
    if len(tasks) < 2 or len(ranked) < 2:
        return None
    scores = [
        [rows[task][name].metrics[chosen[task].task.main_metric].mean for name in ranked]
        for task in tasks
    ]
    higher = [chosen[task].task.higher_is_better for task in tasks]
    ranks = average_ranks(scores, higher_is_better=higher)
    rates = win_rates(scores, higher_is_better=higher)
    order = sorted(range(len(ranked)), key=lambda row: (ranks[row], ranked[row]))
    return Across(
        tasks=tuple(tasks),
        rows=tuple(ranked[row] for row in order),
        average_ranks=tuple(ranks[row] for row in order),
        critical_difference=critical_difference(len(tasks), len(ranked)),
        win_rates=tuple(tuple(rates[row][other] for other in order) for row in order),
        left_out=tuple(name for name in names if name not in ranked),
        other_tasks=tuple(task for task in chosen if task not in tasks),
    )
