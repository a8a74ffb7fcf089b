from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import SequenceItem
from rnaernie_bench.data.tables import read_table
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import load_task

TASK = replace(load_task("ncrna_cls"), labels=("tRNA", "miRNA"), types={})
COLUMNS = {"id": ["a", "b"], "sequence": ["acgt", "NANAN"], "label": ["miRNA", "tRNA"]}


def write_csv(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_parquet(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(dict(columns)), path)


def write_arrow_file(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    import pyarrow as pa

    table = pa.table(dict(columns))
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def write_arrow_stream(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    import pyarrow as pa

    table = pa.table(dict(columns))
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    return tmp_path


def failure(table: Table) -> str:
    with pytest.raises(DataError) as caught:
        read_table(table, TASK)
    return str(caught.value)


def test_a_table_without_rows_is_refused(folder: Path) -> None:
    write_csv(folder / "t.csv", {column: [] for column in COLUMNS})
    assert "t.csv: the table has no row" in failure(Table("t.csv"))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.csv", write_csv),
        ("t.parquet", write_parquet),
        ("t.arrow", write_arrow_file),
        ("t.arrow", write_arrow_stream),
    ],
)
def test_every_format_reads_alike_and_leaves_no_copy(
    folder: Path, name: str, write: Callable[..., None]
) -> None:
    import datasets

    write(folder / name, COLUMNS)
    copies = Path(datasets.config.HF_DATASETS_CACHE)
    before = set(copies.rglob("*")) if copies.exists() else set()
    assert read_table(Table(name), TASK) == (
        SequenceItem("a", "ACGU", 1),
        SequenceItem("b", "NANAN", 0),
    )
    assert (set(copies.rglob("*")) if copies.exists() else set()) == before


def test_columns_have_the_declared_names(folder: Path) -> None:
    columns = {"name": ["007"], "rna": ["NANA"], "class": ["tRNA"], "family": ["RF5"]}
    write_csv(folder / "t.csv", columns)
    table = Table("t.csv", id="name", sequence="rna", label="class", group="family")
    assert read_table(table, TASK) == (SequenceItem("007", "NANA", 0, "RF5"),)


def test_row_numbers_serve_where_there_are_no_ids(folder: Path) -> None:
    write_parquet(folder / "t.parquet", {key: COLUMNS[key] for key in ("sequence", "label")})
    assert [item.id for item in read_table(Table("t.parquet"), TASK)] == ["1", "2"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Table("t.csv", sequence="seqence"), "no column 'seqence' for the sequence; did you mean"),
        (Table("t.csv", label="labels"), "no column 'labels' for the label"),
        (Table("t.csv", group="gene"), "no column 'gene' for the group"),
        (Table("t.csv", id="name"), "no column 'name' for the id"),
    ],
)
def test_a_missing_column_is_named(folder: Path, table: Table, words: str) -> None:
    write_csv(folder / "t.csv", COLUMNS)
    assert words in failure(table)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("label", ["tRNA", "miRNAs"], "row 2: unknown label 'miRNAs'; did you mean miRNA"),
        ("label", ["tRNA", ""], "row 2: no label is known"),
        ("sequence", ["ACGT", "ACJT"], "row 2: foreign letter 'J' at position 3"),
        ("sequence", [None, "ACGT"], "row 1: the column 'sequence' is empty"),
        ("id", ["a", "a"], "row 2: the id 'a' stands in row 1 already"),
    ],
)
@pytest.mark.parametrize(("name", "write"), [("t.csv", write_csv), ("t.parquet", write_parquet)])
def test_a_wrong_row_is_named(
    folder: Path,
    name: str,
    write: Callable[..., None],
    column: str,
    values: list[str | None],
    words: str,
) -> None:
    write(folder / name, {**COLUMNS, column: values})
    message = failure(Table(name))
    assert message.startswith(str(folder / name))
    assert words in message


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_damaged_table_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff\xfe\x00 nothing of the kind \x00")
    message = failure(Table(name))
    assert name in message
    assert "cannot be read" in message
    assert "\n" not in message


def test_a_missing_table_is_refused() -> None:
    assert "none.csv: the table is in no folder of RNAERNIE_BENCH_DATA" in failure(
        Table("none.csv")
    )


def test_a_hub_set_is_asked_for_by_revision_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    features = datasets.Features(
        {
            "sequence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["miRNA", "tRNA"]),
        }
    )
    asked: list[object] = []

    def load(name: str, *, revision: str, split: str, streaming: bool) -> datasets.Dataset:
        asked.extend([name, revision, split, streaming])
        columns = {"sequence": ["ACGT", "GG"], "label": [1, 0]}
        return datasets.Dataset.from_dict(columns, features=features)

    monkeypatch.setattr(datasets, "load_dataset", load)
    items = read_table(Table("someone/rnas", split="test", revision="0123abc"), TASK)
    assert asked == ["someone/rnas", "0123abc", "test", False]
    assert items == (SequenceItem("1", "ACGU", 0), SequenceItem("2", "GG", 1))


def test_an_unlabelled_row_of_a_hub_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    features = datasets.Features(
        {"sequence": datasets.Value("string"), "label": datasets.ClassLabel(names=["tRNA"])}
    )
    rows = datasets.Dataset.from_dict({"sequence": ["A"], "label": [-1]}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *arguments, **options: rows)
    message = failure(Table("someone/rnas", revision="0123abc"))
    assert message.startswith("someone/rnas@0123abc, split train, row 1: no label is known")


def test_a_hub_set_without_a_revision_is_refused() -> None:
    message = failure(Table("someone/rnas"))
    assert message.startswith("someone/rnas: a hub set needs a revision")
    assert ".parquet" in message
