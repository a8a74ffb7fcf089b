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


def test_duels_read_row_against_column_and_leave_controls_out(records: Any) -> None:
    evidence = evidence_of(records)
    table = tables_of(evidence)[0]
    ids = [row.run_ids for row in table.rows]
    tests = next(
        entry
        for entry in evidence.statistics.values()
        if [tuple(row["run_ids"]) for row in entry["rows"]] == ids
    )
    found = tables.duels(table, tests)
    assert found is not None
    assert [[duel.verdict for duel in line] for line in found.cells] == [
        ["self", "tied", "better"],
        ["tied", "self", "better"],
        ["worse", "worse", "self"],
    ]
    assert found.cells[2][0].text == "−0.10"
    assert found.cells[2][0].help == "difference -0.100 [-0.200, -0.050], corrected p 0.001"

    control = replace(table.rows[-1], control=True, strategy="oracle", run_ids=("id",), tied=None)
    with_control = replace(table, rows=(*table.rows, control))
    assert tables.duels(with_control, tests) == found
    assert tables.finding(with_control) == tables.finding(table)


def test_rows_of_one_name_are_told_apart_by_their_place(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    other = replace(table.rows[0], run_ids=("another",), notes="k=3")
    named = tables.row_names(replace(table, rows=(*table.rows, other)))
    first, second, _ = (row.run_ids for row in table.rows)
    assert named[first] == "net (random) · full (#1)"
    assert named["another",] == "net (random) · full (#4)"
    assert named[second] == "kmer"


def test_findings_of_a_leading_baseline_and_of_an_untested_table(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    net, kmer, other = table.rows
    found = tables.finding(replace(table, rows=(kmer, net, other)))
    assert found is not None
    assert found.sentences[-1] == (
        "It is a baseline: no language model here is ahead of it, the best being "
        "net (random) · full with 0.750."
    )
    untested = tables.finding(build(records, tasks=TASKS)[0])
    assert untested is not None
    assert "not tested yet" in untested.sentences[0]
