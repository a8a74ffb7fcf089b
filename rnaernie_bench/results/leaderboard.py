"""Records to tables: one table a comparability key, one row for all that differs but in the seed.

Standard library only, so that the command answers at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any, Literal

from rnaernie_bench.errors import ResultError
from rnaernie_bench.results.record import ComparabilityKey, Record, comparability_key, is_control
from rnaernie_bench.results.seeds import mean_and_interval
from rnaernie_bench.results.tied import Statistics, table_digest, tied_marks

BUDGET = (
    "max_epochs",
    "max_train_minutes",
    "patience",
    "early_stopping_patience",
    "train_fraction",
)
"""Settings, wherever in a recipe, that decide how much a model was allowed to learn."""

_OUTCOMES = {"converged"}
"""What a recipe records of the run rather than asks of it: no reason for a row of its own."""


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
    by: Literal["item", "group"] = "item"
    """What a bootstrap of the task draws."""


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
    """Whether it was told what it had to find out: it stands last and is not compared."""
    tied: str | None = None
    """Letters: two rows that share one do not differ significantly. None where it is not known."""


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


def build(
    records: Iterable[Record],
    *,
    tasks: Mapping[str, TaskInfo],
    statistics: Statistics | None = None,
) -> list[Table]:
    """Arrange `records` into tables, the real data and each task's default test part first.

    The order of the records does not matter. A run given twice counts once.

    Args:
        records: records of finished runs.
        tasks: by name, every task that the records are of.
        statistics: paired tests from which rows get the letters of their tied groups.

    Raises:
        ResultError: a record is of an unknown task, lacks its main metric or is malformed.
    """
    groups: dict[ComparabilityKey, list[Record]] = defaultdict(list)
    distinct = {str(record.get("run_id")): record for record in records}
    for run_id, record in sorted(distinct.items()):
        try:
            for part in record["tests"]:
                groups[comparability_key(record, part)].append(record)
            settings_of(record)
        except (KeyError, TypeError, AttributeError) as error:
            raise ResultError(
                f"malformed near {error}",
                where=f"record {run_id}",
                remedy="see `rnaernie-bench results validate`",
            ) from error
    tables = [_table(key, group, tasks, statistics or {}) for key, group in groups.items()]
    return sorted(tables, key=_place)


def _place(table: Table) -> tuple[Any, ...]:
    key = table.key
    not_default = key.part != table.task.default_part
    return (table.simulated, key.task, key.split, key.fold, key.protocol, not_default, key)


def _table(
    key: ComparabilityKey,
    records: Sequence[Record],
    tasks: Mapping[str, TaskInfo],
    statistics: Statistics,
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
        groups[json.dumps(settings_of(record), sort_keys=True)].append(record)
    budget, notes = _differences(
        [shown_as(group[0]) for group in groups.values()], [json.loads(text) for text in groups]
    )
    rows = [
        _row(sorted(group, key=lambda r: (r["seed"], r["run_id"])), key.part, metrics, note)
        for group, note in zip(groups.values(), notes, strict=True)
    ]
    sign = -1 if task.higher_is_better else 1
    rows.sort(key=lambda row: (row.control, sign * row.metrics[task.main_metric].mean, row.run_ids))
    compared = [record for record in records if not is_control(record)]
    tests = statistics and statistics.get(table_digest(key, compared, task.main_metric, by=task.by))
    if tests:
        letters = tied_marks(tests)
        rows = [replace(row, tied=letters.get(row.run_ids[0])) for row in rows]
    return Table(
        task=task,
        key=key,
        simulated=any(record["dataset"]["simulated"] for record in records),
        n=records[0]["tests"][key.part]["n"],
        metrics=metrics,
        budget=budget,
        rows=tuple(rows),
    )


def _row(records: Sequence[Record], part: str, metrics: Sequence[str], notes: list[str]) -> Row:
    """Sum up records that differ in nothing but the seed, ordered by it."""
    first = records[0]
    backbone, strategy = shown_as(first)
    stopped = sum(record["recipe"].get("converged") is False for record in records)
    if stopped:
        notes = [*notes, f"{stopped} of {len(records)} ended by the budget"]
    if len({record["seed"] for record in records}) < len(records):
        notes = [*notes, "equal seeds: runs that differ in what their records do not tell"]
    cells = {
        metric: _cell([record["tests"][part]["metrics"].get(metric) for record in records])
        for metric in metrics
    }

    def cost(name: str) -> float | None:
        return _mean([record["cost"].get(name) for record in records])

    return Row(
        backbone=backbone,
        kind=first["backbone"]["kind"],
        strategy=strategy,
        notes=", ".join(notes),
        seeds=tuple(record["seed"] for record in records),
        run_ids=tuple(record["run_id"] for record in records),
        metrics={metric: cell for metric, cell in cells.items() if cell},
        parameters=first["backbone"]["parameters"],
        train_s=cost("train_s"),
        items_per_s=cost("items_per_s"),
        peak_rss_mb=cost("peak_rss_mb"),
        peak_gpu_mb=cost("peak_gpu_mb"),
        control=is_control(first),
    )


def shown_as(record: Record) -> tuple[str, str]:
    """Return a run's backbone and strategy as a table shows them."""
    backbone, strategy = record["backbone"], record["strategy"]
    random = backbone["kind"] == "encoder" and backbone["init"] == "random"
    name, base, types = strategy["name"], strategy.get("base"), strategy.get("types")
    if types:
        several = f", k={strategy['k']}" if types in ("predicted", "random") else ""
        name = f"{name} ({types}{several})"
    return (
        f"{backbone['name']} (random)" if random else backbone["name"],
        f"{name} on {base}" if base else name,
    )


