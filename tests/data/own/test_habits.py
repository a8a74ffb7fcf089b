"""Habits of public tables that were once read wrongly: each is read rightly, or refused by row."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.cli.run import cut_in
from rnaernie_bench.core.errors import BenchError, DataError
from rnaernie_bench.data.loading import load_dataset, make_split, unlearned
from rnaernie_bench.data.own.declaring import declare
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.tables import open_file

HEADER = "sequence,y\n"
ROWS = "GGACUA,1\nUUACGA,0\nCCAGGU,1\nAAUUGA,0\n"


def own(folder: Path, text: str, name: str = "train.csv", **changes: Any) -> OwnData:
    """Return data whose train part is `text`, and whose test part is sound."""
    (folder / name).write_text(text)
    (folder / "test.csv").write_text(changes.pop("test", HEADER + "ACGUAC,1\nGACGUC,0\n"))
    values = {"level": "sequence", "problem": "binary", "label": ("y",), **changes}
    return OwnData((folder / name,), (folder / "test.csv",), **values)


def items(data: OwnData, part: str = "train") -> tuple[tuple[str, ...], Sequence[Any]]:
    """Return the labels of the task that data declare, and the items of a part."""
    task = declare(data, data.train[0].parent / "own")
    return task.labels, load_dataset(task, simulated=False).parts[part]


def refusal(data: OwnData) -> str:
    with pytest.raises(BenchError) as caught:
        declare(data, data.train[0].parent / "own")
    assert not list((data.train[0].parent / "own").glob("*"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.csv", HEADER + ROWS),
        ("train.csv", ",sequence,y\n" + "".join(f"{n},{r}\n" for n, r in enumerate(ROWS.split()))),
        ("train.csv", "sequence, y\n" + ROWS.replace(",", ", ")),
        ("train.CSV", "\ufeff" + HEADER + ROWS.replace("\n", "\r\n")),
        ("train.csv", '"sequence","y"\n' + ROWS.replace(",", '","').replace("\n", '"\n"', 3)
         .join(('"', "")).replace("0\n", '0"\n')),
        ("train.tsv", (HEADER + ROWS).replace(",", "\t")),
        ("train.tsv", "".join(
            "\t".join(f'"{cell}"' for cell in line.split(",")) + "\n"
            for line in (HEADER + ROWS).split())),
        ("train.tab", "sequence\ty\tnote\n" + ROWS.replace(",", "\t").replace("\n", '\t"5 end\n')),
        ("train.csv", "y,note,sequence\n" + "".join(
            f'{r[-1]},"one, ""two""\nthree",{r[:-2]}\n' for r in ROWS.split())),
    ],
)  # fmt: skip
def test_what_is_unambiguous_is_read(tmp_path: Path, name: str, text: str) -> None:
    labels, found = items(own(tmp_path, text, name))
    assert labels == ("0", "1")
    assert [(item.id, item.sequence, item.label) for item in found] == [
        ("1", "GGACUA", 1), ("2", "UUACGA", 0), ("3", "CCAGGU", 1), ("4", "AAUUGA", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("train.csv", HEADER + ROWS.replace("\n", ",\n"),
         "line 2 (row 1): the row has 3 cells, the header 2; take the commas off its end"),
        ("train.csv", HEADER + "1,GGACUA,1\n",
         "line 2 (row 1): the row has 3 cells, the header 2; give the column without a name"),
        ("train.csv", HEADER + ROWS + "GG\n", "line 6 (row 5): the row has 1 cells, the header 2"),
        ("train.csv", "sequence,y,\n" + ROWS.replace("\n", ",\n"), "column 3 has no name"),
        ("train.csv", "sequence,y,y \n" + ROWS.replace("\n", ",1\n"), "are both called 'y'"),
        ("train.csv", "sequence,y,n\n" + ROWS.replace("1\n", '1,"5 end\n').replace("0\n", "0,\n"),
         "line 2"),
        ("train.csv", 'sequence,y,n\nGG,1,"a\nAA,0,b\nGC,1,c"\n',
         "line 2 (row 1): a quote opens here and closes in line 4, across line 3"),
        ("train.csv", HEADER + 'GGACUA,"1\nAA,0\n', "line 2: a quote opens and never closes"),
        ("train.csv", (HEADER + ROWS).replace(",", ";"), "cells stand between semicolons"),
        ("train.csv", HEADER + ROWS + "NA,1\n", "row 5: the column 'sequence' is empty ('NA')"),
        ("train.csv", HEADER + ROWS + "GGA,NaN\n", "row 5: no label is known; remove the row"),
        ("train.csv", HEADER + ROWS + "GGA,1.0\n", "has 3 (0, 1, 1.0), two labels are needed"),
        ("train.csv", HEADER + ROWS.replace("1", "b").replace("0", "a"),
         "does not say whether 'a' or 'b' is positive; name the positive one last: --classes=a,b"),
        ("train.csv", "id,sequence,y\n" + "".join(f"s,{r}\n" for r in ROWS.split()),
         "row 2: the id 's' stands in row 1 already"),
        ("train.csv", "sequence\u200b,y\n" + ROWS, "column 1 has what cannot be seen"),
        ("train.csv", HEADER + "GGACUA,\x1b[2J1\nAA,0\n", "line 2: the line has the control"),
        ("train.csv", HEADER + 'GGACUA,"a\nb"\nAA,0\n', "the class 'a\\nb', which cannot be shown"),
        ("train", HEADER + ROWS, "'' is not the suffix of a table; let it end in one of .csv"),
        ("train.jsonl", '{"y": 1}\n', "'.jsonl' is not the suffix of a table"),
        ("train.parquet", HEADER + ROWS, "it is no Parquet file"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    assert words in refusal(own(tmp_path, text, name))


def test_packed_tables_are_read(tmp_path: Path) -> None:
    packed = tmp_path / "train.Tsv.GZ"
    packed.write_bytes(gzip.compress((HEADER + ROWS).replace(",", "\t").encode()))
    assert [row["y"] for row in open_file(packed).rows] == ["1", "0", "1", "0"]


def test_cells_may_be_longer_than_a_library_expects(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"sequence\n{'ACGU' * 40_000}\n")
    assert [len(row["sequence"]) for row in open_file(tmp_path / "t.csv").rows] == [160_000]


def test_columnar_tables_go_through_the_same_checks(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    cells = [pa.array(["GG", "AA"]), pa.array([1.0, None]), pa.array([1, 0])]
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.Table.from_arrays(cells, names=["sequence", "y", "y "]), path)
    with pytest.raises(BenchError, match="columns 2 and 3 are both called 'y'"):
        open_file(path)
    parquet.write_table(pa.Table.from_arrays(cells, names=["sequence", "y", "z"]), path)
    data = own(tmp_path, "")
    data = OwnData((path,), data.test, "sequence", "binary", ("y",), classes=("0", "1"))
    assert "t.parquet, row 2: no label is known" in refusal(data)


@pytest.mark.parametrize(
    ("problem", "cells", "labels", "values"),
    [
        ("multiclass", ["((..))", "[[..]]"], "().[]", [[0, 0, 2, 2, 1, 1], [3, 3, 2, 2, 4, 4]]),
        ("multiclass", ["[[..]]", "((..))"], "().[]", [[3, 3, 2, 2, 4, 4], [0, 0, 2, 2, 1, 1]]),
        ("multiclass", ['"a,NA,b,,a,a"', '"b,b,b,b,b,b"'],
         "ab", [[0, None, 1, None, 0, 0], [1] * 6]),
        ("multiclass", ["a NA  b nan a a", "b b b b b b"],
         "ab", [[0, None, 1, None, 0, 0], [1] * 6]),
        ("multiclass", ["\"['a', 'b', None, 'a', 'a', 'b']\"", "\"['b' 'b' 'a' 'b' 'b' 'b']\""],
         "ab", [[0, 1, None, 0, 0, 1], [1, 1, 0, 1, 1, 1]]),
        ("regression", ['"0.5,,1,NA,2e0,-1"', '"1,1,1,1,1,1"'], "y",
         [[0.5, None, 1, None, 2, -1], [1] * 6]),
        ("regression", ['"[1, null, 2, 3, 4, 5]"', "[1 1 1 1 1 1]"], "y",
         [[1, None, 2, 3, 4, 5], [1] * 6]),
    ],
)  # fmt: skip
def test_a_value_a_base_keeps_its_place(
    tmp_path: Path, problem: str, cells: list[str], labels: str, values: list[list[Any]]
) -> None:
    text = HEADER + "".join(f"GGACUA,{cell}\n" for cell in cells)
    data = own(tmp_path, text, level="token", problem=problem, test=text)
    named, found = items(data)
    assert named == (tuple(labels) if problem == "multiclass" else ("y",))
    for item, expected in zip(found, values, strict=True):
        known = [np.nan if value is None else value for value in expected]
        np.testing.assert_array_equal(item.labels[:, 0], known)


@pytest.mark.parametrize(
    ("problem", "cells", "words"),
    [
        ("multiclass", ["EEHHEE", "NA"], "row 2: no label is known; remove the row"),
        ("multiclass", ["EEHHEE", "EEHHE"], "column 'y': there are 5 values (letters) for 6"),
        ("multiclass", ["EEHHEE", "EE HEE"], "row 2, column 'y': a blank stands among letters"),
        ("multiclass", ["EEHHEE", '"EEH,EE"'], "row 2, column 'y': a comma stands among letters"),
        ("multiclass", ["E E H H E E", "EEHHEE"], "row 2, column 'y': there is 1 value between bl"),
        ("multiclass", ["E E H H E E", "E E H E E"], "row 2, column 'y': there are 5 values"),
        ("regression", ["01101001", "1 1 1 1 1 1"], "row 1, column 'y': there is 1 value between"),
        ("multilabel", ["011010", "1 1 1 1 1 1"], "row 1, column 'y': there is 1 value bet"),
        ("multilabel", ["0 1 1 0 1 2", "1 1 1 1 1 1"], "row 1, column 'y', base 6: 2 is neither"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_placed_are_refused(
    tmp_path: Path, problem: str, cells: list[str], words: str
) -> None:
    text = HEADER + "".join(f"GGACUA,{cell}\n" for cell in cells)
    assert words in refusal(own(tmp_path, text, level="token", problem=problem, test=text))


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        ("+-", ("-", "+")), (["Yes", "No"], ("No", "Yes")),
        (["AMP", "non-AMP"], ("non-AMP", "AMP")),
        (["true", "false"], ("false", "true")), (["Control", "Case"], ("Control", "Case")),
        (["coding", "noncoding"], ("noncoding", "coding")), (["1.0", "0.0"], ("0.0", "1.0")),
        (["active", "inactive"], ("inactive", "active")),
        (["bound", "unbound"], ("unbound", "bound")),
    ],
)  # fmt: skip
def test_known_conventions_say_which_class_is_positive(
    tmp_path: Path, found: Sequence[str], labels: tuple[str, str]
) -> None:
    text = HEADER + "".join(f"ACGU{base},{found[n % 2]}\n" for n, base in enumerate("ACGU"))
    named, read = items(own(tmp_path, text, test=text))
    assert named == labels
    assert [named[item.label] for item in read] == [found[0], found[1]] * 2


def test_a_label_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.fa").write_text(">s0\nACGU\n>s1\nGGGU\n")
    data = own(tmp_path, "id,y\ns0,0\ns1,1\ns0,1\n")
    data = OwnData((tmp_path / "train.fa", *data.train), data.test, "sequence", "binary", ("y",))
    assert "train.csv, row 3: the id 's0' stands in row 1 already" in refusal(data)


def test_a_task_is_called_by_all_that_its_figures_follow_from(tmp_path: Path) -> None:
    data = own(tmp_path, HEADER + ROWS)
    kinds: list[dict[str, Any]] = [
        {}, {"problem": "multiclass"}, {"problem": "regression"}, {"problem": "multilabel"},
        {"classes": ("1", "0")}, {"metric": "auprc"}, {"split_by": "similarity"},
        {"validation": data.test},
    ]  # fmt: skip
    made = [declare(OwnData(**{**vars(data), **kind}), tmp_path / "own") for kind in kinds]
    other = own(tmp_path, HEADER + ROWS + "GGGGGG,1\n")
    made.append(declare(other, tmp_path / "own"))
    assert len({task.name for task in made}) == len(kinds) + 1
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    again = declare(own(moved, HEADER + ROWS), tmp_path / "own")
    assert again.name == made[0].name
    assert str(moved) in (again.folder / "task.yaml").read_text()


def test_what_cannot_be_learned_is_said(tmp_path: Path) -> None:
    data = own(tmp_path, HEADER + ROWS.replace("0", "1"), problem="regression", split_by="group")
    task = declare(data, tmp_path / "own")
    with pytest.raises(BenchError, match="'y' is 1 in all items of train"):
        make_split(task, load_dataset(task, simulated=False), "own")
    data = own(tmp_path, HEADER + ROWS, problem="multiclass", classes=("0", "1", "2"))
    (tmp_path / "validation.csv").write_text(HEADER + "CCCCCC,2\nCCCCCU,2\n")
    data = replace(data, validation=(tmp_path / "validation.csv",))
    task = declare(data, tmp_path / "own")
    split = make_split(task, load_dataset(task, simulated=False), "own")
    assert unlearned(split, task) == [
        "no model can learn classes that stand in validation alone: 2 (2)"
    ]


def test_a_class_of_one_stays_in_train(tmp_path: Path) -> None:
    text = HEADER + "".join(f"{'ACGU'[n % 4]}{'ACGU'[n // 4]}GG,{'ab'[n % 2]}\n" for n in range(16))
    data = own(tmp_path, text + "UUUUUU,c\n", problem="multiclass", classes=("a", "b", "c"))
    task = declare(replace(data, test=(), split_by="item"), tmp_path / "own")
    split = make_split(task, load_dataset(task, simulated=False), "own")
    assert [item.sequence for item in split.train if item.label == 2] == ["UUUUUU"]


def test_what_was_cut_is_said() -> None:
    part = {"n_truncated": 4}
    record = {
        "split": {"n_train": 40, "n_validation": 4, "partly_read": {"train": part}},
        "tests": {"full": {"n": 9, "n_truncated": 0}, "other": {"n": 8, "n_truncated": 1}},
    }
    assert cut_in(record) == [
        "sequences over the limit of the model: 4 of 40 in train cut to their first bases; "
        "1 of 8 in test part other cut to their first bases"
    ]


SKIPPED = {
    ("sequence", "multiclass"): (
        "id,sequence,y\nr1,ACGU,a\nr2,AC!U,c\nr3,ACGU\nr4,ACGUA,b\nr4,AAAA,a\nr6,,a\nr7,GGGG,NA\n"
        "r8,UUUU,b\n",
        [2, 3, 5, 6, 7], ["ACGU", "ACGUA", "UUUU"], ("a", "b"),
    ),
    ("sequence", "regression"): (
        "sequence,y\nACGU,1\nACGUA,low\nAAAA,inf\nGGGG,2,3\nUUUU,2\n",
        [2, 3, 4], ["ACGU", "UUUU"], ("y",),
    ),
    ("token", "multiclass"): (
        "sequence,y\nACGU,H H\nACGU,H E E H\nACGU,HEEH\nACG,H E E\nACGU,H E E H E\n",
        [1, 3, 5], ["ACGU", "ACG"], ("E", "H"),
    ),
    ("contact", "binary"): (
        "sequence,y\nGGGAAACCC,(((...)))\nGGGAAACCC,(((...))\nGGGAAACCC,\nG,.\nGGAAACC,((...))\n",
        [2, 3, 4], ["GGGAAACCC", "GGAAACC"], (),
    ),
    ("pair", "binary"): (
        "first,second,y\nACGU,GGGG,0\nACGU,G!GG,1\nACGU,,1\nACGU,GGGG\nAAAA,UUUU,1\n",
        [2, 3, 4], ["ACGU", "AAAA"], ("0", "1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SKIPPED, ids="_".join)
def test_rows_that_cannot_be_read_are_left_out_if_that_is_asked_for(
    tmp_path: Path, kind: tuple[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    text, left_out, sequences, labels = SKIPPED[kind]
    (tmp_path / "t.csv").write_text(text)
    files = (tmp_path / "t.csv",)
    data = OwnData(files, files, *kind, ("y",), skip_invalid=True)
    with pytest.raises(DataError, match=r"\brow \d"):
        declare(replace(data, skip_invalid=False), tmp_path / "own")
    task = declare(data, tmp_path / "own")
    said = (task.dataset.tables or task.dataset.files)["train"]
    assert (list(said.left_out), said.records) == (left_out, len(sequences))
    assert task.dataset.left_out == 2 * len(left_out)
    assert task.labels == labels
    items = load_dataset(task, simulated=False).parts["train"]
    assert [getattr(item, "first", None) or item.sequence for item in items] == sequences
    assert len([line for line in caplog.messages if "left out: " in line]) == 2 * len(left_out)
    (tmp_path / "t.csv").write_text(text.splitlines()[0] + "\n!\n")
    with pytest.raises(DataError, match=r"none of its 1 rows|has 0 \(none\)"):
        declare(data, tmp_path / "own")


def test_records_without_a_row_and_rows_without_a_record_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text(">a\nACGU\n>b\nAC!U\n>c\nGGGG\n>d\nUUUU\n")
    (tmp_path / "y.csv").write_text("id,y\na,0\nb,0\nd,1\nd,0\ne,1\n")
    files = (tmp_path / "x.fa", tmp_path / "y.csv")
    data = OwnData(files, files, "sequence", "binary", ("y",))
    with pytest.raises(DataError):
        declare(data, tmp_path / "own")
    task = declare(replace(data, skip_invalid=True), tmp_path / "own")
    items = load_dataset(task, simulated=False).parts["train"]
    assert [(item.id, item.sequence, item.label) for item in items] == [
        ("a", "ACGU", 0), ("d", "UUUU", 1),
    ]  # fmt: skip
    assert task.dataset.left_out == 2 * 4
