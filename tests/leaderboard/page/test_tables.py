from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.leaderboard.page import tables
from rnaernie_bench.leaderboard.page.charts import pareto_front
from rnaernie_bench.leaderboard.tables import build
from tests.leaderboard.page.conftest import TASKS, evidence_of, tables_of


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(0.011, 0.98, (0, 1, 0.5)), (0.42, 0.58, (0.4, 0.6, 0.1)), (0.5, 0.5, (0.4, 0.6, 0.2))],
)
def test_axes_are_round(low: float, high: float, ends: tuple[float, ...]) -> None:
    assert astuple(tables.axis(low, high)) == pytest.approx(ends)


@given(st.floats(-10, 10), st.floats(0, 10))
def test_axes_hold_what_they_are_for(low: float, span: float) -> None:
    axis = tables.axis(low, low + span)
    slack = 1e-6 * axis.step
    assert axis.low <= low + slack and low + span <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 7
    assert (axis.place(axis.ticks[0]), axis.place(axis.ticks[-1])) == (6, 194)


@pytest.mark.parametrize(
    ("points", "higher", "front"),
    [
        ([(1, 0.1), (2, 0.5), (3, 0.4), (2, 0.6)], True, [0, 3]),
        ([(1, 0.1), (2, 0.5), (3, 0.05)], False, [0, 2]),
        ([(1, 0.5), (1, 0.5)], True, [0]),
        ([], True, []),
    ],
)
def test_the_front_is_what_nothing_beats(
    points: list[tuple[float, float]], higher: bool, front: list[int]
) -> None:
    assert pareto_front(points, higher_is_better=higher) == front


def test_contrasts_are_columns_in_words(records: Any) -> None:
    evidence = evidence_of(records)
    table = tables_of(evidence)[0]
    assert tables.contrast_columns(table) == ("against the best shortcut",)
    addresses = {row.run_ids: "" for row in table.rows}
    rows, _ = tables.rows(table, {r["run_id"]: r for r in records}, addresses)
    assert [row.told for row in rows] == [
        (("beats it by 0.100 [0.050, 0.200], p 0.002", True),),
        (("–", False),),
        (("-0.100 [0.050, 0.200], 1 seed", False),),
    ]
    control = replace(table.rows[1], control=True, strategy="oracle", run_ids=("id",))
    with_control = replace(table, rows=(*table.rows, control))
    assert tables.finding(with_control) == tables.finding(table)


def test_rows_of_one_name_are_told_apart_by_their_place(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    other = replace(table.rows[0], run_ids=("another",), notes="k=3")
    named = tables.row_names(replace(table, rows=(*table.rows, other)))
    first, second, _ = (row.run_ids for row in table.rows)
    assert named[first] == "net · full (#1)"
    assert named["another",] == "net · full (#4)"
    assert named[second] == "kmer"


def test_the_finding_is_led_by_a_row_without_a_flaw(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    net, kmer, other = table.rows
    found = tables.finding(table)
    assert found is not None
    assert found.leader == "net · full"
    last = tables.row_names(table)[other.run_ids]
    assert found.sentences[:2] == (
        f"It beats the best shortcut, {last}, by 0.100 [0.050, 0.200], p 0.002.",
        "Of 2 rows tested, 1 beat the best shortcut.",
    )
    flawed = replace(net, flaws=("recipe 1",))
    found = tables.finding(replace(table, rows=(flawed, kmer, other)))
    assert found is not None
    assert (found.leader, found.sentences[1:]) == (
        "kmer",
        (
            "Above it, but not counted: net · full (recipe 1).",
            f"It is a baseline; the best other row is {last} with 0.200.",
        ),
    )
    assert tables.finding(replace(table, rows=(flawed,))) is None
    alone = tables.finding(build(records, tasks=TASKS)[0])
    assert alone is not None
    assert alone.sentences == ("Nothing is tested: run rnaernie-bench results build.",)
