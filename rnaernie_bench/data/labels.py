"""What files and tables tell of items: ids, groups and labels, as a task spells them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.cells import Forms, missing, number, spelt
from rnaernie_bench.metrics.problems import categorical, quantitative, two_classes
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import Task

BITS = ("0", "1")
"""What tables call two classes whose names they do not say."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, and what it says of an item at any level."""

    cells: Mapping[str, Any]
    id: str
    sequence: str
    group: str
    where: str
    """Its place, for messages."""
    forms: Forms = field(default_factory=Forms)
    """How the columns of the table have several values in a cell."""


def row_id(number: int, path: str, task: Task) -> str:
    """Return what a row without a column of ids is called: see `dataset.row_ids`."""
    return f"{Path(path).name}:{number}" if task.dataset.row_ids == "file" else str(number)


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


def label_of(value: Any, task: Task, where: str) -> int | tuple[float, ...]:
    """Return the label of an item that a cell tells: the index of a class, or a number.

    Raises:
        DataError: as `value_of` does, or if nothing is known of it.
    """
    found = value_of(value, task, where)
    if math.isnan(found):
        raise nothing_known(where)
    return int(found) if categorical(task.problem) else (found,)


def value_of(value: Any, task: Task, where: str) -> float:
    """Return what a cell, or an element of its list, says of a unit: a class's index or a number.

    Returns:
        nan for what is missing (`cells.MISSING`), unless a class is called so. Of two classes that
        are called otherwise, 0 is the first and 1 the second.

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
    text = spelt(value)
    if text not in task.labels:
        if missing(value):
            return math.nan
        bits = BITS if two_classes(task.problem) and not {*BITS} & {*task.labels} else ()
        if text in bits:
            return float(text)
        remedy = did_you_mean(text, [*task.labels, *bits])
        raise DataError(f"unknown label '{text}'", where=where, remedy=remedy)
    return float(task.labels.index(text))


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


def lists_of(
    row: Row, columns: Iterable[str], units: int, task: Task, *, unit: str, exact: bool = False
) -> np.ndarray:
    """Return what a row says of units, float32 (units, columns); nan where unknown.

    Args:
        row: with several values in a cell of each column (`cells.Forms`).
        columns: which lists: numbers, or classes as the task spells them.
        units: how many there are.
        task: whose labels they are.
        unit: what one of them is, for messages.
        exact: whether lists, too, must be as long; texts always must.

    Raises:
        DataError: naming the column of what is no such list, or of one that is too long, and as
            `value_of` does.
    """
    named = list(columns)
    table = np.full((units, len(named)), np.nan, dtype=np.float32)
    classes = categorical(task.problem)
    for j, column in enumerate(named):
        place = f"{row.where}, column '{column}'"
        values, listed = row.forms.values(
            row.cells[column], column, units, place, classes=classes, unit=unit
        )
        if len(values) > units or (len(values) < units and (exact or not listed)):
            raise DataError(
                f"there are {len(values)} values for {units} {unit}s",
                where=place,
                remedy=f"give one a {unit}"
                + (", NA where it is unknown" if exact else "; those at the end may be missing"),
            )
        for k, value in enumerate(values):
            table[k, j] = value_of(value, task, f"{place}, {unit} {k + 1}")
    return table
