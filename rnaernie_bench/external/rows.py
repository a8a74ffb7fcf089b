"""Rows of tables, one at a time: CSV and TSV, plain or gzip, and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.text import read_lines, source_name

LONGEST_CELL = 1 << 27
"""Letters of a cell: a list with a number for each pair of bases is longer than the 131,072 that
Python allows."""

ROWS_AT_ONCE = 1024
"""Of Parquet: what is held in memory."""


@dataclass(frozen=True)
class Rows:
    """A table that is read as it is asked for."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[str, Mapping[str, Any]]]
    """The place of each row, for messages, and its cells by column: text, but of Parquet what it
    holds."""


def open_rows(source: Path | str, header: Sequence[str] = ()) -> Rows:
    """Open a table: Parquet by the end of its name, else text.

    A tab in the first line of text tells TSV. A cell in quotes may hold separators and line ends.

    Args:
        source: a path, or `-` for standard input.
        header: the names of the columns of text without a line of names.

    Raises:
        DataError: naming the line, if the file cannot be read or is empty, if a column is named
            twice, or, on the way, for a row of another width than the header.
    """
    if str(source).endswith(".parquet"):
        return _parquet(Path(source))
    return _text(source, header)


def _text(source: Path | str, header: Sequence[str]) -> Rows:
    name = source_name(source)
    lines = read_lines(source, outer="\r\n")  # a tab at an end parts off an empty cell
    top, first = next(lines, (0, ""))
    if not top:
        raise DataError("the file is empty", where=name, remedy="give a CSV or TSV file")
    reached = top

    def texts() -> Iterator[str]:
        nonlocal reached
        yield f"{first}\n"
        for number, line in lines:
            reached = number
            yield f"{line}\n"

    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(texts(), delimiter="\t" if "\t" in first else ",", strict=True)

    def records() -> Iterator[tuple[str, list[str]]]:
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataError(
                    f"the row is no CSV: {error}",
                    where=f"{name}, line {reached}",
                    remedy="close its quotes, and double those inside of cells",
                ) from error
            yield f"{name}, line {reached}", [cell.strip() for cell in cells]

    found = records()
    columns = tuple(header) or tuple(next(found)[1])
    if len(set(columns)) != len(columns):
        raise DataError("a column is named twice", where=f"{name}, line {top}", remedy="rename one")

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for where, cells in found:
            if len(cells) != len(columns):
                raise DataError(
                    f"the row has {len(cells)} cells, the header {len(columns)}",
                    where=where,
                    remedy="give every row as many cells as the header has",
                )
            yield where, dict(zip(columns, cells, strict=True))

    return Rows(columns, rows())


def _parquet(path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def unreadable(error: Exception) -> DataError:
        return DataError(
            f"the table cannot be read: {error}", where=path, remedy="give a Parquet file"
        )

    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(error) from error

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
        except (OSError, pa.ArrowException) as error:
            raise unreadable(error) from error

    return Rows(tuple(file.schema_arrow.names), rows())
