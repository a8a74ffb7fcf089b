"""Rows over the folds of a split: the score of each fold, their mean, and that of all items.

Standard library only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Name, Table, TaskInfo
from rnaernie_bench.results.record import ComparabilityKey


@dataclass(frozen=True)
class FoldRow:
    """A model over folds, in the main metric; None where it has no run."""

    backbone: str
    strategy: str
    baseline: bool
    scores: tuple[float | None, ...]
    """Of each fold, the mean over seeds."""
    mean: float | None
    """Over folds, each counted once; None unless it was run on all."""
    pooled: float | None
    """Over folds, each counted by its test items: of a mean over items, the mean over all."""


@dataclass(frozen=True)
class FoldTable:
    """The rows of a split's folds."""

    task: TaskInfo
    key: ComparabilityKey
    """What all folds share; `fold` is empty."""
    simulated: bool
    folds: tuple[tuple[str, int], ...]
    """Names and numbers of test items, the largest first."""
    rows: tuple[FoldRow, ...]
    """Best mean first; those that were not run on all folds come last."""


def over_folds(tables: Sequence[Table]) -> list[FoldTable]:
    """Bring the tables of a split's folds together, on each task's default test part.

    Of a row that stands several times in a table, with other settings, the one counts that is best
    on validation; rows of an earlier recipe are left out.

    Args:
        tables: of any tasks; those of splits without folds are passed over.

    Returns:
        One for each task, data, split and protocol of which there are two folds or more.
    """
    groups: dict[ComparabilityKey, list[Table]] = defaultdict(list)
    for table in tables:
        if table.key.fold and table.key.part == table.task.default_part:
            groups[replace(table.key, fold="")].append(table)
    return [_brought_together(key, group) for key, group in groups.items() if len(group) > 1]


def _brought_together(key: ComparabilityKey, tables: Sequence[Table]) -> FoldTable:
    tables = sorted(tables, key=lambda table: (-table.n, table.key.fold))
    task = tables[0].task
    found = [table.by_name for table in tables]
    names = dict.fromkeys(name for rows in found for name in rows)
    rows = [_row(name, found, tables, task.main_metric) for name in names]
    sign = -1 if task.higher_is_better else 1
    rows.sort(key=lambda row: (row.mean is None, sign * (row.mean or 0), row.backbone))
    return FoldTable(
        task=task,
        key=key,
        simulated=tables[0].simulated,
        folds=tuple((table.key.fold, table.n) for table in tables),
        rows=tuple(rows),
    )


def _row(
    name: Name, found: Sequence[Mapping[Name, Row]], tables: Sequence[Table], metric: str
) -> FoldRow:
    scores = [rows[name].metrics[metric].mean if name in rows else None for rows in found]
    known = [score for score in scores if score is not None]
    complete = len(known) == len(scores)
    return FoldRow(
        backbone=name[0],
        strategy=name[1],
        baseline=any(name in rows and rows[name].kind == "baseline" for rows in found),
        scores=tuple(scores),
        mean=fmean(known) if complete else None,
        pooled=fmean(known, weights=[table.n for table in tables]) if complete else None,
    )
