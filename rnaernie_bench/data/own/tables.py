"""Somebody's own tables of sequences and of pairs, as a declaration has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.cells import Forms, missing, spelt, text_of
from rnaernie_bench.data.fasta import is_fasta, read_named
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.pairs import pair_rows
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.tables import open_file
from rnaernie_bench.data.text import refuse_repeated

Placed = Iterable[tuple[str, Mapping[str, Any]]]
"""Rows with their places, for messages."""


def of_items(data: OwnData, folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Return the key `tables` of a declared data set, as `Level.own_data` has it.

    A table is read where it lies; one that is joined with a FASTA file is written into `folder`.

    Raises:
        ConfigError: if a part is not a table, or a table and a FASTA file.
        DataError: if a file cannot be read, or lacks a column.
    """
    return _declared(data, folder, bases=False)


def of_bases(data: OwnData, folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Do the same where cells hold a value a base."""
    return _declared(data, folder, bases=True)


def of_pairs(data: OwnData, folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Return the keys `files` and `pairs` of a declared data set, as `Level.own_data` has it.

    Raises:
        ConfigError: if a part is not one table, or ids are named.
        DataError: if a table cannot be read, or lacks a column.
    """
    if data.id != "id":
        raise ConfigError("pairs are called by the numbers of their rows", where="id")
    columns, files = data.pairs, {}
    found: set[str] = set()
    for part, paths in data.parts.items():
        if len(paths) != 1:
            raise ConfigError(
                "a part of pairs is one table", where=part, remedy=f"give --{part} TABLE once"
            )
        path = _existing(paths[0])
        rows = Counted(pair_rows(path, columns))
        classes = _classes(rows, columns.label, None)
        files[part] = {"path": str(path), "sha256": sha256(path), "records": rows.number}
        if part == "train":
            found = classes
    meaning = {name: getattr(columns, name) for name in ("first", "second", "first_group", "label")}
    named: dict[str, Any] = {name: column for name, column in meaning.items() if column}
    if columns.labels:
        named["labels"] = dict(columns.labels)
    return {"files": files, "pairs": named}, found


def _declared(data: OwnData, folder: Path, *, bases: bool) -> tuple[dict[str, Any], set[str]]:
    tables, found = {}, set[str]()
    for part, files in data.parts.items():
        tables[part], classes = _part(data, files, part, folder, bases=bases)
        if part == "train":
            found = classes
    return {"tables": tables}, found


def _part(
    data: OwnData, files: tuple[Path, ...], part: str, folder: Path, *, bases: bool
) -> tuple[dict[str, Any], set[str]]:
    """Return the declaration of a part's table, and its classes."""
    fasta = [path for path in files if is_fasta(path)]
    others = [path for path in files if path not in fasta]
    if len(others) != 1 or len(fasta) > 1:
        raise ConfigError(
            "a part is one table, or one FASTA file and one table of its labels",
            where=part,
            remedy=f"give --{part} TABLE, or --{part} FASTA --{part} TABLE",
        )
    path = _existing(others[0])
    opened = open_file(path)
    kept = [data.id, *data.label, *([data.group] if data.group else [])]
    sequence = "sequence" if fasta else data.sequence
    while fasta and sequence in kept:
        sequence += "_"
    needed = {f"the label '{column}'": column for column in data.label}
    needed |= {"the group": data.group} if data.group else {}
    needed |= {"the id": data.id} if fasta else {"the sequence": sequence}
    opened.require(needed)
    read: Placed = opened.placed()
    if fasta:
        read = list(_joined(read, opened.place, fasta[0], sequence, kept))
        path = folder / f"{part}.csv"
        _write_csv(path, (row for _, row in read))
    rows = Counted(read)
    column = data.pairs.label if data.classifies else ""
    classes = _classes(rows, column, sequence if bases else None)
    return {
        "source": str(path),
        "sha256": sha256(path),
        "records": rows.number,
        "id": data.id,
        "sequence": sequence,
        **(
            {"label": data.label[0]}
            if data.classifies or not data.labelled
            else {"labels": data.columns}
        ),
        **({"group": data.group} if data.group else {}),
        **({"whole": True} if bases else {}),
        **({} if data.first_base is None else {"first_base": data.first_base}),
    }, classes


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError("there is no such file", where=path, remedy="check the path")
    return path.resolve()


class Counted:
    """Rows that are counted as they are read."""

    def __init__(self, rows: Placed) -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows, once."""
        for placed in self._rows:
            self.number += 1
            yield placed


def _classes(rows: Placed, column: str, sequence: str | None) -> set[str]:
    """Read all rows, and return the classes that stand in a column, if any do.

    Args:
        rows: of a table.
        column: of classes; empty where labels are numbers.
        sequence: the column of sequences, whose bases have a class each; None if rows have one.
    """
    found: set[str] = set()
    forms = Forms()
    for where, row in rows:
        if not column:
            continue
        values = [row[column]]
        if sequence is not None:
            bases = len(spelt(row[sequence]))
            place = f"{where}, column '{column}'"
            values, _ = forms.values(row[column], column, bases, place, classes=True)
        found.update(spelt(value) for value in values if not missing(value))
    return found


def _joined(
    rows: Placed, place: str, fasta: Path, sequence: str, kept: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of a table with the sequences of FASTA records of their ids, in that order.

    Args:
        rows: of the table.
        place: the table.
        fasta: the FASTA file.
        sequence: what the column of sequences is to be called.
        kept: the columns of the table that are kept, that of ids first.

    Raises:
        DataError: for an id that stands in two rows, or in one of the files alone.
    """
    identity = kept[0]
    by_id: dict[str, tuple[str, Mapping[str, Any]]] = {}
    first: dict[str, str] = {}
    for number, (where, row) in enumerate(rows, start=1):
        name = text_of(row, identity, where)
        remedy = "an id has one row: remove the other"
        refuse_repeated(name, f"row {number}", first, where, remedy)
        by_id[name] = (where, row)
    for name, letters in read_named(fasta):
        if name not in by_id:
            raise DataError(
                f"there is no row for the record '{name}'",
                where=place,
                remedy=f"ids are in the column '{identity}'; --id names another",
            )
        where, row = by_id.pop(name)
        yield where, {**{column: row[column] for column in kept}, sequence: letters}
    if by_id:
        raise DataError(
            f"there is no sequence for the id '{next(iter(by_id))}'",
            where=place,
            remedy="add it to the FASTA file, or remove the row",
        )


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        for count, row in enumerate(rows):
            if not count:
                writer = csv.DictWriter(stream, list(row))
                writer.writeheader()
            writer.writerow(row)
