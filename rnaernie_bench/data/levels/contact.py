"""Pairs of bases: base pairs from files of structures, all else from rows of tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.cells import list_of, missing
from rnaernie_bench.data.items import ContactItem, ContactValuesItem, Items
from rnaernie_bench.data.labels import Row, label_columns, lists_of, match_header, nothing_known
from rnaernie_bench.data.simulated import Drawn
from rnaernie_bench.data.structure_files import called, read_structures
from rnaernie_bench.data.text import refuse_repeated
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.structure.notations import (
    checked_pairs,
    dot_bracket_to_pairs,
    pairs_of_sequence,
)
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
    for record in called(
        read_structures(path, left_out=frozenset(file.left_out)), path, file.named
    ):
        found = match_header(record.id, task, record.place, what="id")
        refuse_repeated(record.id, record.place, first, record.place)
        yield record, found.get("group") or ""


def read_file(path: Path, file: DataFile, task: Task) -> Items:
    """Read the base pairs of a file of structures, as `Level.read_file` has it."""
    return tuple(
        ContactItem(record.id, record.sequence, record.pairs, group)
        for record, group in structures(path, file, task)
    )


def read_row(row: Row, table: Table, task: Task) -> ContactItem | ContactValuesItem:
    """Return the item of a row: its structure, or a list of pairs with lists of values beside it.

    Bases are counted from 0, unless the table says from 1; pairs are in either order. What is not
    listed is unknown if it is a quantity, else of the first class, or without any label.

    Raises:
        DataError: naming the column and the number of a pair that is none of two bases of the
            sequence or listed twice; as `lists_of` does; or if nothing is known of the row.
    """
    bases = len(row.sequence)
    if bases < 2:
        raise DataError("a pair needs two bases", where=row.where, remedy="remove the row")
    if task.decodes:
        return ContactItem(row.id, row.sequence, _structure(row, table), row.group)
    place = f"{row.where}, column '{table.places}'"
    found: dict[tuple[int, int], int] = {}
    for count, entry in enumerate(list_of(row.cells[table.places], place), start=1):
        i, j = _pair(entry, bases, f"{place}, pair {count}", table.first_base or 0)
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


def _structure(row: Row, table: Table) -> np.ndarray:
    """Return the base pairs of a cell in dot-bracket, or with a list of pairs.

    Raises:
        DataError: naming the row, if it is no structure of the sequence, or does not say whether
            bases are counted from 0 or from 1.
    """
    value, bases = row.cells[table.label], len(row.sequence)
    place = f"{row.where}, column '{table.label}'"
    if missing(value):
        raise nothing_known(row.where)
    text = value.strip() if isinstance(value, str) else ""
    if text and not any(mark.isdigit() for mark in text) and (text != "[]" or bases == 2):
        return pairs_of_sequence(text, bases, where=place)
    # Python writes pairs as tuples, JSON knows lists alone.
    listed = list_of(text.replace("(", "[").replace(")", "]") if text else value, place)
    if listed and table.first_base is None:
        raise DataError(
            "the list does not say whether bases are counted from 0 or from 1",
            where=place,
            remedy="state it: --first-base 0 or 1 (`first_base` in a task)",
        )
    pairs = [
        _pair(entry, bases, f"{place}, pair {count}", table.first_base or 0)
        for count, entry in enumerate(listed, start=1)
    ]
    return checked_pairs(np.array(pairs, np.int64).reshape(-1, 2), bases, where=place)


def _pair(entry: Any, bases: int, where: str, first: int) -> tuple[int, int]:
    """Return two bases, counted from 0, the first first; `first` is what the list calls base 0."""
    remedy = f"write [i, j], counted from {first}"
    whole = isinstance(entry, Sequence | np.ndarray) and all(
        isinstance(base, int | np.integer) and not isinstance(base, bool) for base in entry
    )
    if not whole or len(entry) != 2:
        raise DataError(f"{entry!r} are no two whole numbers", where=where, remedy=remedy)
    i, j = sorted(map(int, entry))
    for base in (i, j):
        if not first <= base < bases + first:
            last = f"bases are {first} to {bases - 1 + first}"
            raise DataError(f"there is no base {base}: {last}", where=where, remedy=remedy)
    if i == j:
        raise DataError(f"base {i} makes no pair with itself", where=where, remedy="remove it")
    return i - first, j - first


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
