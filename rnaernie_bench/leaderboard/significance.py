"""The intervals and declared contrasts of every table, kept until its records change."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rnaernie_bench.core.files import write_json
from rnaernie_bench.core.progress import tracked
from rnaernie_bench.leaderboard.across import across_tasks
from rnaernie_bench.leaderboard.aligned import Aligned
from rnaernie_bench.leaderboard.comparison import gap, row_scores
from rnaernie_bench.leaderboard.contrasts import ALONE, LEVEL, Contrast, claim, declared, missing
from rnaernie_bench.leaderboard.estimates import Board, estimates
from rnaernie_bench.leaderboard.front import leaders
from rnaernie_bench.leaderboard.kept import (
    STATISTICS_FILE,
    Statistics,
    digest_of,
    read_statistics,
)
from rnaernie_bench.leaderboard.letters import letters, told_apart
from rnaernie_bench.leaderboard.paired import holm
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.selection import Found, Selected, load_aligned
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import Record


def build_statistics(
    results_dir: Path, tables: Sequence[Table], records: Sequence[Record]
) -> Statistics:
    """Rebuild `results_dir/statistics.json`; tables whose records are as they were are kept.

    Args:
        results_dir: the folder of imported records.
        tables: what `tables.build` makes of its records.
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
    for table in tracked(tables, "statistics", unit="tables"):
        digest = digest_of(table, by_id)
        kept = known.get(digest, {})
        entries[digest] = kept if "letters" in kept else _entry(results_dir, table, by_id)
    ranks = across_tasks(tables)
    across = dataclasses.asdict(ranks) if ranks else None
    value = {"schema": 2, "tables": entries, "across_tasks": across}
    write_json(results_dir / STATISTICS_FILE, value)
    return entries


def _entry(results_dir: Path, table: Table, records: Mapping[str, Record]) -> dict[str, Any]:
    """Return what is kept of a table."""
    ranked = [row for row in table.rows if not row.incomplete]
    rows = [
        Selected(
            f"{row.backbone}/{row.strategy}",
            tuple(_found(results_dir, records[run_id]) for run_id in row.run_ids),
        )
        for row in ranked
    ]
    if not rows:
        empty: dict[str, list[Any]] = {"rows": [], "contrasts": [], "letters": []}
        return {**dataclasses.asdict(table.key), "seed_sd": None, **empty}
    aligned = load_aligned(rows, table.key.part)
    task, intervals = table.task, [dict[str, Any]() for _ in rows]
    contrasts, seed_sd, told = [], None, list[Any]()
    for metric in table.metrics:
        if metric not in METRICS:
            continue
        main = metric == task.main_metric
        # What a record says of its only run stands; contrasts need every row.
        shared = [not _of_one_run(row, metric) for row in ranked]
        places = [place for place, wanted in enumerate(shared) if wanted or main]
        if not places:
            continue
        board = estimates(_only(aligned, places), metric, task.by)
        for place, score in zip(places, row_scores(board, metric), strict=True):
            if shared[place] and score.low is not None:
                intervals[place][metric] = (score.low, score.high)
        if main:
            contrasts = contrasts_of(table, records, board)
            seed_sd = math.sqrt(board.seeds.typical) if board.seeds.degrees else None
            told = _letters(table, ranked, board)
    return {
        **dataclasses.asdict(table.key),
        "metric": task.main_metric,
        "by": task.by,
        "n": len(aligned.truth),
        "seed_sd": seed_sd,
        "rows": [
            {"run_ids": row.run_ids, "intervals": found}
            for row, found in zip(ranked, intervals, strict=True)
        ],
        "contrasts": [dataclasses.asdict(contrast) for contrast in contrasts],
        "letters": told,
    }


def _letters(
    table: Table, ranked: Sequence[Row], board: Board
) -> list[tuple[tuple[str, ...], str]]:
    """Return run ids and letters of the rows that stand for their groups, as far as tested."""
    standings = {standing.run_ids: standing for standing in table.standings}
    sign = 1 if table.task.higher_is_better else -1
    rows = [
        row
        for row in leaders(table).values()
        if row in ranked and not missing(standings[row.run_ids], standings[row.run_ids])
    ]
    rows.sort(key=lambda row: -sign * row.metrics[table.task.main_metric].mean)
    places = [ranked.index(row) for row in rows]
    found = []
    for first, second in combinations(range(len(rows)), 2):
        p = gap(board, places[first], places[second]).p
        found += [] if p is None else [((first, second), p)]
    names = letters(len(rows), told_apart(found, LEVEL))
    return [(row.run_ids, name) for row, name in zip(rows, names, strict=True)]


def _of_one_run(row: Row, metric: str) -> bool:
    """Return whether the interval in the records is that of a row."""
    cell = row.metrics.get(metric)
    return cell is not None and cell.low is not None and (len(row.seeds) == 1 or not row.seeded)


def _only(aligned: Aligned, rows: Sequence[int]) -> Aligned:
    return dataclasses.replace(
        aligned,
        run_ids=[aligned.run_ids[row] for row in rows],
        predicted=[aligned.predicted[row] for row in rows],
        fixed=[aligned.fixed[row] for row in rows],
    )


def contrasts_of(table: Table, records: Mapping[str, Record], board: Board) -> list[Contrast]:
    """Return the declared contrasts of a table, by its board, with corrected p-values."""
    ranked = [row for row in table.rows if not row.incomplete]
    places = {row.run_ids: place for place, row in enumerate(ranked)}
    sign = 1 if table.task.higher_is_better else -1
    found = []
    for kind, row, reference in declared(table.standings, records, table.task.shortcuts):
        ids, gain = (row.run_ids, reference.run_ids), row.score - reference.score
        contrast = Contrast(kind, *ids, gain, missing=missing(row, reference))
        if kind == ALONE or not any(
            each.seeded and len(each.run_ids) == 1 for each in (row, reference)
        ):
            pair = gap(board, *(places[each] for each in ids))
            if pair.low is None or pair.high is None:
                contrast = dataclasses.replace(contrast, missing="a single item or group decides")
            else:
                low, high = sorted((sign * pair.low, sign * pair.high))
                contrast = dataclasses.replace(contrast, low=low, high=high, p=pair.p)
        found.append(contrast)
    return corrected(found)


def corrected(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """Return contrasts with corrected p-values of those that can support a claim, and claims.

    Holm's correction is within each question, and the questions of a table share the level: so many
    models that do not beat a shortcut do not hide what pre-training is worth.
    """
    tested: dict[str, list[float]] = {}
    for contrast in contrasts:
        if contrast.p is not None and not contrast.missing:
            tested.setdefault(contrast.kind, []).append(contrast.p)
    adjusted = {kind: iter(holm(p_values)) for kind, p_values in tested.items()}
    found = []
    for contrast in contrasts:
        p = None
        if contrast.p is not None and not contrast.missing:
            p = min(1.0, next(adjusted[contrast.kind]) * len(tested))
        told = claim(contrast.kind, contrast.gain, p)
        found.append(dataclasses.replace(contrast, p_holm=p, claim=told))
    return found


def _found(results_dir: Path, record: Record) -> Found:
    return Found(record, results_dir / record["task"]["name"] / record["split"]["name"])
