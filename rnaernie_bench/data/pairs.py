"""Tables of pairs: CSV or TSV, checked line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.alphabet import normalise, refuse_foreign
from rnaernie_bench.data.text import read_lines, source_name
from rnaernie_bench.task.single_table import PairColumns


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two named sequences, for prediction."""

    first_id: str
    first: str
    second_id: str
    second: str


def read_named_pairs(source: Path | str, columns: PairColumns) -> Iterator[NamedPair]:
    """Yield the pairs of a table without labels, for prediction; a partner's name is its id.

    Args:
        source: a path, or `-` for standard input.
        columns: what they mean; a partner without a column of names is called by its row.

    Raises:
        DataError: as `pair_rows` does, and for an id that stands for two sequences.
    """
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for number, (where, row) in enumerate(pair_rows(source, columns, labelled=False), start=1):
        named = []
        for partner, column in (("first", columns.first_group), ("second", columns.second_group)):
            sequence = strand_of(row, columns, partner, where)
            name = row[column] if column else str(number)
            if not name:
                raise DataError(
                    f"the column '{column}' is empty", where=where, remedy="complete the row"
                )
            before, place = known.setdefault((partner, name), (sequence, where))
            if before != sequence:
                raise DataError(
                    f"the id '{name}' names another sequence at {place.rpartition(', ')[2]}",
                    where=where,
                    remedy="give each sequence an id of its own",
                )
            named += [name, sequence]
        yield NamedPair(*named)


def pair_rows(
    source: Path | str, columns: PairColumns, *, labelled: bool = True
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield place and cells by column of each row below the header of a table.

    Args:
        source: a path, or `-` for standard input.
        columns: those that are needed.
        labelled: whether those of labels are among them.

    Raises:
        DataError: naming the line, for a missing column or a row of another width.
    """
    name = source_name(source)
    lines = read_lines(source, outer="\r\n")  # a tab at an end parts off an empty cell
    number, line = next(lines, (0, ""))
    if not number:
        raise DataError("the file is empty", where=name, remedy="give a CSV or TSV file of pairs")
    delimiter = "\t" if "\t" in line else ","
    header = _cells(line, delimiter)
    needed = [columns.first, columns.second, columns.first_group, columns.second_group]
    if labelled:
        needed += [columns.label, *columns.labels.values()]
    for column in filter(None, needed):
        if column not in header:
            raise DataError(
                f"there is no column '{column}'",
                where=f"{name}, line {number}",
                remedy=did_you_mean(column, header),
            )
    if len(set(header)) != len(header):
        raise DataError(
            "a column is named twice", where=f"{name}, line {number}", remedy="rename one"
        )
    empty = True
    for number, line in lines:
        where, empty = f"{name}, line {number}", False
        cells = _cells(line, delimiter)
        if len(cells) != len(header):
            raise DataError(
                f"the row has {len(cells)} cells, the header {len(header)}",
                where=where,
                remedy="give every row as many cells as the header has",
            )
        yield where, dict(zip(header, cells, strict=True))
    if empty:
        raise DataError("the table has no row", where=name, remedy="give a table of pairs")


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def strand_of(row: Mapping[str, str], columns: PairColumns, partner: str, where: str) -> str:
    """Return a normalised sequence, 5' to 3'."""
    column = getattr(columns, partner)
    sequence = normalise(row[column])
    if not sequence:
        raise DataError(
            f"the column '{column}' is empty", where=where, remedy="complete or remove the row"
        )
    refuse_foreign(sequence, f"{where}, column '{column}'")
    return sequence[::-1] if partner in columns.reversed else sequence
