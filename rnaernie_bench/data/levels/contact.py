"""Pairs of bases: base pairs from files of structures, all else from rows of tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.cells import list_of
from rnaernie_bench.data.items import ContactItem, ContactValuesItem, Items
from rnaernie_bench.data.labels import Row, label_columns, lists_of, match_header, nothing_known
from rnaernie_bench.data.simulated import Drawn
from rnaernie_bench.data.structure_files import called, read_structures
from rnaernie_bench.data.text import refuse_repeated
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.structure.notations import dot_bracket_to_pairs
from rnaernie_bench.structure.records import StructureRecord
from rnaernie_bench.task.declaration import DataFile, Table
from rnaernie_bench.task.task import Task


def structures(path: Path, file: DataFile, task: Task) -> Iterator[tuple[StructureRecord, str]]:
    """Yield the records of a file of structures (`data.structure_files`) with their groups.

    Every id must match `dataset.header` in full; its group `group`, if any, is the item's.

    Raises:
        DataError: naming file, record and line of an id that does not match or stood before, or of
            whatever else is wrong with a record.
    """
    first: dict[str, str] = {}
    for record in called(read_structures(path), path, file.named):
        found = match_header(record.id, task, record.place, what="id")
        refuse_repeated(record.id, record.place, first, record.place)
        yield record, found.get("group") or ""


def read_file(path: Path, file: DataFile, task: Task) -> Items:
    """Read the base pairs of a file of structures, as `Level.read_file` has it."""
    return tuple(
        ContactItem(record.id, record.sequence, record.pairs, group)
        for record, group in structures(path, file, task)
    )


def read_row(row: Row, table: Table, task: Task) -> ContactValuesItem:
    """Return the item of a row with a list of pairs `[[i, j], ...]` and lists of values beside it.

    Pairs are counted from 0, in either order. What is not listed is unknown if it is a quantity,
    else of the first class, or without any label.

    Raises:
        DataError: naming the column and the number of a pair that is none of two bases of the
            sequence or listed twice; as `lists_of` does; or if nothing is known of the row.
    """
    bases = len(row.sequence)
    if bases < 2:
        raise DataError("a pair needs two bases", where=row.where, remedy="remove the row")
    place = f"{row.where}, column '{table.places}'"
    found: dict[tuple[int, int], int] = {}
    for count, entry in enumerate(list_of(row.cells[table.places], place), start=1):
        i, j = _pair(entry, bases, f"{place}, pair {count}")
        if (first := found.setdefault((i, j), count)) != count:
            raise DataError(
                f"the pair of bases {i} and {j} is listed as pair {first} already",
                where=f"{place}, pair {count}",
                remedy="list each once, in either order",
            )
    columns = label_columns(table, task)
    values = lists_of(row, columns, len(found), task, unit="pair", exact=True)
    unlisted = math.nan if quantitative(task.problem) else 0.0
    if np.isnan(values).all() and (math.isnan(unlisted) or len(found) == bases * (bases - 1) // 2):
        raise nothing_known(row.where)
    pairs = np.array(list(found), dtype=np.int32).reshape(-1, 2)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return ContactValuesItem(row.id, row.sequence, pairs[order], values[order], unlisted, row.group)


def _pair(entry: Any, bases: int, where: str) -> tuple[int, int]:
    """Return two bases, the first first."""
    remedy = "write [i, j], counted from 0"
    whole = isinstance(entry, Sequence | np.ndarray) and all(
        isinstance(base, int | np.integer) and not isinstance(base, bool) for base in entry
    )
    if not whole or len(entry) != 2:
        raise DataError(f"{entry!r} are no two whole numbers", where=where, remedy=remedy)
    i, j = sorted(map(int, entry))
    for base in (i, j):
        if not 0 <= base < bases:
            last = f"bases are 0 to {bases - 1}"
            raise DataError(f"there is no base {base}: {last}", where=where, remedy=remedy)
    if i == j:
        raise DataError(f"base {i} makes no pair with itself", where=where, remedy="remove it")
    return i, j


def simulated_item(drawn: Drawn, task: Task) -> ContactItem | ContactValuesItem:
    """Return a member of a family: its base pairs, or which letters they join, or how far apart."""
    fold, pairs = drawn.fold, dot_bracket_to_pairs(drawn.fold.structure)
    if task.decodes:
        return ContactItem(drawn.id, fold.sequence, pairs, drawn.name)
    kinds = np.array(
        [("CG", "AU", "GU").index("".join(sorted(fold.sequence[k] for k in p))) for p in pairs],
        dtype=np.int64,
    )
    columns = np.arange(len(task.labels))
    if categorical(task.problem):
        labels = 1 + kinds[:, None] % (len(columns) - 1)
    elif quantitative(task.problem):
        labels = (pairs[:, 1:] - pairs[:, :1]) / len(fold) / (columns + 1)
    else:
        labels = kinds[:, None] % len(columns) == columns
    unlisted = math.nan if quantitative(task.problem) else 0.0
    values = labels.astype(np.float32)
    return ContactValuesItem(drawn.id, fold.sequence, pairs, values, unlisted, drawn.group)
