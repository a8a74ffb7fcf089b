"""Tables of somebody's own pairs, as a declaration has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.pairs import pair_rows
from rnaernie_bench.data.sources import sha256


def of_pairs(data: OwnData, folder: Path, target: Path) -> tuple[dict[str, Any], list[str]]:
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
        path = paths[0].resolve()
        rows = [row for _, row in pair_rows(path, columns)]
        files[part] = {"path": str(path), "sha256": sha256(path), "records": len(rows)}
        if columns.label and part == "train":
            found = {row[columns.label] for row in rows}
    meaning = {name: getattr(columns, name) for name in ("first", "second", "first_group", "label")}
    named: dict[str, Any] = {name: column for name, column in meaning.items() if column}
    if columns.labels:
        named["labels"] = dict(columns.labels)
    return {"files": files, "pairs": named}, sorted(found - {""})
