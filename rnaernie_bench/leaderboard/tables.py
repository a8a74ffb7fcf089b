"""Records to tables: one table a comparability key, one row for all that differs but in the seed.

Standard library only, so that the command answers at once.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.gc_pause import no_collection
from rnaernie_bench.leaderboard.contrasts import RunIds, Standing
from rnaernie_bench.leaderboard.rows import COSTS, Row, row_of
from rnaernie_bench.leaderboard.settings import EARLIER, differences, settings_of, shown_as
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import ComparabilityKey, Record, comparability_key

Name = tuple[str, str]
"""Backbone and strategy, as tables show them."""


@dataclass(frozen=True)
class TaskInfo:
    """What the leaderboard needs to know of a task."""

    title: str
    main_metric: str
    higher_is_better: bool
    default_part: str
    """The test part whose table comes first."""
    metrics: tuple[str, ...] = ()
    """Further metrics to show, in this order."""
    caveats: tuple[str, ...] = ()
    """What the figures do not show, a sentence each."""
    by: Literal["item", "group", "group_in_class"] = "item"
    """What is drawn for intervals of the task."""
    default_split: str = ""
    """The split whose tables come first."""
    shortcuts: tuple[str, ...] = ()
    """The baselines that a model must beat: what rows gain over the best stands under a table."""
    version: int = 0
    """Of today; 0 where it is not known."""
    earlier: bool = False
    """Whether this is the task as an earlier version had it."""


@dataclass(frozen=True)
class Table:
    """Rows that may be compared with each other."""

    task: TaskInfo
    key: ComparabilityKey
    simulated: bool
    n: int
    """Items in the test part."""
    metrics: tuple[str, ...]
    """The main metric first; those that no record has are left out."""
    budget: str
    """The budget all trained rows share; what they do not share is in their notes."""
    rows: tuple[Row, ...]
    """Best first, controls after all others."""
    built: bool = False
    """Whether its intervals and contrasts are those that `results build` computed."""
    seed_sd: float | None = None
    """What runs of a row typically differ by, in the main metric; None where it is unknown."""
    letters: Mapping[RunIds, str] = field(default_factory=dict)
    """Of the rows of the front table that were tested: those that share one are not told apart."""

    @property
    def compared(self) -> tuple[Row, ...]:
        """The rows that are ranked: all but controls, incomplete ones, and those without a main
        metric."""
        metric = self.task.main_metric
        ranked = (row for row in self.rows if not row.control and not row.incomplete)
        return tuple(row for row in ranked if not row.metrics[metric].undefined)

    @property
    def standings(self) -> list[Standing]:
        """What contrasts need to know of the compared rows."""
        sign = 1 if self.task.higher_is_better else -1
        return [
            Standing(
                row.run_ids, sign * row.metrics[self.task.main_metric].mean, row.backbone,
                row.kind, row.seeded, ", ".join(row.flaws),
            )
            for row in self.compared
        ]  # fmt: skip

    @property
    def by_name(self) -> dict[Name, Row]:
        """The compared rows of the recipe of today by name; of several, the best on validation."""
        sign = 1 if self.task.higher_is_better else -1
        named = [row for row in self.compared if not any(f.startswith(EARLIER) for f in row.flaws)]
        named.sort(key=lambda row: -math.inf if row.validation is None else sign * row.validation)
        return {(row.backbone, row.strategy): row for row in named}


@no_collection()
def build(
    records: Iterable[Record],
    *,
    tasks: Mapping[str, TaskInfo],
    reproduced: Collection[str] = (),
) -> list[Table]:
    """Arrange `records` into tables, the real data and each task's default test part first.

    The order of the records does not matter. A run given twice counts once.

    Args:
        records: records of finished runs.
        tasks: by name, every task that the records are of.
        reproduced: ids of the runs that were reproduced.

    Raises:
        ResultError: a record is of an unknown task, lacks its main metric or is malformed.
    """
    groups: dict[ComparabilityKey, list[Record]] = defaultdict(list)
    distinct = {str(record.get("run_id")): record for record in records}
    settings: dict[str, str] = {}
    canonical = json.JSONEncoder(sort_keys=True).encode
    for run_id, record in sorted(distinct.items()):
        try:
            _check_fields(record)
            settings[run_id] = canonical(settings_of(record))
            for part in record["tests"]:
                groups[comparability_key(record, part)].append(record)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ResultError(
                f"malformed near {error}",
                where=f"record {run_id}",
                remedy="see `rnaernie-bench results validate`",
            ) from error
    tables = [
        _table_of(key, group, tasks, settings, frozenset(reproduced))
        for key, group in groups.items()
    ]
    return sorted(tables, key=_order)


def _check_fields(record: Record) -> None:
    """Touch what tables are made of, so that a record that lacks it is named.

    Raises:
        KeyError: a field is missing; or one of the other errors of a field that is something else.
    """
    shown_as(record)
    record["run_id"]
    numbers = [record["seed"], record["selection"]["trials"], record["backbone"]["parameters"]]
    numbers += [record["cost"][name] for name in COSTS]
    for test in record["tests"].values():
        _finite(test["n"])
        test["predictions"]["sha256"]
        for figure in test["metrics"].values():
            numbers += [figure["low"], figure["high"]]
            numbers += [] if figure.get("undefined") else [_finite(figure["value"])]
    for number in numbers:
        if number is not None:
            _finite(number)
    record["dataset"]["simulated"]


def _finite(number: float) -> float:
    """Return a number, and refuse what is none: a mean would hide it.

    Raises:
        TypeError: it is something else.
        ValueError: it is NaN or infinite.
    """
    if not math.isfinite(number):
        raise ValueError(f"{number}, where a finite number is needed")
    return number


def _order(table: Table) -> tuple[Any, ...]:
    key = table.key
    another_split = key.split != table.task.default_split
    another_part = key.part != table.task.default_part
    split = (another_split, key.split, key.fold)
    name, version = _name_and_version(key)
    task = (name, table.task.earlier, -version)
    return (table.simulated, *task, *split, key.protocol, another_part, key)


def _name_and_version(key: ComparabilityKey) -> tuple[str, int]:
    name, _, version = key.task.rpartition("@")
    return name, int(version)


def _as_it_was(task: TaskInfo, key: ComparabilityKey, records: Sequence[Record]) -> TaskInfo:
    """Return a task as the version of a table had it, which its records tell.

    An earlier version is shown by the metric that chose then. What it did not show is not known.
    """
    if _name_and_version(key)[1] in (task.version, 0) or not task.version:
        return task
    metric = str(records[0]["selection"]["metric"])
    known = METRICS.get(metric).higher_is_better if metric in METRICS else task.higher_is_better
    return replace(
        task,
        title=f"{task.title}, an earlier version",
        main_metric=metric,
        higher_is_better=known,
        metrics=tuple(m for m in (task.main_metric, *task.metrics) if m != metric),
        caveats=(f"Version {task.version} of the task replaces this one.",),
        earlier=True,
    )


def _table_of(
    key: ComparabilityKey,
    records: Sequence[Record],
    tasks: Mapping[str, TaskInfo],
    settings: Mapping[str, str],
    reproduced: frozenset[str],
) -> Table:
    """Build the table of the records that share `key`."""
    name = records[0]["task"]["name"]
    if name not in tasks:
        raise ResultError(
            f"of the task {name!r}, which is not known here",
            where=f"record {records[0]['run_id']}",
            remedy="name its folder with --task-path, or ask for one task with --task",
        )
    task = _as_it_was(tasks[name], key, records)
    lacking = [r for r in records if task.main_metric not in r["tests"][key.part]["metrics"]]
    if lacking:
        raise ResultError(
            f"has no {task.main_metric} on {key.part}, the main metric of {name}",
            where=f"record {lacking[0]['run_id']}",
            remedy="repeat the run",
        )
    found = {metric for record in records for metric in record["tests"][key.part]["metrics"]}
    metrics = tuple(metric for metric in (task.main_metric, *task.metrics) if metric in found)

    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[settings[str(record["run_id"])]].append(record)
    budget, notes = differences(
        [shown_as(group[0]) for group in groups.values()], [json.loads(text) for text in groups]
    )
    rows = [
        row_of(group, key.part, metrics, note, reproduced)
        for group, note in zip(groups.values(), notes, strict=True)
    ]
    sign = -1 if task.higher_is_better else 1

    def place(row: Row) -> tuple[Any, ...]:
        cell = row.metrics[task.main_metric]
        aside = row.control or row.incomplete
        return aside, bool(cell.undefined), sign * cell.mean if not cell.undefined else 0.0

    rows.sort(key=lambda row: (*place(row), row.run_ids))
    return Table(
        task=task,
        key=key,
        simulated=any(record["dataset"]["simulated"] for record in records),
        n=max(record["tests"][key.part]["n"] for record in records),
        metrics=metrics,
        budget=budget,
        rows=tuple(rows),
    )