def _cell(figures: Sequence[Mapping[str, float | None] | None]) -> Cell | None:
    """Sum up one metric over seeds; None unless every seed has it."""
    present = [figure for figure in figures if figure is not None]
    if len(present) < len(figures):
        return None
    values = [float(figure["value"] or 0) for figure in present]
    mean, seeds_low, seeds_high = mean_and_interval(values)
    return Cell(
        mean=mean,
        sd=stdev(values) if len(values) > 1 else None,
        low=_mean([figure["low"] for figure in present]),
        high=_mean([figure["high"] for figure in present]),
        seeds_low=seeds_low,
        seeds_high=seeds_high,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Average, or None unless every value is there."""
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None


def settings_of(record: Record) -> dict[str, Any]:
    """Return what identifies a run apart from its data and its seed, by dotted name."""
    backbone = {k: v for k, v in record["backbone"].items() if k != "parameters"}
    if backbone["init"] == "random":
        # Every seed draws other weights: their hash says no more than the seed does.
        del backbone["weights_sha256"]
    return dict(
        _flat(
            {
                "backbone": backbone,
                "head": record["head"],
                "strategy": record["strategy"],
                "recipe": {k: v for k, v in record["recipe"].items() if k not in _OUTCOMES},
                "recipe_version": record["recipe_version"],
            }
        )
    )


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings under dotted names."""
    for name, child in value.items():
        if isinstance(child, Mapping):
            yield from _flat(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def _differences(
    shown: Sequence[tuple[str, str]], settings: Sequence[Mapping[str, Any]]
) -> tuple[str, list[list[str]]]:
    """Return the budget that rows share, and for each row the settings to tell it apart by.

    A budget that is not the same for all rows is noted in each that has one; baselines which are
    fitted without a budget have none. Rows that would still look alike get what they differ in.
    """
    shared: list[str] = []
    notes: list[dict[str, str]] = [{} for _ in settings]
    for name in (*BUDGET, "recipe_version"):
        found = [
            (index, path, _setting(path, value))
            for index, setting in enumerate(settings)
            for path, value in setting.items()
            if path.rpartition(".")[2] == name
        ]
        texts = {text for *_, text in found}
        if len(texts) > 1:
            for index, path, text in found:
                notes[index][path] = text
        elif name in BUDGET:
            shared += texts - {f"{name}=none"}

    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, names in enumerate(shown):
        alike[*names, *notes[index].values()].append(index)
    for group in alike.values():
        for path in sorted({path for index in group for path in settings[index]}):
            shown_as = [_setting(path, settings[index].get(path)) for index in group]
            if len(set(shown_as)) > 1:
                for index, text in zip(group, shown_as, strict=True):
                    notes[index][path] = text
    return ", ".join(shared), [list(note.values()) for note in notes]


def _setting(path: str, value: object) -> str:
    """Show one setting, as `max_epochs=20`; hashes in short."""
    name = path.rpartition(".")[2]
    text = value if isinstance(value, str) else "none" if value is None else json.dumps(value)
    return f"{name}={text[:8] if name.endswith('sha256') else text}"
