"""Intervals and contrasts as `results build` left them in `statistics.json`; standard library only.

Each entry is found by a digest of all that it was computed from. After a record is added or
replaced its table has another digest, and neither contrasts nor shared intervals until `results
build` is run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.contrasts import Contrast
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record

STATISTICS_FILE = "statistics.json"
"""In the folder of results."""

METHOD = 2
"""Raised by hand when equal records are given other figures."""

Statistics = Mapping[str, Mapping[str, Any]]
"""Digest -> what was found for the table."""


def digest_of(table: Table, records: Mapping[str, Record]) -> str:
    """Return what identifies the statistics of a table: 16 hexadecimal digits.

    Args:
        table: the table.
        records: by run id; each is known by its id and the digest of its predictions.
    """
    key, task = table.key, table.task
    runs = sorted(
        (run_id, records[run_id]["tests"][key.part]["predictions"]["sha256"])
        for row in table.rows
        for run_id in row.run_ids
    )
    asked = [METHOD, *table.metrics, task.by, task.higher_is_better, *task.shortcuts]
    identity = [asked, key.task, key.dataset, key.split, key.fold, key.part, key.protocol, runs]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def read_statistics(results_dir: Path) -> Statistics:
    """Return what was kept in `results_dir`; nothing if it was never computed.

    Raises:
        ResultError: the file is damaged.
    """
    path = results_dir / STATISTICS_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["tables"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            "the kept statistics cannot be read",
            where=path,
            remedy="delete the file and run `rnaernie-bench results build`",
        ) from error


def with_statistics(
    tables: Sequence[Table], records: Sequence[Record], statistics: Statistics
) -> list[Table]:
    """Return tables whose rows have the intervals and contrasts that were kept for them.

    Args:
        tables: as `tables.build` gives them.
        records: those of the tables.
        statistics: what was kept.
    """
    if not statistics:
        return [*tables]
    by_id = {str(record["run_id"]): record for record in records}
    return [_with(table, statistics.get(digest_of(table, by_id))) for table in tables]


def _with(table: Table, entry: Mapping[str, Any] | None) -> Table:
    if entry is None:
        return table
    intervals = {tuple(row["run_ids"]): row["intervals"] for row in entry["rows"]}
    contrasts: dict[tuple[str, ...], list[Contrast]] = {}
    for kept in entry["contrasts"]:
        found = Contrast(**{**kept, **{side: tuple(kept[side]) for side in ("row", "reference")}})
        contrasts.setdefault(found.row, []).append(found)

    def extended(row: Row) -> Row:
        cells = {
            metric: replace(cell, **dict(zip(("low", "high"), ends, strict=True)))
            if (ends := intervals.get(row.run_ids, {}).get(metric))
            else cell
            for metric, cell in row.metrics.items()
        }
        return replace(row, metrics=cells, contrasts=tuple(contrasts.get(row.run_ids, ())))

    rows = tuple(map(extended, table.rows))
    letters = {tuple(run_ids): told for run_ids, told in entry.get("letters", ())}
    return replace(table, rows=rows, built=True, seed_sd=entry["seed_sd"], letters=letters)
