"""Parquet files read with care: what one unfolds into is known, and limited, before it is read."""

from __future__ import annotations

import os
from typing import Any

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.parquet import open_parquet

MOST_BYTES = 1 << 28
"""Of the predictions of a run or row, in memory."""

RESTORE = "restore it from a backup, or repeat the run"


def read_table(
    path: str | os.PathLike[str], columns: list[str] | None = None, *, rows: int | None = None
) -> Any:
    """Read predictions as a `pyarrow.Table`.

    Whatever the file says of itself, its numbers take so many bytes a row, and the names of groups
    are kept once.

    Args:
        path: of the file.
        columns: those to read; None: all.
        rows: how many it has at most; None for any.

    Raises:
        ResultError: the file is missing, damaged, too large, or holds something else.
    """
    import pyarrow as pa

    try:
        with open_parquet(path, dictionaries=("group",)) as file:
            _refuse_too_much(file, path, rows)
            return file.read(columns)
    except FileNotFoundError as error:
        raise ResultError("no such predictions file", where=path, remedy=RESTORE) from error
    except (OSError, pa.ArrowException) as error:
        raise ResultError("the predictions are damaged", where=path, remedy=RESTORE) from error
    except ValueError as error:
        what = f"the predictions are damaged: {error}"
        raise ResultError(what, where=path, remedy=RESTORE) from error


def _refuse_too_much(file: Any, path: str | os.PathLike[str], rows: int | None) -> None:
    """Refuse a file of more rows than are known of, or whose columns unfold into too much."""
    metadata = file.metadata
    if rows is not None and metadata.num_rows > rows:
        what = f"has {metadata.num_rows:,} rows, the record says {rows:,} at most"
        raise ResultError(what, where=path, remedy=RESTORE)
    bits = [_bits(field) for field in file.schema_arrow]
    if None in bits:
        names = ", ".join(file.schema_arrow.names)
        raise ResultError(
            f"has other columns than predictions: {names}", where=path, remedy=RESTORE
        )
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [(group, group.column(i)) for group in groups for i in range(metadata.num_columns)]
    sizes = {field.name: getattr(field.type, "list_size", 1) for field in file.schema_arrow}
    for group, column in columns:  # files give no list its length
        name = column.path_in_schema.removesuffix(".list.element")
        if column.num_values != group.num_rows * sizes.get(name, 1):
            what = f"the column {name} has {column.num_values} numbers in {group.num_rows} rows"
            raise ResultError(what, where=path, remedy=RESTORE)
    said = sum(column.total_uncompressed_size for _, column in columns)
    if max(metadata.num_rows * sum(filter(None, bits)) // 8, said) > MOST_BYTES:
        what = f"unfolds into more than {MOST_BYTES >> 20} MiB"
        raise ResultError(what, where=path, remedy=RESTORE)


def _bits(field: Any) -> int | None:
    """Return how many bits a row of a column takes; None of one that no predictions have."""
    import pyarrow as pa

    kind = field.type
    if field.name == "group":  # a reference to one of the names
        return 64 if pa.types.is_dictionary(kind) else None
    count = 1
    if pa.types.is_fixed_size_list(kind):
        kind, count = kind.value_type, kind.list_size
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return count * kind.bit_width if any(is_kind(kind) for is_kind in plain) else None


def group_names(column: Any) -> list[str]:
    """Return the names of groups by row, each in memory once."""
    kept = column.unify_dictionaries().combine_chunks()
    if hasattr(kept, "chunks"):  # none, or one
        kept = kept.chunk(0) if kept.num_chunks else None
    if kept is None:
        return []
    names = kept.dictionary.to_pylist()
    return [names[place] for place in kept.indices.to_pylist()]
