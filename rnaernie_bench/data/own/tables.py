"""Somebody's own tables of sequences, as a declaration has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.own.cells import lists_of, write_lists
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.tables import ENDINGS, open_table
from rnaernie_bench.task.declaration import Table

SEQUENCES = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")
"""Endings of FASTA files."""


def of_items(data: OwnData, folder: Path, target: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the key `tables` of a declared data set, as `Level.own_data` has it.

    A table is read where it lies; one that is joined with a FASTA file is written into `folder`.

    Raises:
        ConfigError: if a part is not a table, or a table and a FASTA file.
        DataError: if a file cannot be read, or lacks a column.
    """
    return _declared(data, folder, target, lists=False)


def of_bases(data: OwnData, folder: Path, target: Path) -> tuple[dict[str, Any], list[str]]:
    """Do the same where cells hold a value a base: tables are written with lists."""
    return _declared(data, folder, target, lists=True)


def _declared(
    data: OwnData, folder: Path, target: Path, *, lists: bool
) -> tuple[dict[str, Any], list[str]]:
    tables = {
        part: _part(data, files, part, folder, target, lists=lists)
        for part, files in data.parts.items()
    }
    found = _classes(tables["train"], folder) if data.classifies else set()
    return {"tables": tables}, sorted(found)


def _part(
    data: OwnData, files: tuple[Path, ...], part: str, folder: Path, target: Path, *, lists: bool
) -> dict[str, Any]:
    """Return the declaration of a part's table, which is written into `folder` where it must be."""
    fasta = [path for path in files if path.name.lower().endswith(SEQUENCES)]
    others = [path for path in files if path not in fasta]
    if len(others) != 1 or len(fasta) > 1:
        raise ConfigError(
            "a part is one table, or one FASTA file and one table of its labels",
            where=part,
            remedy=f"give --{part} TABLE, or --{part} FASTA --{part} TABLE",
        )
    rows = Rows(others[0])
    rows.require([*data.label, *([data.group] if data.group else [])], "label or group")
    columns = {"id": data.id, "sequence": "sequence" if fasta else data.sequence}
    if fasta:
        rows.require([data.id], "id")
    else:
        rows.require([data.sequence], "sequence")
    read: Iterator[Mapping[str, Any]] = (
        _joined(rows, read_named(fasta[0]), data) if fasta else iter(rows)
    )
    written: Path | None = None
    if lists:
        roles = {**columns, "group": data.group}
        found = lists_of(read, data.label, roles, classes=data.classifies, table=others[0])
        count = write_lists(written := folder / f"{part}.parquet", found)
    elif fasta:
        count = _write_csv(written := folder / f"{part}.csv", read)
    else:
        count = sum(1 for _ in read)
    if not count:
        raise DataError("the table is empty", where=others[0], remedy="give one with rows")
    return {
        "source": str(target / written.name if written else others[0].resolve()),
        "sha256": sha256(written or others[0].resolve()),
        "records": count,
        **columns,
        **(
            {"label": data.label[0]}
            if data.classifies
            else {"labels": {column: column for column in data.label}}
        ),
        **({"group": data.group} if data.group else {}),
    }


class Rows:
    """The rows of a table, which can be read more than once.

    Args:
        path: of the table.

    Raises:
        DataError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError("there is no such file", where=path, remedy="check the path")
        if path.suffix not in ENDINGS:
            raise DataError(
                "the suffix is not that of a table",
                where=path,
                remedy="let it end in " + ", ".join(ENDINGS),
            )
        self.path = path
        self._table = Table(source=str(path.resolve()))
        _, _, self.columns = open_table(self._table)
        if not self.columns:
            raise DataError("the table is empty", where=path, remedy="give one with rows")

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows from the first."""
        return iter(open_table(self._table)[1])

    def require(self, columns: Iterable[str], role: str) -> None:
        """Refuse a table without these columns.

        Raises:
            DataError: naming the first that is missing.
        """
        for column in columns:
            if column not in self.columns:
                raise DataError(
                    f"there is no column '{column}' for {role}",
                    where=self.path,
                    remedy=did_you_mean(column, list(self.columns)),
                )


def _classes(table: Mapping[str, Any], folder: Path) -> set[str]:
    """Return the classes of a table: what stands in its column of labels.

    Args:
        table: its declaration.
        folder: where it is if it was written, and not yet what stands there from another time.
    """
    path = Path(table["source"])
    written = folder / path.name
    rows = Rows(written if written.is_file() else path)
    cells = (row[table["label"]] for row in rows)
    words = (word for cell in cells for word in (cell if isinstance(cell, list) else [cell]))
    return {str(word).strip() for word in words if word is not None} - {""}


def _joined(
    rows: Rows, records: Iterable[tuple[str, str]], data: OwnData
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table with the sequences of FASTA records of their ids, in that order."""
    kept = [*data.label, *([data.group] if data.group else [])]
    by_id = {str(row[data.id]).strip(): row for row in rows}
    for name, sequence in records:
        if name not in by_id:
            raise DataError(
                f"there is no row for the record '{name}'",
                where=rows.path,
                remedy=f"ids are in the column '{data.id}'; --id names another",
            )
        row = by_id.pop(name)
        yield {data.id: name, "sequence": sequence, **{column: row[column] for column in kept}}
    if by_id:
        raise DataError(
            f"there is no sequence for the id '{next(iter(by_id))}'",
            where=rows.path,
            remedy="add it to the FASTA file, or remove the row",
        )


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows, and return how many there are."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        for count, row in enumerate(rows, start=1):
            if count == 1:
                writer = csv.DictWriter(stream, list(row))
                writer.writeheader()
            writer.writerow(row)
    return count
