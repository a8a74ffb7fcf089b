"""Somebody's own tables of sequences and of pairs, as a declaration has them."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.data.alphabet import checked_sequence
from rnaernie_bench.data.cells import Forms, missing, spelt, text_of
from rnaernie_bench.data.fasta import is_fasta, read_fasta, read_named
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.pairs import pair_rows
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.tables import ENDINGS, Refused, is_table, open_file, read_table, skipping
from rnaernie_bench.data.text import refuse_repeated
from rnaernie_bench.task.task import Task

Placed = Iterable[tuple[int, str, Mapping[str, Any]]]
"""Rows with their numbers, and their places for messages."""

JOINED = "joined"
"""A key of tables that are made of a table and a FASTA file: the places of their rows there, which
`declaring` takes out for messages."""

logger = logging.getLogger(__name__)


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
        refused: Refused | None = {} if data.skip_invalid else None
        rows = Counted(pair_rows(path, columns, refused=refused))
        classes = _classes(rows, columns.label, (columns.first, columns.second), refused)
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
    if not is_table(str(path)):
        what = f"'{path.suffix}' is not the suffix of a table"
        raise DataError(what, where=path, remedy=f"let it end in one of {', '.join(ENDINGS)}")
    kept = [data.id, *data.label, *([data.group] if data.group else [])]
    sequence = "sequence" if fasta else data.sequence
    while fasta and sequence in kept:
        sequence += "_"
    needed = {f"the label '{column}'": column for column in data.label}
    needed |= {"the group": data.group} if data.group else {}
    needed |= {"the id": data.id} if fasta else {"the sequence": sequence}
    opened.require(needed)
    refused: Refused | None = {} if data.skip_invalid else None
    read: Placed = opened.numbered(refused=refused)
    if fasta:
        joined = _joined_all if data.skip_invalid else _joined
        read = list(joined(read, opened.place, fasta[0], sequence, kept))
        path = folder / f"{part}.csv"
        _write_csv(path, (row for _, _, row in read))
    rows = Counted(read)
    column = data.pairs.label if data.classifies else ""
    classes = _classes(rows, column, (sequence,), refused, bases=bases)
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
        **({JOINED: [where for _, where, _ in read]} if fasta else {}),
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

    def __iter__(self) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Yield the rows, once."""
        for placed in self._rows:
            self.number += 1
            yield placed


def _classes(
    rows: Placed,
    column: str,
    sequences: Iterable[str],
    refused: Refused | None,
    *,
    bases: bool = False,
) -> set[str]:
    """Read all rows, and return the classes that stand in a column, if any do.

    Args:
        rows: of a table.
        column: of classes; empty where labels are numbers.
        sequences: the columns of sequences.
        refused: receives what is wrong with rows, whose classes then do not count; None: what is
            wrong with classes is raised, and all else found later.
        bases: whether the bases of the sequence have a class each, and not the row.
    """
    found: set[str] = set()
    forms = Forms()
    for number, where, row in rows:
        if not column:
            continue
        with skipping(number, refused, forms):
            if refused is not None:
                for name in sequences:
                    checked_sequence(text_of(row, name, where), where)
            values = [row[column]]
            if bases:
                [sequence] = sequences
                units, place = len(spelt(row[sequence])), f"{where}, column '{column}'"
                values, _ = forms.values(row[column], column, units, place, classes=True)
            found.update(spelt(value) for value in values if not missing(value))
    return found


def in_its_place(error: DataError, places: Sequence[str]) -> DataError:
    """Return an error about a row of a joined table with the row's place in the user's own.

    Args:
        error: about a row of a table.
        places: those of the rows, if the table is a joined one.
    """
    found = re.search(r", row (\d+)", error.where or "")
    if not places or not found:
        return error
    where = places[int(found[1]) - 1] + str(error.where)[found.end() :]
    return DataError(error.what, where=where, remedy=error.remedy)


def without_unreadable(
    dataset: Mapping[str, Any], task: Task, places: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return a declared data set whose rows that cannot be read are left out, and tell which.

    Args:
        dataset: as the functions above return it.
        task: declared of it.
        places: of the rows of joined tables, by part.

    Raises:
        DataError: if a table cannot be read at all, or no row of it can.
    """
    key = "tables" if task.dataset.tables else "files"
    entries: dict[str, Any] = {}
    for part, entry in dataset[key].items():
        refused: Refused = {}
        if key == "tables":
            items = read_table(task.dataset.tables[part], task, refused=refused)
        else:
            read = resolve(task.level_entry.read_file)
            items = read(Path(entry["path"]), task.dataset.files[part], task, refused=refused)
        for error in refused.values():
            logger.warning("left out: %s", in_its_place(error, places.get(part, ())))
        if not items:
            raise DataError(
                f"none of its {len(refused)} rows can be read",
                where=entry.get("source") or entry["path"],
                remedy="without --skip-invalid, the first is named with what is wrong",
            )
        more = {"left_out": sorted(refused)} if refused else {}
        entries[part] = {**entry, "records": len(items), **more}
    return {**dataset, key: entries}


def _joined(
    rows: Placed, place: str, fasta: Path, sequence: str, kept: Sequence[str]
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
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
    for number, where, row in rows:
        name = text_of(row, identity, where)
        remedy = "an id has one row: remove the other"
        refuse_repeated(name, f"row {number}", first, where, remedy)
        by_id[name] = (where, row)
    for count, (name, letters) in enumerate(read_named(fasta), start=1):
        if name not in by_id:
            raise DataError(
                f"there is no row for the record '{name}'",
                where=place,
                remedy=f"ids are in the column '{identity}'; --id names another",
            )
        where, row = by_id.pop(name)
        yield count, where, {**{column: row[column] for column in kept}, sequence: letters}
    if by_id:
        raise DataError(
            f"there is no sequence for the id '{next(iter(by_id))}'",
            where=place,
            remedy="add it to the FASTA file, or remove the row",
        )


def _joined_all(
    rows: Placed, place: str, fasta: Path, sequence: str, kept: Sequence[str]
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Do the same, and yield what has no partner as rows without sequence or without label.

    They cannot be read, as records with foreign letters cannot, and are left out where that is
    asked for.
    """
    identity, *others = kept
    found: dict[str, list[Mapping[str, Any]]] = {}
    for _, _, row in rows:
        found.setdefault(spelt(row[identity]), []).append(row)
    empty = dict.fromkeys(others)
    joined: list[Mapping[str, Any]] = []
    for record in read_fasta(fasta, checked=False):
        name = (record.header.split() or [""])[0]
        row, *again = found.pop(name, None) or [empty]
        joined.append({**{c: row[c] for c in others}, identity: name, sequence: record.sequence})
        found |= {name: again} if again else {}
    alone = [row for rest in found.values() for row in rest]
    joined += [{**{column: row[column] for column in kept}, sequence: ""} for row in alone]
    for number, row in enumerate(joined, start=1):
        yield number, f"{place} with {fasta.name}, row {number}", row


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        for count, row in enumerate(rows):
            if not count:
                writer = csv.DictWriter(stream, list(row))
                writer.writeheader()
            writer.writerow(row)
