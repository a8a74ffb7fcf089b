"""Matrices and their small pictures, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rnaernie_bench.leaderboard.page import confusions
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import build
from tests.leaderboard.page.conftest import TASKS, evidence_of, tables_of


def run(counts: list[list[int]]) -> dict[str, Any]:
    return {"tests": {"full": {"per_class": {"A": {}, "B": {}}, "confusion": counts}}}


def link(row: Row) -> tuple[str, str]:
    return row.backbone, f"{row.backbone}.html"


def test_runs_are_added_and_shares_are_of_the_true_class() -> None:
    found = confusions.confusion([run([[2, 1], [0, 0]]), run([[3, 0], [0, 0]])], "full")
    assert found is not None
    assert found.labels == ("A", "B")
    assert found.rows == (((5, 83), (1, 17)), ((0, 0), (0, 0)))
    assert confusions.confusion([{"tests": {"full": {}}}], "full") is None
    assert confusions.confusion([run([[1, 0], [0, 1]]), {"tests": {"full": {}}}], "full") is None


def test_the_best_row_of_each_network_and_the_best_baseline_are_drawn(make_record: Any) -> None:
    matrix = {"per_class": {"A": {}, "B": {}}, "confusion": [[2, 0], [1, 1]]}
    rows: list[tuple[float, dict[str, Any]]] = [
        (0.9, {"backbone": {"name": "first"}}),
        (0.8, {"backbone": {"name": "first"}, "head": "pooled"}),
        (0.7, {"backbone": {"name": "second"}}),
        (0.6, {"backbone": {"name": "third"}}),
        (0.5, {"backbone": {"name": "kmer", "kind": "baseline", "init": None}}),
        (0.4, {"backbone": {"name": "cnn", "kind": "baseline", "init": None}}),
    ]
    tests = {"full": matrix, "deduplicated": matrix}
    records = [make_record(f1, tests=tests, **changes) for f1, changes in rows]
    table = build(records, tasks=TASKS)[0]
    by_id = {record["run_id"]: record for record in records}
    named = [item.name for item in confusions.pictures(table, by_id, link)]
    assert named == ["first (random)", "second (random)", "third (random)", "kmer"]
    few = replace(table, rows=table.rows[3:])
    named = [item.name for item in confusions.pictures(few, by_id, link)]
    assert named == ["third (random)", "kmer", "cnn"]
    bare = {run_id: {**record, "tests": {table.key.part: {}}} for run_id, record in by_id.items()}
    assert confusions.pictures(table, bare, link) == ()


def test_a_picture_has_a_path_a_shade_and_says_what_is_mistaken(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    by_id = {record["run_id"]: record for record in records}
    item = confusions.pictures(table, by_id, link)[0]
    # [[2, 0], [1, 1]] twice: A is right throughout, B in one of two cases.
    assert item.shades == (
        ("right s5", "M1 1h1v1h-1z"),
        ("right s6", "M0 0h1v1h-1z"),
        ("wrong s5", "M0 1h1v1h-1z"),
    )
    assert (item.cell, item.labels, item.margin) == (28, ("A", "B"), 12)
    assert item.summary == "75 % right; most often mistaken: B for A, 50 %"
    assert item.href == "net.html"
    for record in records:
        for test in record["tests"].values():
            test["confusion"] = [[3, 0], [0, 1]]
    assert confusions.pictures(table, by_id, link)[0].summary == "100 % right"
