from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import PairItem
from rnaernie_bench.data.levels.pair import read_file
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.checks import check_pairs
from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.single_table import Negatives, PairColumns
from rnaernie_bench.task.task import Task, load_task

COLUMNS = PairColumns("a_seq", "b_seq", "label", "a_name", "b_name", reversed=("first",))
HEADER = "a_name,a_seq,b_name,b_seq,label\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def read_pairs(path: Path, task: Task) -> tuple[PairItem, ...]:
    return read_file(path, DataFile(path.name, "", 0), task)


def asked(
    columns: PairColumns = COLUMNS,
    problem: Problem = "binary",
    labels: tuple[str, ...] = ("none", "interaction"),
) -> Task:
    """Return a task of pairs."""
    rri = load_task("rri")
    declared = replace(rri.dataset, pairs=columns, negatives=None)
    return replace(rri, problem=problem, labels=labels, dataset=declared)


def test_a_partner_that_is_stored_backwards_is_put_right(tmp_path: Path) -> None:
    path = table(tmp_path, HEADER + 'miR-1,tgga,G1,CCUU,1\n\nmiR-1,TGGA,G2,"AC",0\n')
    assert read_pairs(path, asked()) == (
        PairItem("1", "AGGU", "CCUU", 1, "miR-1", "G1"),
        PairItem("2", "AGGU", "AC", 0, "miR-1", "G2"),
    )


def test_the_group_of_a_pair_is_a_name_or_a_sequence(tmp_path: Path) -> None:
    path = table(tmp_path, HEADER + "miR-1,TGGA,G1,CCUU,1\nmiR-1,AGGA,G2,AC,0\n")
    by_name = read_pairs(path, asked())
    by_sequence = read_pairs(path, asked(replace(COLUMNS, group="sequence")))
    assert [item.group for item in by_name] == ["miR-1", "miR-1"]
    other_name = read_pairs(path, asked(replace(COLUMNS, first_group="", group="sequence")))
    assert len({item.group for item in by_sequence}) == 2
    assert [item.group for item in by_sequence] == [item.group for item in other_name]
    assert [item.kept_with for item in by_sequence] == ["miR-1", "miR-1"]


def test_tables_may_be_tab_separated_and_without_labels_and_names(tmp_path: Path) -> None:
    path = table(tmp_path, "a\tb\nACG\tUUU\n")
    assert read_pairs(path, asked(PairColumns("a", "b"))) == (PairItem("1", "ACG", "UUU", 1),)


def test_of_two_classes_labels_may_be_spelt(tmp_path: Path) -> None:
    columns = PairColumns("a", "b", "y")
    path = table(tmp_path, "a,b,y\nA,C,interaction\nA,G,none\nA,U,1\n")
    assert [item.label for item in read_pairs(path, asked(columns))] == [1, 0, 1]
    turned = asked(columns, labels=("1", "0"))  # whatever the task calls its negative class
    path = table(tmp_path, "a,b,y\nA,C,0\nA,G,1\n")
    assert [item.label for item in read_pairs(path, turned)] == [1, 0]


def test_classes_are_read_by_name(tmp_path: Path) -> None:
    path = table(tmp_path, "a\tb\ty\nA\tC\tstrong\nA\tG\tweak\n")
    task = asked(PairColumns("a", "b", "y"), "multiclass", ("none", "weak", "strong"))
    items = read_pairs(path, task)
    assert [(item.label, item.stratum, item.truth) for item in items] == [(2, 2, 2), (1, 1, 1)]
    assert items[0].line() == "1\tA\tC\t2\t\t\n"


NUMBERS = PairColumns("a", "b", labels={"one": "x", "two": "y"})


@pytest.mark.parametrize("separator", [",", "\t"])
def test_numbers_stand_in_a_column_each_and_an_empty_cell_is_unknown(
    tmp_path: Path, separator: str
) -> None:
    text = "y,a,b,x\n1,A,C,0\n,A,G,1\n1,A,U,\n"  # at either end of a line
    path = table(tmp_path, text.replace(",", separator))
    for problem in ("multilabel", "regression"):
        items = read_pairs(path, asked(NUMBERS, problem, ("one", "two")))
        assert items[0] == PairItem("1", "A", "C", (0.0, 1.0))
        assert [str(item.label) for item in items[1:]] == ["(1.0, nan)", "(nan, 1.0)"]
        assert [item.truth for item in items[1:]] == [(1.0, None), (None, 1.0)]
        assert {item.stratum for item in items} == {0}


def test_what_is_unknown_is_like_what_is_unknown() -> None:
    one, two = (PairItem("1", "A", "C", (1.0, float("nan"))) for _ in range(2))
    assert one.truth == two.truth
    assert one.truth != PairItem("1", "A", "C", (1.0, 0.0)).truth
    assert one.line() == f"1\tA\tC\t{(1.0, nan)}\t\t\n"


