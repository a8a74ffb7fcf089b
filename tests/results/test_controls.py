"""Runs that were told what they had to find out are shown, and neither ranked nor tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnaernie_bench.leaderboard.across import across_tasks
from rnaernie_bench.leaderboard.kept import with_statistics
from rnaernie_bench.leaderboard.rendering import CONTROLS, render
from rnaernie_bench.leaderboard.significance import build_statistics
from rnaernie_bench.leaderboard.tables import TaskInfo, build
from rnaernie_bench.results.store import import_run, read_records

TASKS = {"ncrna_cls": TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))}


def guided(types: str, k: int = 1) -> dict[str, Any]:
    return {"strategy": {"name": "type_guided", "types": types, "k": k, "base": "frozen"}}


def test_a_control_stands_last_whatever_its_score(make_record: Any) -> None:
    records = [make_record(0.9, **guided("oracle")), make_record(0.5, **guided("predicted", 3))]
    table = build(records, tasks=TASKS)[0]
    assert [(row.strategy, row.control) for row in table.rows] == [
        ("type_guided (predicted, k=3) on frozen", False),
        ("type_guided (oracle) on frozen", True),
    ]
    assert table.compared == table.rows[:1]
    text = render([table], "md")
    assert "type_guided (oracle) on frozen [control]" in text
    assert CONTROLS in text
    assert CONTROLS not in render(build(records[1:], tasks=TASKS), "md")


def test_rows_of_other_types_and_k_are_told_apart(make_record: Any) -> None:
    records = [
        make_record(0.5, **guided(types, k))
        for types, k in (("none", 1), ("random", 1), ("random", 2), ("predicted", 2))
    ]
    rows = build(records, tasks=TASKS)[0].rows
    assert len({row.strategy for row in rows}) == 4
    assert {row.notes for row in rows} == {""}


def test_controls_get_intervals_and_no_contrasts(
    tmp_path: Path, make_run: Callable[..., Path]
) -> None:
    results = tmp_path / "results"
    for changes in (guided("none"), guided("random", 2), guided("oracle")):
        import_run(make_run(**changes), results)
    records = read_records(results)
    tables = build(records, tasks=TASKS)
    *rows, control = with_statistics(tables, records, build_statistics(results, tables, records))[
        0
    ].rows
    assert control.control and control.metrics["macro_f1"].low is not None
    assert [len(row.contrasts) for row in sorted(rows, key=lambda row: row.strategy)] == [0, 1]
    assert control.contrasts == ()


def test_controls_are_not_ranked_over_tasks(make_record: Any) -> None:
    info = TASKS["ncrna_cls"]
    other = {"name": "other", "version": 1, "level": "sequence", "problem": "multiclass"}
    records = [
        make_record(score, **guided(types), **task, backbone={"init": "pretrained"})
        for task in ({}, {"task": other})
        for types, score in (("none", 0.4), ("random", 0.3), ("oracle", 0.9))
    ]
    ranks = across_tasks(build(records, tasks={"ncrna_cls": info, "other": info}))
    assert ranks is not None
    assert [name for _, name in ranks.rows] == [
        "type_guided (none) on frozen",
        "type_guided (random, k=1) on frozen",
    ]
