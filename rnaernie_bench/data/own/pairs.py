"""Tables of somebody's own pairs, as a declaration has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.pairs import pair_rows
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.task.single_table import PairColumns


def pair_dataset(parts: Mapping[str, tuple[Path, ...]], columns: PairColumns) -> dict[str, Any]:
    """Return the keys `files` and `pairs` of a declared data set.

    Args:
        parts: the files of each part; empty parts are left out.
        columns: what they mean.

    Raises:
        ConfigError: if a part is not one table.
        DataError: if a table cannot be read, or lacks a column.
    """
    files = {}
    for part, paths in parts.items():
        if not paths:
            continue
        if len(paths) != 1:
            raise ConfigError(
                "a part of pairs is one table", where=part, remedy=f"give --{part} TABLE once"
            )
        path = paths[0].resolve()
        records = sum(1 for _ in pair_rows(path, columns))
        files[part] = {"path": str(path), "sha256": sha256(path), "records": records}
    meaning = {name: getattr(columns, name) for name in ("first", "second", "first_group", "label")}
    named: dict[str, Any] = {name: column for name, column in meaning.items() if column}
    if columns.labels:
        named["labels"] = dict(columns.labels)
    return {"files": files, "pairs": named}


def classes_of_pairs(path: Path, columns: PairColumns) -> list[str]:
    """Return the classes that stand in a table, by the alphabet."""
    return sorted({row[columns.label] for _, row in pair_rows(path, columns)} - {""})
