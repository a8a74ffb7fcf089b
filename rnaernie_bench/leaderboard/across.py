"""Rows over tasks: average ranks, their critical difference, and who beats whom how often.

Standard library only: the leaderboard shows it, and starts fast.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

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


def across_tasks(tables: Sequence[Table]) -> Across | None:
    """Rank rows over as many tasks as two rows or more share.

    A row that stands several times in a task, with other settings, is not ranked there. Tables on
    simulated data are left out.

    Args:
        tables: in the order of the leaderboard, each task's default split first.

    Returns:
        The ranks; None where no two tasks share two rows.
    """
    chosen: dict[str, Table] = {}
    for table in tables:
        if not table.simulated and table.key.part == table.task.default_part:
            chosen.setdefault(table.key.task, table)
    figures = {task: _figures(table) for task, table in chosen.items()}
    tasks, rows = _shared(figures)
    if len(tasks) < 2 or len(rows) < 2:
        return None
    scores = [[figures[task][row] for row in rows] for task in tasks]
    higher = [chosen[task].task.higher_is_better for task in tasks]
    ranks = average_ranks(scores, higher_is_better=higher)
    rates = win_rates(scores, higher_is_better=higher)
    order = sorted(range(len(rows)), key=lambda row: (ranks[row], rows[row]))
    return Across(
        tasks=tuple(tasks),
        rows=tuple(rows[row] for row in order),
        average_ranks=tuple(ranks[row] for row in order),
        critical_difference=critical_difference(len(tasks), len(rows)),
        win_rates=tuple(tuple(rates[row][other] for other in order) for row in order),
    )


def _figures(table: Table) -> dict[Name, float]:
    """Return the main metric of the rows whose name is theirs alone."""
    metric = table.task.main_metric
    return {name: row.metrics[metric].mean for name, row in table.by_name.items()}


def _shared(figures: Mapping[str, Mapping[Name, float]]) -> tuple[list[str], list[Name]]:
    """Return the most tasks that two rows or more share, and all rows that stand in each of them.

    Of several such choices, the one with more rows.
    """
    standing: dict[Name, set[str]] = defaultdict(set)
    for task, rows in figures.items():
        for row in rows:
            standing[row].add(task)
    kinds = Counter(map(frozenset, standing.values()))
    # What two rows share is what two kinds of row share, or one that two rows are of.
    choices = {
        first & second
        for first, second in combinations_with_replacement(kinds, 2)
        if first != second or kinds[first] > 1
    }
    best: tuple[list[str], list[Name]] = [], []
    for tasks in choices:
        inside = sorted(row for row, those in standing.items() if tasks <= those)
        found = [task for task in figures if task in tasks], inside
        best = max(best, found, key=lambda pair: (len(pair[0]), len(pair[1]), pair[0]))
    return best
