"""Tabular parts, read by the `datasets` library: local Arrow, Parquet and CSV files, hub sets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.paths import cache_folder
from rnaernie_bench.core.registry import did_you_mean, resolve
from rnaernie_bench.data.alphabet import checked_sequence
from rnaernie_bench.data.items import Items
from rnaernie_bench.data.labels import Row, text_of
from rnaernie_bench.data.sources import find, locate
from rnaernie_bench.data.text import refuse_repeated
from rnaernie_bench.metrics.problems import categorical
from rnaernie_bench.task.declaration import DataFile, Table
from rnaernie_bench.task.task import Task

_BUILDERS: Mapping[str, str] = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
"""File ending -> builder of `datasets`."""

ENDINGS = tuple(_BUILDERS)
"""Those of local tables."""

_UNIQUE = "ids are unique within a part: rename one"

_JSON = (".json", ".json.gz", ".json.zip")
"""Endings of what pandas reads: a mapping of columns to mappings of rows, as it writes them."""


def read_table(table: Table, task: Task) -> Items:
    """Read one tabular part.

    Args:
        table: where it lies and how its columns are called.
        task: whose items it holds.

    Raises:
        DataError: if the table cannot be read, lacks a column or is not the one that is pinned;
            naming the row, from 1, of a missing value, an unknown label, a foreign letter or an id
            that stood before.
    """
    place, rows, columns = open_table(table)
    needed = {"sequence": table.sequence, "group": table.group}
    if categorical(task.problem):
        needed["label"] = table.label
    level = task.level_entry
    needed |= {role: getattr(table, column) for role, column in level.columns.items()}
    for role, named in (("label", table.labels), ("error", table.errors)):
        needed |= {f"{role} '{label}'": column for label, column in named.items()}
    if table.id != "id":  # the default may be missing: row numbers serve instead
        needed["id"] = table.id
    for role, column in needed.items():
        if column is not None and column not in columns:
            raise DataError(
                f"there is no column '{column}' for the {role}",
                where=place,
                remedy=did_you_mean(column, list(columns)),
            )
    read = resolve(level.read_row)
    first: dict[str, str] = {}
    items: list[Any] = []
    number = 0
    for number, row in enumerate(rows, start=1):
        where = f"{place}, row {number}"
        identity = text_of(row, table.id, where) if table.id in columns else str(number)
        refuse_repeated(identity, f"row {number}", first, where, _UNIQUE)
        sequence = checked_sequence(text_of(row, table.sequence, where), where)
        group = text_of(row, table.group, where) if table.group else ""
        item = read(Row(row, identity, sequence, group, where), table, task)
        if item is not None:
            items.append(item)
    if not number:
        raise DataError("the table has no row", where=place, remedy="give one with rows")
    if table.records and number != table.records:
        raise DataError(
            f"the table has {number} rows, the task declares {table.records}",
            where=place,
            remedy="correct its `records` in the task",
        )
    return tuple(items)


def open_table(
    table: Table, *, streaming: bool = False
) -> tuple[str, Iterable[Mapping[str, Any]], tuple[str, ...]]:
    """Return a table's place, its rows with class labels as text, and its columns.

    Args:
        table: where it lies.
        streaming: whether a hub set is read as it arrives; local tables always are.

    Raises:
        DataError: if the table cannot be read, now or on the way.
    """
    import datasets

    try:
        if table.source.endswith(_JSON):
            return _json(_local(table))
        if Path(table.source).suffix in _BUILDERS:
            path = _local(table)
            place, rows = str(path), _stream(path, table.header)
        else:
            if table.revision is None:
                raise DataError(
                    "a hub set needs a revision, so that its content is pinned",
                    where=table.source,
                    remedy="add `revision: <commit>`; local tables end in " + ", ".join(_BUILDERS),
                )
            place = f"{table.source}@{table.revision}, split {table.split}"
            rows = datasets.load_dataset(
                table.source, revision=table.revision, split=table.split, streaming=streaming
            )
        features = rows.features or datasets.Features()
        names = {c: f for c, f in features.items() if isinstance(f, datasets.ClassLabel)}
        return place, _rows(rows, names, place), tuple(features)
    except DataError:
        raise
    except Exception as error:  # datasets, pyarrow, pandas and the hub each raise their own
        raise _unreadable(error, table.source) from error


def _json(path: Path) -> tuple[str, Iterable[Mapping[str, Any]], tuple[str, ...]]:
    import pandas as pd  # type: ignore[import-untyped]

    table = pd.read_json(path)
    return str(path), table.to_dict("records"), tuple(table.columns)


def _stream(path: Path, header: tuple[str, ...]) -> Any:
    """Open a local table as a stream, which writes no copy of it into a cache."""
    import datasets

    builder = _BUILDERS[path.suffix]
    options: dict[str, Any] = {}
    if builder == "csv":  # as text: pandas would read 007 as a number and NAN as nothing
        delimiter = "\t" if path.suffix == ".tsv" else ","
        with path.open(encoding="utf-8-sig", newline="") as stream:
            columns = list(header) or next(csv.reader(stream, delimiter=delimiter), [])
        text = datasets.Features({column: datasets.Value("string") for column in columns})
        options = {
            "features": text, "na_filter": False, "encoding": "utf-8-sig", "sep": delimiter,
            **({"names": columns, "header": None} if header else {}),
        }  # fmt: skip
    return datasets.load_dataset(
        builder,
        data_files=str(path),
        split="train",
        streaming=True,
        cache_dir=str(cache_folder() / "datasets"),  # for its lock files
        **options,
    )


def _rows(
    rows: Iterable[Mapping[str, Any]], names: Mapping[str, Any], place: str
) -> Iterable[Mapping[str, Any]]:
    """Yield rows with the integers of ClassLabel columns replaced by their names."""
    iterator = iter(rows)
    while True:
        try:
            row = dict(next(iterator))
        except StopIteration:
            return
        except Exception as error:  # a stream meets damage only where it is
            raise _unreadable(error, place) from error
        for column, feature in names.items():
            if row[column] is not None and row[column] >= 0:  # -1 stands for no label
                row[column] = feature.int2str(row[column])
            else:
                row[column] = None
        yield row


def _unreadable(error: Exception, place: str) -> DataError:
    cause = error.__cause__ or error  # datasets wraps the reader's own error in a vaguer one
    return DataError(
        f"the table cannot be read: {type(cause).__name__}: {cause}",
        where=place,
        remedy="check the file, or the hub id, revision and split",
    )


def _local(table: Table) -> Path:
    if table.sha256:
        return locate(DataFile(table.source, table.sha256, table.records, table.url))
    found = find(table.source)
    if found is None:
        raise DataError(
            "the table is in no folder of RNAERNIE_BENCH_DATA",
            where=table.source,
            remedy="set RNAERNIE_BENCH_DATA to its folder",
        )
    return found
