"""Paired tests kept beside the records: built, found again, and dropped when records change."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard import significance
from rnaernie_bench.leaderboard.page.tables import finding
from rnaernie_bench.leaderboard.rendering import TIES, build_results, render
from rnaernie_bench.leaderboard.significance import build_statistics
from rnaernie_bench.leaderboard.tables import TaskInfo, build
from rnaernie_bench.leaderboard.tied import STATISTICS_FILE, marks, read_statistics
from rnaernie_bench.results.store import import_run, read_records

TASK = TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))
TASKS = {"ncrna_cls": TASK}
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None},
    "strategy": {"name": "baseline"},
}


@pytest.fixture
def results(tmp_path: Path, make_run: Callable[..., Path]) -> Path:
    """Give a folder of results with two rows, of two runs and of one."""
    for changes in ({"seed": 0}, {"seed": 1}, KMER):
        import_run(make_run(**changes), tmp_path / "results")
    return tmp_path / "results"


def statistics(results: Path) -> Any:
    records = read_records(results)
    return build_statistics(results, build(records, tasks=TASKS), records)


def test_tables_are_tested_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = statistics(results)
    text = (results / STATISTICS_FILE).read_text(encoding="utf-8")
    assert read_statistics(results) == json.loads(json.dumps(built))
    assert {entry["part"] for entry in built.values()} == {"full", "deduplicated"}
    for entry in built.values():
        [pair] = entry["pairs"]
        assert (pair["difference"], pair["p_holm"]) == (0, 1)  # all predict alike
        assert [len(group) for group in entry["tied_groups"]] == [2]
    monkeypatch.setattr(significance, "compare", None)  # not called again
    statistics(results)
    assert (results / STATISTICS_FILE).read_text(encoding="utf-8") == text


def test_tables_show_ties_until_a_record_is_added(
    results: Path, make_run: Callable[..., Path]
) -> None:
    records, tests = read_records(results), statistics(results)
    tables = build(records, tasks=TASKS, statistics=tests)
    assert [row.tied for table in tables for row in table.rows] == ["a"] * 4
    assert TIES in render(tables, "table")
    build_results(results, tables, records=len(records))
    page = (results / "README.md").read_text(encoding="utf-8")
    assert "| 95 % interval | tied | accuracy |" in page
    import_run(make_run(seed=2), results)
    tables = build(read_records(results), tasks=TASKS, statistics=read_statistics(results))
    assert [row.tied for table in tables for row in table.rows] == [None] * 4
    assert "tied" not in render(tables, "md")


def test_of_a_long_table_the_best_rows_and_baselines_are_tested(
    results: Path, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(significance, "MOST_TESTED", 1)
    monkeypatch.setattr(significance, "MOST_BASELINES", 1)
    import_run(make_run(backbone={"name": "other"}), results)
    records, tests = read_records(results), statistics(results)
    assert [len(entry["rows"]) for entry in tests.values()] == [2, 2]
    table, _ = tables = build(records, tasks=TASKS, statistics=tests)
    assert {(row.kind, row.tied) for row in table.rows} == {
        ("encoder", "a"), ("baseline", "a"), ("encoder", None)
    }  # fmt: skip
    assert "best baselines; not tested: 1." in render(tables, "md")
    found = finding(table)
    assert found is not None
    assert found.sentences[-1] == "1 row further down: not tested."


def test_other_settings_are_another_test(results: Path) -> None:
    by_group = {"ncrna_cls": dataclasses.replace(TASK, by="group")}
    by_accuracy = {"ncrna_cls": dataclasses.replace(TASK, main_metric="accuracy")}
    records = read_records(results)
    known = set(statistics(results))
    for tasks in (by_group, by_accuracy):
        assert known.isdisjoint(build_statistics(results, build(records, tasks=tasks), records))


def test_predictions_of_another_run_stop_the_build(results: Path) -> None:
    first, second, *_ = sorted(results.glob("*/*/*.parquet"))
    first.write_bytes(second.read_bytes() + b" ")
    with pytest.raises(ResultError, match="SHA-256 differs"):
        statistics(results)
    assert not (results / STATISTICS_FILE).exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"tables": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / STATISTICS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=r"statistics\.json: the cached tests cannot be read"):
        read_statistics(tmp_path)


def test_letters() -> None:
    assert marks([["x", "y"], ["y", "z"]]) == {"x": "a", "y": "ab", "z": "b"}
    many = marks([[number, number + 1] for number in range(27)])
    assert (many[0], many[1], many[27]) == ("1", "1 2", "27")
