"""Where rows do well and badly, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnaernie_bench.results.page import breakdowns
from rnaernie_bench.results.page.breakdowns import Answers, classes, confusion, family_accuracy
from tests.results.page.conftest import evidence_of, tables_of


def run(precision: float, counts: list[list[int]]) -> dict[str, Any]:
    named = {
        name: {"precision": precision, "recall": 0.5, "f1": 0.25, "support": 3} for name in "AB"
    }
    return {"tests": {"full": {"per_class": named, "confusion": counts}}}


def test_confusion_adds_runs_and_takes_shares_of_the_true_class() -> None:
    found = confusion([run(1, [[2, 1], [0, 0]]), run(1, [[3, 0], [0, 0]])], "full")
    assert found is not None
    assert found.labels == ("A", "B")
    assert found.rows == (((5, 83), (1, 17)), ((0, 0), (0, 0)))
    assert confusion([{"tests": {"full": {}}}], "full") is None


def test_classes_are_means_over_runs() -> None:
    found = classes([run(0.5, []), run(1.0, [])], "full")
    assert found == (("A", "3", (0.75, 0.5, 0.25)), ("B", "3", (0.75, 0.5, 0.25)))


def test_families_count_named_items_of_the_part() -> None:
    answers = Answers(
        groups=np.array(["x", "x", "y", "", "y"]),
        right=np.array([True, False, True, True, True]),
        parts={"full": np.ones(5, bool), "less": np.array([1, 1, 0, 1, 0], bool)},
    )
    assert family_accuracy(answers, "full") == ({"x": 0.5, "y": 1.0}, {"x": 2, "y": 2})
    assert family_accuracy(answers, "less") == ({"x": 0.5}, {"x": 2})


def test_families_are_those_on_which_rows_differ_most(
    records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdowns, "LEAST_ITEMS", 1)
    monkeypatch.setattr(breakdowns, "MOST_FAMILIES", 1)
    rows = tables_of(evidence_of(records))[0].rows[:2]
    right = {run_id: number == 0 for number, row in enumerate(rows) for run_id in row.run_ids}

    def read(run_id: str) -> Answers:
        return Answers(
            np.array(["same", "other"]), np.array([True, right[run_id]]), {"full": np.ones(2, bool)}
        )

    found = breakdowns.by_family(rows, read, "full", lambda row: "here")
    assert found is not None
    assert found.columns == (("other", "1"),)
    assert [shares for *_, shares in found.rows] == [(1.0,), (0.0,)]
    assert breakdowns.by_family(rows, lambda _: None, "full", lambda row: "") is None


def test_sets_that_records_tell_apart_are_shown_of_the_rows_that_do(records: Any) -> None:
    rows = tables_of(evidence_of(records))[0].rows[:2]
    kinds = {
        "nested": {"n": 3, "f1": 0.5, "pooled_f1": 0.4},
        "pseudoknotted": {"n": 0, "f1": None, "pooled_f1": None},
    }
    told = {run_id: {"tests": {"full": {}}} for row in rows for run_id in row.run_ids}
    assert breakdowns.by_kind(rows, told, "full", lambda row: "here") is None
    for run_id in rows[1].run_ids:
        told[run_id]["tests"]["full"] = {"breakdown": {"pairs": kinds}}
    found = breakdowns.by_kind(rows, told, "full", lambda row: "here")
    assert found is not None
    assert found.columns == (("nested", "3"), ("pseudoknotted", "0"))
    assert [values for _, _, values in found.rows] == [(0.5, None)]
    assert breakdowns.by_identity(rows, told, "full", lambda row: "here") is None
