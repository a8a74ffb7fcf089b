"""Rows over tasks, by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rnaernie_bench.leaderboard.across import Across, across_tasks
from rnaernie_bench.leaderboard.tables import TaskInfo, build

TASK = TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))
TASKS = dict.fromkeys(("one", "two", "three"), TASK)
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None},
    "strategy": {"name": "baseline"},
}
ODD = {"strategy": {"name": "odd"}}
NET = ("rnaernie-tiny", "full")
TRAINED = {"backbone": {"init": "pretrained"}}


def ranked(records: list[dict[str, Any]], **tasks: TaskInfo) -> Across | None:
    return across_tasks(build(records, tasks=TASKS | tasks))


@pytest.fixture
def records(make_record: Any) -> list[dict[str, Any]]:
    """Give two rows of two seeds on three tasks, one of them of a pre-trained model."""
    return [
        make_record(f1, task={"name": name}, seed=seed, **row)
        for name, f1s in (("one", (0.5, 0.7)), ("two", (0.6, 0.4)), ("three", (0.5, 0.9)))
        for f1, row in zip(f1s, (TRAINED, KMER), strict=True)
        for seed in (0, 1)
    ]


def test_rows_are_ranked_over_tasks(records: list[dict[str, Any]]) -> None:
    found = ranked(records)
    assert found is not None
    assert found.tasks == ("one@1", "three@1", "two@1")
    assert found.rows == (("kmer", "baseline"), NET)
    assert found.average_ranks == pytest.approx((4 / 3, 5 / 3))
    assert found.win_rates[0] == pytest.approx((0.5, 2 / 3))
    assert found.critical_difference == pytest.approx(1.96 / 3**0.5, abs=1e-3)


def test_the_direction_of_a_metric_counts(records: list[dict[str, Any]]) -> None:
    lower = dataclasses.replace(TASK, higher_is_better=False)
    found = ranked(records, two=lower)
    assert found is not None
    assert found.average_ranks == (1, 2)


def test_rows_and_tasks_that_cannot_be_ranked_are_named(
    records: list[dict[str, Any]], make_record: Any
) -> None:
    records += [make_record(0.9, task={"name": name}, **ODD) for name in ("one", "four")]
    found = ranked(records, four=TASK)
    assert found is not None
    assert (len(found.tasks), found.rows) == (3, (("kmer", "baseline"), NET))
    assert found.left_out == (("rnaernie-tiny (random)", "odd"),)
    assert found.other_tasks == ("four@1",)


def test_the_best_setting_on_validation_stands_for_a_row(
    records: list[dict[str, Any]], make_record: Any
) -> None:
    better = {"head": "token", "validation": {"metrics": {"macro_f1": 0.9}}, **TRAINED}
    records += [make_record(0.95, task={"name": name}, **better) for name in TASKS]
    found = ranked(records)
    assert found is not None
    assert found.average_ranks == (1, 2) and found.rows[0] == NET


def test_without_a_pretrained_model_nothing_is_ranked(records: list[dict[str, Any]]) -> None:
    for record in records:
        if record["backbone"]["kind"] == "encoder":
            record["backbone"]["init"] = "random"
    assert ranked(records) is None


def test_one_task_and_simulated_data_are_not_ranked(
    records: list[dict[str, Any]], make_record: Any
) -> None:
    assert ranked([r for r in records if r["task"]["name"] == "one"]) is None
    assert across_tasks([]) is None
    for record in records:
        record["dataset"]["simulated"] = record["task"]["name"] != "one"
    assert ranked(records) is None
