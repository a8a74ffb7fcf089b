"""Rows over folds: hand-computed means."""

from __future__ import annotations

from typing import Any

import pytest

from rnaernie_bench.leaderboard.extra_tables import extra_tables
from rnaernie_bench.leaderboard.folds import over_folds
from rnaernie_bench.leaderboard.page.breakdowns import by_fold
from rnaernie_bench.leaderboard.page.tables import finding_over_folds
from rnaernie_bench.leaderboard.rows import Cell, Row
from rnaernie_bench.leaderboard.tables import Table, TaskInfo
from rnaernie_bench.results.record import ComparabilityKey

TASK = TaskInfo("Structure", "f1", True, "test")


def row(backbone: str, score: float, run: str, **other: Any) -> Row:
    cell = Cell(score, None, None, None)
    kind = other.pop("kind", "encoder")
    return Row(
        backbone, kind, "frozen", "", (0,), (run,), {"f1": cell}, 1, 1.0, 1.0, None, None, **other
    )  # fmt: skip


def table(fold: str, n: int, *rows: Row, part: str = "test", **other: Any) -> Table:
    key = ComparabilityKey(
        task="ss@1", dataset="d", split="family", fold=fold, part=part, protocol="clean"
    )
    return Table(TASK, key, False, n, ("f1",), "", rows, **other)


def test_each_fold_counts_once_or_by_its_items() -> None:
    small = table("srp", 10, row("a", 0.2, "1"), row("b", 0.9, "2", kind="baseline"))
    large = table("5s", 30, row("a", 0.6, "3"), row("b", 0.1, "4", kind="baseline"))
    (found,) = over_folds([small, large])
    assert (found.key.fold, found.folds) == ("", (("5s", 30), ("srp", 10)))
    best, other = found.rows
    assert (best.backbone, best.baseline, best.scores) == ("b", True, (0.1, 0.9))
    assert (best.mean, best.pooled) == (pytest.approx(0.5), pytest.approx(0.3))
    assert (other.mean, other.pooled) == (pytest.approx(0.4), pytest.approx(0.5))


def test_a_row_that_lacks_a_fold_has_no_mean() -> None:
    tables = [
        table("x", 10, row("a", 0.2, "1"), row("b", 0.1, "2")),
        table("y", 5, row("a", 0, "3")),
    ]
    rows = over_folds(tables)[0].rows
    assert [(r.backbone, r.mean, r.scores) for r in rows] == [
        ("a", 0.1, (0.2, 0)),
        ("b", None, (0.1, None)),
    ]


def test_of_one_name_the_best_on_validation_counts_and_other_parts_do_not() -> None:
    twice = [row("a", 0.2, "1", validation=0.5), row("a", 0.3, "2", validation=0.4)]
    twice += [row("b", 0.4, "3"), row("c", 0.9, "6", flaws=("recipe 1",))]
    tables = [table("x", 10, *twice), table("y", 10, row("a", 0.5, "4"), row("b", 0.6, "5"))]
    tables += [table(fold, 10, row("b", 0.0, fold), part="full") for fold in "xy"]
    (found,) = over_folds(tables)
    assert {r.backbone: r.scores for r in found.rows} == {"a": (0.2, 0.5), "b": (0.4, 0.6)}
    assert over_folds(tables[:1]) == []


def test_shown_in_words_and_on_the_page() -> None:
    tables = [
        table("5s", 30, row("a", 0.6, "3")),
        table("srp", 10, row("a", 0.2, "1"), row("b", 0.9, "2", kind="baseline")),
    ]
    (block,) = extra_tables(tables, [], None)
    assert block.header == ["backbone", "strategy", "mean", "pooled", "5s (30)", "srp (10)"]
    assert list(block.lines[0]) == ["a", "frozen", "0.400", "0.500", "0.600", "0.200"]
    assert list(block.lines[1]) == ["b [baseline]", "frozen", "-", "-", "-", "0.900"]
    heat = by_fold(over_folds(tables)[0])
    assert heat.columns[:3] == (("mean", "2 folds"), ("pooled", "40"), ("5s", "30"))
    assert heat.rows[1][2] == (None, None, None, 0.9)


def test_what_leads_over_folds_is_told_with_the_best_of_the_other_kind() -> None:
    tables = [
        table(fold, 10, row("a", score, f"a{fold}"), row("b", 0.5, f"b{fold}", kind="baseline"))
        for fold, score in (("x", 0.2), ("y", 0.6))
    ]
    finding = finding_over_folds(over_folds(tables)[0])
    assert finding == ("b · frozen", "F1 0.500, the mean of 2 folds",
                       ("The best network is a · frozen with 0.400.",))  # fmt: skip
    alone = [table("x", 10, row("a", 0.2, "1")), table("y", 5, row("b", 0, "2"))]
    assert finding_over_folds(over_folds(alone)[0]) is None
