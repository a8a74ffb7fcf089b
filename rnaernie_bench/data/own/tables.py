"""Somebody's own tables of sequences, as a declaration has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.own.asked import OwnData
from rnaernie_bench.data.own.cells import lists_of, write_lists
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.tables import ENDINGS, open_table
from rnaernie_bench.task.declaration import Table

SEQUENCES = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")
"""Endings of FASTA files."""


def table_part(
    data: OwnData, files: tuple[Path, ...], part: str, folder: Path, target: Path
) -> dict[str, Any]:
    """Return the declaration of a part's table, which is written into `folder` where it must be.

    Args:
        data: what is asked.
        files: of the part.
        part: its name.
        folder: where a table is written.
        target: what the folder will be called.
    """
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
    columns = {"id": data.id, "sequence": data.sequence}
    if fasta:
        rows.require([data.id], "id")
        written: Iterator[Mapping[str, Any]] = _joined(rows, read_named(fasta[0]), data)
        columns["sequence"] = "sequence"
    else:
        rows.require([data.sequence], "sequence")
        written = iter(rows)
    path = others[0].resolve()
    count = 0
    if data.level == "token":
        roles = {"id": data.id, "sequence": columns["sequence"], "group": data.group}
        lists = lists_of(written, data.label, roles, classes=data.classifies, table=others[0])
        count = write_lists(folder / f"{part}.parquet", lists)
        path = target / f"{part}.parquet"
    elif fasta:
        count = _write_csv(folder / f"{part}.csv", written)
        path = target / f"{part}.csv"
    else:
        count = sum(1 for _ in written)
    if not count:
        raise DataError("the table is empty", where=others[0], remedy="give one with rows")
    named = {"labels": {column: column for column in data.label}}
    label = {"label": data.label[0]} if data.classifies else named
    digest = sha256(path if path == others[0].resolve() else folder / path.name)
    group = {"group": data.group} if data.group else {}
    return {"source": str(path), "sha256": digest, "records": count, **columns, **label, **group}


class Rows:
    """The rows of a table, read as often as they are asked for.

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
                "the name does not tell which kind of table it is",
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


def classes_of_table(table: Mapping[str, Any], folder: Path) -> set[str]:
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
                remedy=f"ids stand in the column '{data.id}'; --id names another",
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
