"""Records to tables: one table a comparability key, one row for all that differs but in the seed.

Standard library only, so that the command answers at once.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.gc_pause import no_collection
from rnaernie_bench.leaderboard.settings import differences, settings_of, shown_as
from rnaernie_bench.leaderboard.tied import Statistics, table_digest, tied_marks
from rnaernie_bench.metrics.seeds import over_seeds
from rnaernie_bench.results.record import ComparabilityKey, Record, comparability_key, is_control

COSTS = ("train_s", "items_per_s", "peak_rss_mb", "peak_gpu_mb")
"""What a run took, as records and rows call it."""

Name = tuple[str, str]
"""Backbone and strategy, as tables show them."""

SELF_REPORTED, REPRODUCED = "self-reported", "reproduced"
"""What is known of a row: what its author says, or that all its runs were repeated."""


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
    """What a bootstrap of the task draws."""
    default_split: str = ""
    """The split whose tables come first."""
    shortcuts: tuple[str, ...] = ()
    """The baselines that a model must beat: what rows gain over the best stands under a table."""


@dataclass(frozen=True)
class Cell:
    """A metric over the seeds of a row."""

    mean: float
    sd: float | None
    """Standard deviation over seeds; None for one seed."""
    low: float | None
    high: float | None
    """Mean over seeds of the stored 95 % intervals: what the choice of test items leaves open."""
    seeds_low: float | None
    seeds_high: float | None
    """95 % interval of the mean over seeds, by Student's t; None for one seed."""


@dataclass(frozen=True)
class Row:
    """Runs that differ in nothing but the seed."""

    backbone: str
    """As shown: an encoder with random weights is marked so."""
    kind: str
    """`encoder` or `baseline`."""
    strategy: str
    notes: str
    """Settings in which the row differs from rows of its table; runs that the budget ended."""
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    metrics: Mapping[str, Cell]
    parameters: int | None
    train_s: float | None
    items_per_s: float | None
    peak_rss_mb: float | None
    peak_gpu_mb: float | None
    """Costs are means over seeds."""
    control: bool = False
    """Whether it was given what it had to find out: it stands last and is not compared."""
    trials: float | None = None
    """Trainings that settings were chosen among, the one kept included; a mean over seeds."""
    tied: str | None = None
    """Letters: two rows that share one do not differ significantly. None where it is not known."""
    provenance: str = SELF_REPORTED
    """`self-reported`, `reproduced`, or how many of its runs were."""


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

    @property
    def compared(self) -> tuple[Row, ...]:
        """The rows that are ranked and tested: all but controls."""
        return tuple(row for row in self.rows if not row.control)

    @property
    def by_name(self) -> dict[Name, Row]:
        """The compared rows whose name is theirs alone, not shared with other settings."""
        names = Counter((row.backbone, row.strategy) for row in self.compared)
        return {
            (row.backbone, row.strategy): row
            for row in self.compared
            if names[row.backbone, row.strategy] == 1
        }

    @property
    def untested(self) -> int:
        """How many rows the tests of the table left out; 0 for a table that is not tested."""
        unknown = sum(row.tied is None for row in self.compared)
        return unknown if unknown < len(self.compared) else 0