@pytest.mark.parametrize(
    ("problem", "cells", "message"),
    [
        ("regression", "0,low", "row 2, column 'y': 'low' is no finite number"),
        ("regression", "-inf,1", "row 2, column 'x': '-inf' is no finite number"),
        ("regression", "1,-Inf", "row 2, column 'y': '-Inf' is no finite number"),
        ("regression", ",", "row 2: no label is known"),
        ("multilabel", "0,2", "row 2, column 'y': 2 is neither 0 nor 1"),
        ("multilabel", "nan,NA", "row 2: no label is known"),
    ],
)
def test_bad_numbers_are_refused_by_line(
    tmp_path: Path, problem: Problem, cells: str, message: str
) -> None:
    path = table(tmp_path, f"a,b,x,y\nA,C,0,1\nA,C,{cells}\n")
    with pytest.raises(DataError, match=message):
        read_pairs(path, asked(NUMBERS, problem, ("one", "two")))


def test_an_unknown_class_is_refused_by_line(tmp_path: Path) -> None:
    task = asked(PairColumns("a", "b", "y"), "multiclass", ("none", "weak", "strong"))
    path = table(tmp_path, "a,b,y\nA,C,none\nA,C,weka\n")
    with pytest.raises(DataError, match="row 2: unknown label 'weka'; did you mean weak"):
        read_pairs(path, task)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty"),
        (HEADER, "the table has no row"),
        ("a_name,a_seq,b_name,label\n", "there is no column 'b_seq'"),
        (HEADER.replace("label", "b_seq"), "columns 4 and 5 are both called 'b_seq'"),
        (HEADER.replace("b_name", "a_name"), "columns 1 and 3 are both called 'a_name'"),
        (HEADER + "m,A,g,C\n", "line 2 \\(row 1\\): the row has 4 cells, the header 5"),
        (
            HEADER + "m,A,g,C,1\nm,A,g,C,2\n",
            "row 2: unknown label '2'; choose one of 0, 1",
        ),
        (HEADER + "m,A,g,C,\n", "row 1: no label is known"),
        (HEADER + "m,A,g,,1\n", "row 1: the column 'b_seq' is empty"),
        (HEADER + "m,A,g,CZ,1\n", "row 1, column 'b_seq': foreign letter 'Z' at position 2"),
    ],
)
def test_bad_tables_are_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pairs(table(tmp_path, text), asked())


def test_pairs_to_predict_have_names(tmp_path: Path) -> None:
    path = table(tmp_path, "a_name,a_seq,b_name,b_seq\nm,AC,g,G\nm,AC,h,U\n")
    assert list(read_named_pairs(path, COLUMNS)) == [
        NamedPair("m", "CA", "g", "G"),
        NamedPair("m", "CA", "h", "U"),
    ]


def test_an_id_to_predict_stands_for_one_sequence(tmp_path: Path) -> None:
    path = table(tmp_path, "a_name,a_seq,b_name,b_seq\nm,AC,g,G\nm,AG,h,U\n")
    with pytest.raises(DataError, match="row 2: the id 'm' names another sequence at row 1"):
        list(read_named_pairs(path, COLUMNS))


def test_a_column_has_one_meaning() -> None:
    with pytest.raises(ConfigError, match="one meaning"):
        PairColumns("a", "a")
    with pytest.raises(ConfigError, match="one meaning"):
        PairColumns("a", "b", labels={"one": "a"})


ONE = PairColumns("a", "b", "y")
TWO = ("one", "two")


@pytest.mark.parametrize(
    ("problem", "columns", "negatives", "message"),
    [
        ("multiclass", PairColumns("a", "b"), None, "column of labels, or negatives"),
        ("multiclass", NUMBERS, None, "classes are in one column"),
        ("multiclass", PairColumns("a", "b"), Negatives("swapped"), "which a multiclass task"),
        ("regression", ONE, None, "each label needs one column"),
        ("regression", PairColumns("a", "b", labels={"one": "x"}), None, "each label needs one"),
        ("multilabel", NUMBERS, Negatives("swapped"), "which a multilabel task has not"),
        ("binary", ONE, Negatives("swapped"), "column of labels, or negatives"),
        ("regression", None, None, "needs columns"),
    ],
)
def test_columns_and_problem_go_together(
    problem: Problem, columns: PairColumns | None, negatives: Negatives | None, message: str
) -> None:
    for good in (asked(ONE, "multiclass", TWO), asked(NUMBERS, "regression", TWO)):
        check_pairs(good)
    wrong = asked(ONE, problem, TWO)
    with pytest.raises(ConfigError, match=message):
        check_pairs(
            replace(wrong, dataset=replace(wrong.dataset, pairs=columns, negatives=negatives))
        )
