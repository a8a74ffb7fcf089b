"""Intervals and contrasts kept beside the records: built, found again, dropped when they change."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard import significance
from rnaernie_bench.leaderboard.kept import STATISTICS_FILE, read_statistics, with_statistics
from rnaernie_bench.leaderboard.page.tables import finding
from rnaernie_bench.leaderboard.rendering import CONTRASTS, build_results, render
from rnaernie_bench.leaderboard.significance import build_statistics
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build
from rnaernie_bench.results.store import import_run, read_records

TASK = TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))
TASKS = {"ncrna_cls": TASK}
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None},
    "strategy": {"name": "baseline"},
    "selection": {"ended_by": "optimum"},
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


def shown(results: Path) -> list[Table]:
    records = read_records(results)
    return with_statistics(build(records, tasks=TASKS), records, read_statistics(results))


def test_tables_are_computed_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = statistics(results)
    text = (results / STATISTICS_FILE).read_text(encoding="utf-8")
    assert read_statistics(results) == json.loads(json.dumps(built))
    assert {entry["part"] for entry in built.values()} == {"full", "deduplicated"}
    for entry in built.values():
        # One run, and equal ones, keep the interval of their record.
        assert [row["intervals"] for row in entry["rows"]] == [{}, {}]
        [contrast] = entry["contrasts"]
        assert (contrast["kind"], contrast["gain"]) == ("shortcut", 0)  # all predict alike
    monkeypatch.setattr(significance, "load_aligned", None)  # not called again
    statistics(results)
    assert (results / STATISTICS_FILE).read_text(encoding="utf-8") == text


def test_tables_show_contrasts_until_a_record_is_added(
    results: Path, make_run: Callable[..., Path]
) -> None:
    statistics(results)
    tables = shown(results)
    [contrast] = [contrast for row in tables[0].rows for contrast in row.contrasts]
    assert contrast.gain == 0
    for row in tables[0].rows:
        cell = row.metrics["macro_f1"]
        assert cell.low is not None and cell.high is not None
        assert cell.low <= cell.mean <= cell.high
    assert CONTRASTS in render(tables, "table")
    build_results(results, tables, records=3)
    page = (results / "README.md").read_text(encoding="utf-8")
    assert "| 95 % interval | against the best shortcut (kmer) | accuracy |" in page
    import_run(make_run(seed=2), results)
    tables = shown(results)
    assert [row.contrasts for table in tables for row in table.rows] == [()] * 4
    assert "against" not in render(tables, "md")


def test_a_row_of_one_seed_stands_without_a_claim(
    tmp_path: Path, make_run: Callable[..., Path]
) -> None:
    results = tmp_path / "results"
    for changes in ({"seed": 0}, KMER):
        import_run(make_run(**changes), results)
    statistics(results)
    table = shown(results)[0]
    [contrast] = [contrast for row in table.rows for contrast in row.contrasts]
    assert (contrast.low, contrast.p, contrast.claim) == (None, None, "")
    found = finding(table)
    assert found is not None
    assert "No row can be tested against the best shortcut yet: 1 seed, of 5 needed." in (
        found.sentences
    )


def test_other_settings_are_another_test(results: Path) -> None:
    by_group = {"ncrna_cls": dataclasses.replace(TASK, by="group")}
    by_accuracy = {"ncrna_cls": dataclasses.replace(TASK, main_metric="accuracy")}
    of_its_own = {"ncrna_cls": dataclasses.replace(TASK, shortcuts=("majority",))}
    records = read_records(results)
    known = set(statistics(results))
    for tasks in (by_group, by_accuracy, of_its_own):
        assert known.isdisjoint(build_statistics(results, build(records, tasks=tasks), records))


def test_predictions_of_another_run_stop_the_build(results: Path) -> None:
    first, second, *_ = sorted(results.glob("*/*/*.parquet"))
    first.write_bytes(second.read_bytes())
    with pytest.raises(ResultError, match="does not hold run"):
        statistics(results)
    assert not (results / STATISTICS_FILE).exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"tables": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / STATISTICS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=r"statistics\.json: the kept statistics cannot be read"):
        read_statistics(tmp_path)
