from __future__ import annotations

from pathlib import Path

import pytest

from rnaernie_bench.data.items import PairItem
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs, read_pairs
from rnaernie_bench.errors import ConfigError, DataError
from rnaernie_bench.single_table import PairColumns

COLUMNS = PairColumns("a_seq", "b_seq", "label", "a_name", "b_name", reversed=("first",))
HEADER = "a_name,a_seq,b_name,b_seq,label\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def test_a_partner_that_is_stored_backwards_is_put_right(tmp_path: Path) -> None:
    path = table(tmp_path, HEADER + 'miR-1,tgga,G1,CCUU,1\n\nmiR-1,TGGA,G2,"AC",0\n')
    assert read_pairs(path, COLUMNS) == (
        PairItem("1", "AGGU", "CCUU", 1, "miR-1", "G1"),
        PairItem("2", "AGGU", "AC", 0, "miR-1", "G2"),
    )


def test_tables_may_be_tab_separated_and_without_labels_and_names(tmp_path: Path) -> None:
    path = table(tmp_path, "a\tb\nACG\tUUU\n")
    assert read_pairs(path, PairColumns("a", "b")) == (PairItem("1", "ACG", "UUU", 1),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        (HEADER, "the table has no row"),
        ("a_name,a_seq,b_name,label\n", r"line 1: there is no column 'b_seq'"),
        (HEADER.replace("label", "b_seq"), "there is no column 'label'"),
        (HEADER.replace("b_name", "a_name"), "there is no column 'b_name'"),
        (HEADER + "m,A,g,C\n", "line 2: the row has 4 cells, the header 5"),
        (HEADER + "m,A,g,C,1\nm,A,g,C,2\n", "line 3: the label '2' is neither 0 nor 1"),
        (HEADER + "m,A,g,C,\n", "line 2: the label '' is neither"),
        (HEADER + "m,A,g,,1\n", "line 2: the column 'b_seq' is empty"),
        (HEADER + "m,A,g,CZ,1\n", "line 2, column 'b_seq': foreign letter 'Z' at position 2"),
    ],
)
def test_bad_tables_are_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pairs(table(tmp_path, text), COLUMNS)


def test_pairs_to_predict_have_names(tmp_path: Path) -> None:
    path = table(tmp_path, "a_name,a_seq,b_name,b_seq\nm,AC,g,G\nm,AC,h,U\n")
    assert list(read_named_pairs(path, COLUMNS)) == [
        NamedPair("m", "CA", "g", "G"),
        NamedPair("m", "CA", "h", "U"),
    ]


def test_an_id_to_predict_stands_for_one_sequence(tmp_path: Path) -> None:
    path = table(tmp_path, "a_name,a_seq,b_name,b_seq\nm,AC,g,G\nm,AG,h,U\n")
    with pytest.raises(DataError, match="line 3: the id 'm' stands for another sequence at line 2"):
        list(read_named_pairs(path, COLUMNS))


def test_a_column_has_one_meaning() -> None:
    with pytest.raises(ConfigError, match="one meaning"):
        PairColumns("a", "a")
