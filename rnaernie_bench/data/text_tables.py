"""CSV and TSV tables, read strictly: no cell comes to stand under another column's name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.text import read_lines, source_name

Numbered = Iterator[tuple[int, str]]

WIDEST = 2**31 - 1
"""The most letters of a cell; the default of `csv` is 131,072."""


def read_text_table(
    source: Path | str, header: tuple[str, ...] = (), *, separator: str = "", comment: str = ""
) -> tuple[tuple[str, ...], Iterator[list[str] | DataError]]:
    """Return the header of a table and the cells of its rows, without outer blanks.

    Of a row of another width than the header, what is wrong comes in place of its cells.

    Cells are between tabs where the name ends in ``.tsv`` or ``.tab``, or the first line has a tab;
    else between commas, or what `separator` says. Quotes hold a cell of a CSV file together. A cell
    of a TSV file is taken out of quotes that enclose it whole, and all other quotes are letters.

    Args:
        source: a path, or `-` for standard input; plain or gzip.
        header: the names of the columns of a file without a line of names.
        separator: one letter between cells; empty: a comma or a tab.
        comment: how lines begin that are passed over; empty: none are.

    Raises:
        DataError: naming the line of a quote that does not close in its row; or if the file is
            empty or cannot be read.
    """
    name = source_name(source)
    lines = read_lines(source, outer="\r\n")  # a tab at an end parts off an empty cell
    if comment:
        lines = ((number, line) for number, line in lines if not line.startswith(comment))
    first = next(lines, None)
    if first is None:
        raise DataError("the table is empty", where=name, remedy="give one with rows")
    tabs = Path(name.removesuffix(".gz")).suffix.lower() in (".tsv", ".tab") or "\t" in first[1]
    tabs = separator == "\t" if separator else tabs
    records = _records(_from(first, lines), name, tabs=tabs, separator=separator or ",")
    columns = header
    if not columns:
        _, cells = next(records)
        columns = tuple(cells)
    if len(columns) == 1 and ";" in columns[0]:
        raise DataError(
            "cells stand between semicolons",
            where=name,
            remedy="write commas or tabs between them, and decimal points",
        )
    return columns, _rows(records, len(columns), name)


def _from(first: tuple[int, str], lines: Numbered) -> Numbered:
    yield first
    yield from lines


def _rows(
    records: Iterator[tuple[list[tuple[int, str]], list[str]]], width: int, name: str
) -> Iterator[list[str] | DataError]:
    """Yield the cells of rows that are as wide as the header, and what is wrong with others."""
    for row, (lines, cells) in enumerate(records, start=1):
        where = f"{name}, line {lines[0][0]} (row {row})"
        wide = len(cells) == width
        for number, line in lines[1:]:
            if line.count(",") + 1 >= width:  # a row of its own, which a quote has swallowed
                raise DataError(
                    f"a quote opens here and closes in line {lines[-1][0]}, across line {number}",
                    where=where,
                    remedy="close it in its row, or write it twice where it is a letter",
                )
        yield (
            cells
            if wide
            else DataError(
                f"the row has {len(cells)} cells, the header {width}",
                where=where,
                remedy=_narrower_or_wider(cells, width),
            )
        )


def _narrower_or_wider(cells: list[str], width: int) -> str:
    if len(cells) > width and not any(cells[width:]):
        return "take the commas off its end, or name the columns in the header"
    if len(cells) == width + 1:
        return (
            "give the column without a name one in the header, and put cells with commas in quotes"
        )
    return "give every row as many cells as the header has"


def _records(
    lines: Numbered, name: str, *, tabs: bool, separator: str
) -> Iterator[tuple[list[tuple[int, str]], list[str]]]:
    """Yield the lines of each record, and its cells."""
    if tabs:
        for number, line in lines:
            yield [(number, line)], [_unquoted(cell.strip()).strip() for cell in line.split("\t")]
        return
    taken: list[tuple[int, str]] = []

    def fed() -> Iterator[str]:
        for numbered in lines:
            taken.append(numbered)
            yield numbered[1] + "\n"

    csv.field_size_limit(WIDEST)
    try:
        reader = csv.reader(fed(), strict=True, skipinitialspace=True, delimiter=separator)
        while True:
            taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            yield list(taken), [cell.strip() for cell in cells]
    except csv.Error as error:
        open_quote = "end of data" in str(error)
        raise DataError(
            "a quote opens and never closes" if open_quote else f"the row is no CSV: {error}",
            where=f"{name}, line {taken[0][0] if taken else 1}",
            remedy="put whole cells in quotes, and write a quote in them twice",
        ) from error


def _unquoted(cell: str) -> str:
    """Return a cell of a TSV file without quotes that enclose it, as R and pandas write them."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1].replace('""', "\0")
        if '"' not in inner:
            return inner.replace("\0", '"')
    return cell
