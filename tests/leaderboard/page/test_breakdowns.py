"""Where rows do well and badly, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnaernie_bench.leaderboard.page import breakdowns
from rnaernie_bench.leaderboard.page.answers import Answers
from rnaernie_bench.leaderboard.rows import Row
from tests.leaderboard.page.conftest import evidence_of, tables_of


def link(row: Row) -> tuple[str, str]:
    return row.backbone, "there"


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

    found = breakdowns.by_family(rows, read, "full", link)
    assert found is not None
    assert found.columns == (("other", "1"),)
    assert found.rows == (("net", "there", (1.0,)), ("kmer", "there", (0.0,)))
    assert breakdowns.by_family(rows, lambda _: None, "full", link) is None


def test_sets_that_records_tell_apart_are_shown_of_the_rows_that_do(records: Any) -> None:
    rows = tables_of(evidence_of(records))[0].rows[:2]
    kinds = {
        "nested": {"n": 3, "f1": 0.5, "pooled_f1": 0.4},
        "pseudoknotted": {"n": 0, "f1": None, "pooled_f1": None},
    }
    bare = {run_id: {"tests": {"full": {}}} for row in rows for run_id in row.run_ids}
    arguments = (rows, bare, "full", link, ("breakdown", "pairs"))
    assert breakdowns.by_record(*arguments, "f1", "F1") is None
    for run_id in rows[1].run_ids:
        bare[run_id]["tests"]["full"] = {"breakdown": {"pairs": kinds}}
    found = breakdowns.by_record(*arguments, "f1", "F1", "Pairs. ")
    assert found is not None
    assert (found.title, found.caption) == ("F1", "Pairs. Mean over seeds.")
    assert found.columns == (("nested", "3"), ("pseudoknotted", "0"))
    assert [values for _, _, values in found.rows] == [(0.5, None)]
    assert breakdowns.by_record(*arguments, "auroc", "AUROC") is None
