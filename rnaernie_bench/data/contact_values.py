"""What a row of a table says of pairs of the bases of its sequence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.labels import number
from rnaernie_bench.task.task import Task


def contact_values(
    row: Mapping[str, Any],
    places: str,
    columns: Sequence[str],
    task: Task,
    bases: int,
    where: str,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the pairs of bases that a row lists, what it says of them, and what of all others.

    Lists of a text table are written as JSON.

    Args:
        row: with a list of pairs, and lists of values parallel to it.
        places: the column of the pairs, `[[i, j], ...]`, counted from 0.
        columns: those of the values: numbers, or classes as the task spells them. None is unknown.
        task: whose labels they are.
        bases: how many the sequence has.
        where: the place of the row, for messages.

    Returns:
        int32 (listed, 2), sorted, i < j; float32 (listed, columns), nan where unknown; and 0, or
        nan for quantities, of which nothing is known but what is listed.

    Raises:
        DataError: naming `where`, the column and the number of a pair that is none of two bases of
            the sequence or listed twice, of a class that the task has not, a label of `multilabel`
            that is neither 0 nor 1, or a number that is not finite; if lists are of several
            lengths, or nothing is known at all.
    """
    if bases < 2:
        raise DataError("a pair needs two bases", where=where, remedy="remove the row")
    place = f"{where}, column '{places}'"
    listed = _list(row[places], place)
    found: dict[tuple[int, int], int] = {}
    for count, entry in enumerate(listed, start=1):
        i, j = _pair(entry, bases, f"{place}, pair {count}")
        if (first := found.setdefault((i, j), count)) != count:
            raise DataError(
                f"the pair of bases {i} and {j} is listed as pair {first} already",
                where=f"{place}, pair {count}",
                remedy="list each once, in either order",
            )
    table = np.full((len(listed), len(columns)), np.nan, dtype=np.float32)
    for column, name in enumerate(columns):
        place = f"{where}, column '{name}'"
        values = _list(row[name], place)
        if len(values) != len(listed):
            raise DataError(
                f"there are {len(values)} values for {len(listed)} pairs of bases",
                where=place,
                remedy=f"give one for each pair in '{places}', null where it is unknown",
            )
        for count, value in enumerate(values, start=1):
            table[count - 1, column] = _value(value, task, f"{place}, pair {count}")
    unlisted = math.nan if task.problem == "regression" else 0.0
    if np.isnan(table).all() and (math.isnan(unlisted) or len(table) == bases * (bases - 1) // 2):
        raise DataError("no label is known", where=where, remedy="remove the row")
    pairs = np.array(list(found), dtype=np.int32).reshape(-1, 2)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], table[order], unlisted


def _list(value: Any, where: str) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise DataError("a list is needed", where=where, remedy="write [] where there is none")
    return list(value)


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


def _value(value: Any, task: Task, where: str) -> float:
    if task.problem == "multiclass":
        if value is None:
            return math.nan
        if value not in task.labels:
            raise DataError(
                f"unknown label '{value}'",
                where=where,
                remedy=did_you_mean(str(value), list(task.labels)),
            )
        return float(task.labels.index(value))
    found = number(value, where)
    if task.problem == "multilabel" and found not in (0.0, 1.0) and not math.isnan(found):
        raise DataError(f"{found:g} is neither 0 nor 1", where=where, remedy="null is unknown")
    return found