@no_collection()
def build(
    records: Iterable[Record],
    *,
    tasks: Mapping[str, TaskInfo],
    statistics: Statistics | None = None,
    reproduced: Collection[str] = (),
) -> list[Table]:
    """Arrange `records` into tables, the real data and each task's default test part first.

    The order of the records does not matter. A run given twice counts once.

    Args:
        records: records of finished runs.
        tasks: by name, every task that the records are of.
        statistics: paired tests from which rows get the letters of their tied groups.
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
    return with_ties(sorted(tables, key=_order), distinct, statistics or {})


def with_ties(
    tables: Sequence[Table], records: Mapping[str, Record], statistics: Statistics
) -> list[Table]:
    """Return tables whose rows have the letters of their tied groups, where they are known.

    Args:
        tables: as `build` gives them.
        records: by run id, those of the tables.
        statistics: paired tests.
    """
    return [_with_ties(table, records, statistics) for table in tables] if statistics else [*tables]


def _with_ties(table: Table, records: Mapping[str, Record], statistics: Statistics) -> Table:
    tests = statistics.get(digest_of(table, records))
    if tests is None:
        return table
    letters = tied_marks(tests)
    rows = tuple(replace(row, tied=letters.get(row.run_ids[0])) for row in table.rows)
    return replace(table, rows=rows)


def digest_of(table: Table, records: Mapping[str, Record]) -> str:
    """Return what identifies the paired tests of a table; `records` are by run id."""
    compared = [records[run_id] for row in table.compared for run_id in row.run_ids]
    return table_digest(table.key, compared, table.task.main_metric, by=table.task.by)


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
            if "undefined" not in figure:
                _finite(figure["value"])
            numbers += [figure["low"], figure["high"]]
    for number in numbers:
        if number is not None:
            _finite(number)
    record["dataset"]["simulated"]


def _finite(number: float) -> None:
    """Refuse what is no number: a mean would hide it.

    Raises:
        TypeError: it is something else.
        ValueError: it is NaN or infinite.
    """
    if not math.isfinite(number):
        raise ValueError(f"{number}, where a finite number is needed")


def _order(table: Table) -> tuple[Any, ...]:
    key = table.key
    another_split = key.split != table.task.default_split
    another_part = key.part != table.task.default_part
    split = (another_split, key.split, key.fold)
    return (table.simulated, key.task, *split, key.protocol, another_part, key)


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
    task = tasks[name]
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
        _row(_by_seed(group), key.part, metrics, note, reproduced)
        for group, note in zip(groups.values(), notes, strict=True)
    ]
    sign = -1 if task.higher_is_better else 1
    rows.sort(key=lambda row: (row.control, sign * row.metrics[task.main_metric].mean, row.run_ids))
    return Table(
        task=task,
        key=key,
        simulated=any(record["dataset"]["simulated"] for record in records),
        n=records[0]["tests"][key.part]["n"],
        metrics=metrics,
        budget=budget,
        rows=tuple(rows),
    )


def _by_seed(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record["seed"], record["run_id"]))


def _row(
    records: Sequence[Record],
    part: str,
    metrics: Sequence[str],
    notes: list[str],
    reproduced: frozenset[str],
) -> Row:
    """Sum up records that differ in nothing but the seed, ordered by it."""
    first = records[0]
    backbone, strategy = shown_as(first)
    stopped = sum(record["recipe"].get("converged") is False for record in records)
    if stopped:
        notes = [*notes, f"{stopped} of {len(records)} ended by the budget"]
    if len({record["seed"] for record in records}) < len(records):
        notes = [*notes, "equal seeds: runs that differ in settings their records do not have"]
    cells = {
        metric: cell_of([record["tests"][part]["metrics"].get(metric) for record in records])
        for metric in metrics
    }
    costs = {name: _mean([record["cost"][name] for record in records]) for name in COSTS}
    run_ids = tuple(record["run_id"] for record in records)
    return Row(
        backbone=backbone,
        kind=first["backbone"]["kind"],
        strategy=strategy,
        notes=", ".join(notes),
        seeds=tuple(record["seed"] for record in records),
        run_ids=run_ids,
        metrics={metric: cell for metric, cell in cells.items() if cell},
        parameters=first["backbone"]["parameters"],
        train_s=costs["train_s"],
        items_per_s=costs["items_per_s"],
        peak_rss_mb=costs["peak_rss_mb"],
        peak_gpu_mb=costs["peak_gpu_mb"],
        control=is_control(first),
        trials=_mean([record["selection"]["trials"] for record in records]),
        provenance=_provenance(run_ids, reproduced),
    )


def _provenance(run_ids: Sequence[str], reproduced: frozenset[str]) -> str:
    """Say how many of a row's runs were reproduced."""
    count = len(reproduced.intersection(run_ids))
    if count == len(run_ids):
        return REPRODUCED
    return f"{count} of {len(run_ids)} {REPRODUCED}" if count else SELF_REPORTED


def cell_of(figures: Sequence[Mapping[str, Any] | None]) -> Cell | None:
    """Sum up one metric over seeds, as records hold it; None unless every seed has it."""
    present = [figure for figure in figures if figure and figure["value"] is not None]
    if len(present) < len(figures):
        return None
    mean, sd, seeds_low, seeds_high = over_seeds([float(figure["value"]) for figure in present])
    return Cell(
        mean=mean,
        sd=sd,
        low=_mean([figure["low"] for figure in present]),
        high=_mean([figure["high"] for figure in present]),
        seeds_low=seeds_low,
        seeds_high=seeds_high,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Average, or None unless every value is there."""
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None
