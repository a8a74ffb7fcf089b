"""The paired tests of every table, kept in `statistics.json` until its records change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.files import write_json
from rnaernie_bench.leaderboard.across import across_tasks
from rnaernie_bench.leaderboard.comparison import Options, compare
from rnaernie_bench.leaderboard.selection import Found, Selected, load_aligned
from rnaernie_bench.leaderboard.tables import Row, Table, digest_of
from rnaernie_bench.leaderboard.tied import (
    MOST_BASELINES,
    MOST_TESTED,
    STATISTICS_FILE,
    Statistics,
    read_statistics,
)
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import Record


def build_statistics(
    results_dir: Path, tables: Sequence[Table], records: Sequence[Record]
) -> Statistics:
    """Rebuild `results_dir/statistics.json`; tables whose records are as they were are not tested.

    Args:
        results_dir: the folder of imported records.
        tables: what `leaderboard.build` makes of its records.
        records: those.

    Returns:
        What `read_statistics` gives afterwards.

    Raises:
        ResultError: predictions are not those that their record names.
        BenchError: the file cannot be written.
    """
    known = read_statistics(results_dir)
    by_id = {record["run_id"]: record for record in records}
    entries = {}
    for table in tables:
        if len(table.compared) < 2 or table.task.main_metric not in METRICS:
            continue
        digest = digest_of(table, by_id)
        entries[digest] = known.get(digest) or _test(results_dir, table, by_id)
    ranks = across_tasks(tables)
    across = dataclasses.asdict(ranks) if ranks else None
    value = {"schema": 1, "tables": entries, "across_tasks": across}
    write_json(results_dir / STATISTICS_FILE, value)
    return entries


def _tested(table: Table) -> tuple[Row, ...]:
    """Return the rows that are compared with each other, best first."""
    baselines = [row for row in table.compared if row.kind == "baseline"][:MOST_BASELINES]
    best = table.compared[:MOST_TESTED]
    return tuple(row for row in table.compared if row in best or row in baselines)


def _test(results_dir: Path, table: Table, records: Mapping[str, Record]) -> dict[str, Any]:
    """Compare the rows of a table."""
    tested = _tested(table)
    rows = [
        Selected(
            f"{row.backbone}/{row.strategy}",
            tuple(_found(results_dir, records[run_id]) for run_id in row.run_ids),
        )
        for row in tested
    ]
    task = table.task
    options = Options(metric=task.main_metric, higher_is_better=task.higher_is_better, by=task.by)
    found = compare(load_aligned(rows, table.key.part), options)
    return {
        **dataclasses.asdict(table.key),
        **dataclasses.asdict(options),
        "n": found.n,
        "rows": [
            {"run_ids": row.run_ids, **dataclasses.asdict(score)}
            for row, score in zip(tested, found.rows, strict=True)
        ],
        "pairs": [dataclasses.asdict(pair) for pair in found.pairs],
        "tied_groups": [[tested[row].run_ids for row in group] for group in found.groups],
    }


def _found(results_dir: Path, record: Record) -> Found:
    return Found(record, results_dir / record["task"]["name"] / record["split"]["name"])
