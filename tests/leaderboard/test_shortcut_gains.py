from __future__ import annotations

import pytest

from rnaernie_bench.leaderboard.shortcut_gains import gain_sentences, shortcut_gains
from rnaernie_bench.leaderboard.tables import Cell, Row, Table, TaskInfo
from rnaernie_bench.results.record import ComparabilityKey


def row(name: str, value: float, *, control: bool = False) -> Row:
    cell = Cell(value, None, None, None, None, None)
    kind = "encoder" if name == "net" else "baseline"
    return Row(
        name, kind, "frozen" if name == "net" else "baseline", "", (0,), (name,), {"auroc": cell},
        None, None, None, None, None, control=control,
    )  # fmt: skip


def table(*rows: Row, higher: bool = True, shortcuts: tuple[str, ...] = ("seed", "gene")) -> Table:
    task = TaskInfo("Pairs", "auroc", higher, "test", shortcuts=shortcuts)
    key = ComparabilityKey("pairs@1", "0" * 64, "random", "", "test", "clean")
    return Table(task, key, False, 9, ("auroc",), "", rows)


def test_rows_are_held_against_the_best_shortcut() -> None:
    found = table(row("net", 0.9), row("cnn", 0.8), row("gene", 0.7), row("seed", 0.6))
    assert shortcut_gains(found) == {("net",): pytest.approx(0.2), ("cnn",): pytest.approx(0.1)}
    (told,) = gain_sentences(found)
    assert told == (
        "Gain in auroc over the best shortcut (gene, 0.700): net, frozen +0.200; cnn, baseline "
        "+0.100."
    )


def test_less_is_a_gain_where_less_is_better() -> None:
    found = table(row("net", 0.2), row("seed", 0.5), higher=False)
    assert shortcut_gains(found) == {("net",): pytest.approx(0.3)}


def test_nothing_is_told_without_shortcuts_or_without_others() -> None:
    assert gain_sentences(table(row("net", 0.9), shortcuts=())) == []
    assert gain_sentences(table(row("net", 0.9))) == []
    assert gain_sentences(table(row("seed", 0.9))) == []
