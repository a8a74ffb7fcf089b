"""Sequences of a column of a table, for commands that need nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import checked_sequence
from rnaernie_bench.data.cells import text_of
from rnaernie_bench.data.tables import open_file
from rnaernie_bench.data.text import refuse_repeated


def read_column(
    path: Path,
    sequence: str,
    identity: str | None = None,
    *,
    max_bases: int | None = None,
    remedy: str = "cut it",
) -> Iterator[tuple[str, str]]:
    """Yield id and sequence of each row of a table.

    Args:
        path: CSV or TSV (also gzip), Parquet or Arrow.
        sequence: the column of sequences.
        identity: the column of ids; None: `id` if there is one, else numbers of rows, from 1.
        max_bases: the longest sequence that is let through; None for any.
        remedy: what to do about a longer one.

    Raises:
        DataError: for a file that cannot be read, a column that is missing, an empty cell, a
            foreign letter, a repeated id, or a sequence over `max_bases`.
    """
    opened = open_file(path)
    opened.require({"the sequence": sequence, "the id": identity})
    named = identity or ("id" if "id" in opened.columns else None)
    first: dict[str, str] = {}
    for number, (where, row) in enumerate(opened.placed(), start=1):
        found = checked_sequence(text_of(row, sequence, where), where)
        if max_bases is not None and len(found) > max_bases:
            raise DataError(
                f"the sequence has {len(found)} bases, {max_bases} fit", where=where, remedy=remedy
            )
        name = str(number) if named is None else text_of(row, named, where)
        refuse_repeated(name, f"row {number}", first, where)
        yield name, found
