"""What files and tables tell of items: ids, groups and labels, as a task spells them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import Task


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, and what it says of an item at any level."""

    cells: Mapping[str, Any]
    id: str
    sequence: str
    group: str
    where: str
    """Its place, for messages."""


def match_header(text: str, task: Task, where: str, what: str = "header") -> dict[str, Any]:
    """Return the named groups of `dataset.header` in the header of a record.

    Raises:
        DataError: naming `where`, if the header does not match in full.
    """
    expression = task.dataset.header
    match = re.fullmatch(expression, text)
    if not match:
        raise DataError(
            f"the {what} does not match {expression}",
            where=where,
            remedy="correct the header, or dataset.header in the task",
        )
    return match.groupdict()


def label_columns(table: Table, task: Task) -> list[str]:
    """Return the column of classes, or that of each label in the order of the task."""
    if categorical(task.problem):
        return [table.label]
    return [table.labels[label] for label in task.labels]


def text_of(row: Mapping[str, Any], column: str, where: str) -> str:
    """Return the text of a cell.

    Raises:
        DataError: naming `where` and the column of an empty cell.
    """
    value = row[column]
    text = "" if value is None else str(value).strip()
    if not text:
        raise DataError(
            f"the column '{column}' is empty", where=where, remedy="complete or remove the row"
        )
    return text


def label_of(text: str, task: Task, where: str) -> int | tuple[float, ...]:
    """Return the label of an item that `text` spells: the index of a class, or a number.

    Raises:
        DataError: as `value_of` does.
    """
    value = value_of(text, task, where)
    return int(value) if categorical(task.problem) else (value,)


def value_of(value: Any, task: Task, where: str) -> float:
    """Return what a cell, or an element of its list, says of a unit: a class's index or a number.

    Returns:
        nan for None, which stands for what is unknown; of numbers, for empty text too.

    Raises:
        DataError: naming `where`, for a class that the task has not, for what is no finite number,
            or for a label of `multilabel` that is neither 0 nor 1.
    """
    if not categorical(task.problem):
        found = number(value, where)
        if not quantitative(task.problem) and found not in (0.0, 1.0) and not math.isnan(found):
            remedy = "leave it empty, or null, where it is unknown"
            raise DataError(f"{found:g} is neither 0 nor 1", where=where, remedy=remedy)
        return found
    if value is None:
        return math.nan
    if value not in task.labels:
        raise DataError(
            f"unknown label '{value}'",
            where=where,
            remedy=did_you_mean(str(value), list(task.labels)),
        )
    return float(task.labels.index(value))


def number(value: Any, where: str) -> float:
    """Return a finite number; nan for None and empty text, which stand for what is unknown.

    Raises:
        DataError: naming `where`, if it is something else.
    """
    if value is None or value == "":
        return math.nan
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.inf
    if math.isinf(found) or (isinstance(value, str) and math.isnan(found)):
        raise DataError(
            f"'{value}' is no finite number", where=where, remedy="correct it, or leave it empty"
        )
    return found


def columns_of(
    row: Mapping[str, Any], columns: Mapping[str, str], task: Task, where: str
) -> tuple[float, ...]:
    """Return the numbers of a row in the order of the task's labels.

    Raises:
        DataError: naming `where` and the column of what is no number, of a label of `multilabel`
            that is neither 0 nor 1, or if nothing is known of the row.
    """
    named = [columns[label] for label in task.labels]
    found = tuple(value_of(row[column], task, f"{where}, column '{column}'") for column in named)
    if all(map(math.isnan, found)):
        raise nothing_known(where)
    return found


def nothing_known(where: str) -> DataError:
    """Return the error of a row that tells no label."""
    return DataError("no label is known", where=where, remedy="remove the row")


def list_of(value: Any, where: str) -> list[Any]:
    """Return the elements of a cell that holds a list; in a text table, a list is JSON.

    Raises:
        DataError: naming `where`, if it is none.
    """
    if isinstance(value, str):
        import json

        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise DataError("a list is needed", where=where, remedy="write [] where there is none")
    return list(value)


def lists_of(
    row: Row, columns: Iterable[str], units: int, task: Task, *, unit: str, exact: bool = False
) -> np.ndarray:
    """Return what a row says of units, float32 (units, columns); nan where unknown.

    Args:
        row: with a list a column.
        columns: which lists: numbers, or classes as the task spells them.
        units: how many there are; lists may be shorter.
        task: whose labels they are.
        unit: what one of them is, for messages.
        exact: whether lists must be as long.

    Raises:
        DataError: naming the column of what is no such list, or of one that is too long, and as
            `value_of` does.
    """
    named = list(columns)
    table = np.full((units, len(named)), np.nan, dtype=np.float32)
    for j, column in enumerate(named):
        place = f"{row.where}, column '{column}'"
        values = list_of(row.cells[column], place)
        if len(values) > units or (exact and len(values) < units):
            raise DataError(
                f"there are {len(values)} values for {units} {unit}s",
                where=place,
                remedy=f"give one a {unit}"
                + (", null where it is unknown" if exact else "; those at the end may be missing"),
            )
        for k, value in enumerate(values):
            table[k, j] = value_of(value, task, f"{place}, {unit} {k + 1}")
    return table
