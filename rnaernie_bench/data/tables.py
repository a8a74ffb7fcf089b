"""Tables: CSV, TSV, Parquet, Arrow and JSON files and hub sets, opened and checked alike."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.parquet import open_parquet
from rnaernie_bench.core.registry import did_you_mean, resolve
from rnaernie_bench.data.alphabet import checked_sequence
from rnaernie_bench.data.cells import Forms, text_of
from rnaernie_bench.data.items import Items
from rnaernie_bench.data.labels import Row, row_id
from rnaernie_bench.data.sources import find, locate
from rnaernie_bench.data.text import refuse_repeated, source_name
from rnaernie_bench.data.text_tables import read_text_table
from rnaernie_bench.metrics.problems import categorical
from rnaernie_bench.task.declaration import DataFile, Table
from rnaernie_bench.task.task import Task

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".arrow")
"""Those of local tables; text may be packed, with .gz behind."""

_COLUMNAR = (".parquet", ".arrow")
_JSON = (".json", ".json.gz", ".json.zip")
"""Endings of what pandas reads: a mapping of columns to mappings of rows, as it writes them."""
_CONVERTED = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), "save the spreadsheet as CSV"),
    **dict.fromkeys(
        (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"), "unpack it, or use gzip"
    ),
    ".feather": "write it as Parquet",
    ".h5": "write it as Parquet",
}
"""What is no table here -> what to make of it."""

INDEX = "index"
"""What the first column is called where it has no name: pandas and R write row names so."""

Refused = dict[int, DataError]
"""What is wrong with rows, by their numbers."""

_BATCH = 256
"""Rows of a Parquet file at a time: a cell may have millions of letters, and be repeated."""
_UNIQUE = "ids are unique within a part: rename one"


@dataclass(frozen=True)
class Opened:
    """A table whose columns are known, and whose rows are yet to be read, once."""

    place: str
    columns: tuple[str, ...]
    rows: Iterable[Mapping[str, Any] | DataError]
    """What is wrong with a row stands in its place."""

    def require(self, columns: Mapping[str, str | None]) -> None:
        """Refuse a table without columns that are needed.

        Args:
            columns: by role; None where a role needs none.

        Raises:
            DataError: naming the first that is missing.
        """
        for role, column in columns.items():
            if column is not None and column not in self.columns:
                raise DataError(
                    f"there is no column '{column}' for {role}",
                    where=self.place,
                    remedy=did_you_mean(column, list(self.columns)),
                )

    def placed(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield place and cells of each row.

        Raises:
            DataError: if there is none, or one is not as wide as the header.
        """
        return ((where, row) for _, where, row in self.numbered())

    def numbered(
        self, left_out: Collection[int] = (), refused: Refused | None = None
    ) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Yield number, from 1, place and cells of each row, as `placed` does.

        Args:
            left_out: the numbers of rows that are passed over.
            refused: receives what is wrong with rows, in place of an error.
        """
        number = 0
        for number, row in enumerate(self.rows, start=1):
            if number in left_out:
                continue
            if isinstance(row, DataError):
                with skipping(number, refused):
                    raise row
                continue
            yield number, f"{self.place}, row {number}", row
        if not number:
            raise DataError("the table has no row", where=self.place, remedy="give one with rows")


def read_table(table: Table, task: Task, *, refused: Refused | None = None) -> Items:
    """Read one tabular part.

    Args:
        table: where it lies and how its columns are called.
        task: whose items it holds.
        refused: receives what is wrong with rows, in place of an error.

    Raises:
        DataError: if the table cannot be read, lacks a column or is not the one that is pinned;
            naming the row, from 1, of a missing value, an unknown label, a foreign letter or an id
            that stood before.
    """
    opened = open_table(table)
    opened.require(_needed(table, task))
    read = resolve(task.level_entry.read_row)
    first: dict[str, str] = {}
    items: list[Any] = []
    forms, count = Forms(), 0
    for number, where, row in opened.numbered(frozenset(table.left_out), refused):
        with skipping(number, refused, forms):
            if table.id in opened.columns:
                identity = text_of(row, table.id, where)
            else:
                identity = row_id(number, table.source, task)
            refuse_repeated(identity, f"row {number}", first, where, _UNIQUE)
            sequence = checked_sequence(text_of(row, table.sequence, where), where)
            group = text_of(row, table.group, where) if table.group else ""
            item = read(Row(row, identity, sequence, group, where, forms), table, task)
            count += 1
            if item is not None:
                items.append(item)
    if table.records and count != table.records and refused is None:
        raise DataError(
            f"the table has {count} rows, the task declares {table.records}",
            where=opened.place,
            remedy="correct its `records` in the task",
        )
    return _merged(items) if table.repeats == "mean" else tuple(items)


def _merged(items: Sequence[Any]) -> Items:
    """Return items of which those of one input are one, with the mean of what each tells."""
    alike: dict[Any, list[Any]] = {}
    for item in items:
        alike.setdefault(item.input, []).append(item)
    return tuple(
        replace(same[0], label=tuple(map(fmean, zip(*(i.label for i in same), strict=True))))
        for same in alike.values()
    )


@contextmanager
def skipping(number: int, refused: Refused | None, forms: Forms | None = None) -> Iterator[None]:
    """Keep what is wrong with a row, if that is asked for; it then says nothing of other rows.

    Args:
        number: of the row.
        refused: receives the error; None: it is raised.
        forms: what rows said of the columns, which is put back.
    """
    before = dict(forms.known) if forms and refused is not None else {}
    try:
        yield
    except DataError as error:
        if refused is None:
            raise
        refused[number] = error
        if forms:
            forms.known = before


def _needed(table: Table, task: Task) -> dict[str, str | None]:
    """Return the columns that the items of a task are read from, by role."""
    level = task.level_entry
    needed = {"the sequence": table.sequence, "the group": table.group}
    if categorical(task.problem):
        needed["the label"] = table.label
    if not task.decodes:
        needed |= {f"the {role}": getattr(table, column) for role, column in level.columns.items()}
    for role, named in (("label", table.labels), ("error", table.errors)):
        needed |= {f"the {role} '{label}'": column for label, column in named.items()}
    if table.id != "id":  # the default may be missing: row numbers serve instead
        needed["the id"] = table.id
    return needed


def open_table(table: Table, *, streaming: bool = False) -> Opened:
    """Open a table as a task declares it, with class labels as text.

    Args:
        table: where it lies.
        streaming: whether a hub set is read as it arrives; local tables always are.

    Raises:
        DataError: if the table cannot be read, now or on the way.
    """
    if is_table(table.source):
        return open_file(
            _local(table), header=table.header, separator=table.separator, comment=table.comment
        )
    if table.revision is None:
        raise DataError(
            "a hub set needs a revision, so that its content is pinned",
            where=table.source,
            remedy="add `revision: <commit>`; local tables end in " + ", ".join(ENDINGS),
        )
    return _hub(table, streaming)


def open_file(
    source: Path | str, *, header: tuple[str, ...] = (), separator: str = "", comment: str = ""
) -> Opened:
    """Open a local table: by its name Parquet, Arrow or JSON, else CSV or TSV.

    Args:
        source: a path, or `-` for standard input.
        header: the names of the columns of a text file without a line of names.
        separator: what stands between the cells of a text file, if not a comma or a tab.
        comment: how lines of a text file begin that are passed over.

    Raises:
        DataError: if it cannot be read, now or on the way; if its name is not that of a table; or
            if a column but the first has no name, or the name of another.
    """
    place, ending = source_name(source), _ending(str(source))
    if ending in _CONVERTED and not str(source).endswith(_JSON):
        what = f"{ending} is not the suffix of a table"
        raise DataError(what, where=place, remedy=_CONVERTED[ending])
    try:
        if str(source).endswith(_JSON):
            return _opened(place, *_json(Path(source)))
        if ending in _COLUMNAR:
            return _opened(place, *_columnar(Path(source), ending))
        found = read_text_table(source, header, separator=separator, comment=comment)
        return _opened(place, *found)
    except DataError:
        raise
    except Exception as error:  # pyarrow and pandas each raise their own
        raise _unreadable(error, place) from error


def _opened(
    place: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any] | DataError],
    classes: Mapping[str, Sequence[str]] | None = None,
) -> Opened:
    """Return a table of columns in their order; `classes` names those that are kept as numbers."""
    names = _named(columns, place)
    coded = [(place, (classes or {})[c]) for place, c in enumerate(columns) if c in (classes or {})]

    def read() -> Iterator[Mapping[str, Any] | DataError]:
        try:
            for cells in rows:
                if isinstance(cells, DataError):
                    yield cells
                    continue
                row = dict(zip(names, cells, strict=True))
                for place_, of in coded:
                    code = row[names[place_]]  # -1 stands for no label
                    row[names[place_]] = None if code is None or code < 0 else of[code]
                yield row
        except DataError:
            raise
        except Exception as error:  # a stream meets damage only where it is
            raise _unreadable(error, place) from error

    return Opened(place, names, read())


def _named(columns: Sequence[str], place: str) -> tuple[str, ...]:
    """Return the names of columns without outer blanks; the first may have none.

    Raises:
        DataError: naming a column, from 1, that has no name, or the name of another.
    """
    named = [column.strip() for column in columns]
    if len(named) > 1 and not named[0]:
        named[0] = INDEX
        while named[0] in named[1:]:
            named[0] += "_"
    for number, column in enumerate(named, start=1):
        if not column.isprintable():
            what = f"the name of column {number} has what cannot be seen: {column!r}"
            raise DataError(what, where=place, remedy="write it anew")
        first = named.index(column) + 1
        if not column or first != number:
            raise DataError(
                f"column {number} has no name" if not column
                else f"columns {first} and {number} are both called '{column}'",
                where=place,
                remedy="name it in the header, or remove it" if not column else "rename one",
            )  # fmt: skip
    return tuple(named)


def is_table(source: str) -> bool:
    """Return whether a name is that of a local table."""
    return source.endswith(_JSON) or _ending(source) in ENDINGS


def _ending(source: str) -> str:
    """Return the end of a name that tells the kind of a table, in lower case, `.gz` apart."""
    name = Path(source).name.lower()
    ending = Path(name.removesuffix(".gz")).suffix
    return ".gz" if name.endswith(".gz") and ending in _COLUMNAR else ending


def _json(path: Path) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    import pandas as pd

    table = pd.read_json(path)
    return tuple(map(str, table.columns)), table.itertuples(index=False, name=None)


def _columnar(
    path: Path, ending: str
) -> tuple[Sequence[str], Iterable[Sequence[Any]], Mapping[str, Sequence[str]]]:
    """Open a Parquet file, or an Arrow file in either of its formats, batch by batch."""
    import pyarrow as pa

    batches: Iterable[Any]
    if ending == ".parquet":
        file = open_parquet(path, strange=True)
        schema, batches = file.schema_arrow, file.iter_batches(batch_size=_BATCH)
    else:
        mapped = pa.memory_map(str(path))
        try:
            batches = stream = pa.ipc.open_stream(mapped)
            schema = stream.schema
        except pa.ArrowInvalid:
            reader = pa.ipc.open_file(mapped)
            schema = reader.schema
            batches = map(reader.get_batch, range(reader.num_record_batches))
    rows = (
        row
        for batch in batches
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return schema.names, rows, _class_names(schema.metadata or {})


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, Sequence[str]]:
    """Return the names of the classes that `datasets` keeps as numbers, by column."""
    info = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {})
    return {
        column: feature["names"]
        for column, feature in (info.get("features") or {}).items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }


def _hub(table: Table, streaming: bool) -> Opened:
    """Open a hub set."""
    import datasets

    place = f"{table.source}@{table.revision}, split {table.split}"
    try:
        found = datasets.load_dataset(
            table.source, revision=table.revision, split=table.split, streaming=streaming
        )
    except Exception as error:  # datasets and the hub each raise their own
        raise _unreadable(error, place) from error
    features = found.features or datasets.Features()
    classes = {c: f.names for c, f in features.items() if isinstance(f, datasets.ClassLabel)}
    rows = ([row[column] for column in features] for row in found)
    return _opened(place, tuple(features), rows, classes)


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
