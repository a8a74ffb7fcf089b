"""What a file says of an item, as a task's labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.task.task import Task


def label_of(text: str, task: Task, where: str) -> int | tuple[float, ...]:
    """Return the label that `text` spells: the index of a class, or a number.

    Raises:
        DataError: naming `where`, if the task has no such class, or text is no finite number.
    """
    if not task.classifies:
        return (number(text, where),)
    if text not in task.labels:
        raise DataError(
            f"unknown label '{text}'", where=where, remedy=did_you_mean(text, list(task.labels))
        )
    return task.labels.index(text)


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
    found = []
    for label in task.labels:
        value = number(row[columns[label]], f"{where}, column '{columns[label]}'")
        if task.problem == "multilabel" and value not in (0.0, 1.0) and not math.isnan(value):
            raise DataError(
                f"{value:g} is neither 0 nor 1", where=f"{where}, column '{columns[label]}'"
            )
        found.append(value)
    if all(map(math.isnan, found)):
        raise DataError("no label is known", where=where, remedy="remove the row")
    return tuple(found)


def bases_of(
    row: Mapping[str, Any], columns: Sequence[str], task: Task, bases: int, where: str
) -> np.ndarray:
    """Return what a row says of its bases, float32 (bases, columns); nan where unknown.

    Args:
        row: with a list a column.
        columns: which lists: numbers, or labels as the task spells them where these are classes.
        task: whose labels they are.
        bases: how many there are; lists may be shorter.
        where: the place of the row, for messages.

    Raises:
        DataError: naming `where` and the column of what is no such list, or of one that is longer
            than the sequence.
    """
    spelt = task.problem in ("binary", "multiclass")
    classes = {label: float(index) for index, label in enumerate(task.labels)} if spelt else {}
    table = np.full((bases, len(columns)), np.nan, dtype=np.float32)
    for j, column in enumerate(columns):
        place = f"{where}, column '{column}'"
        values = row[column]
        if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
            raise DataError("a list is needed, with a value a base", where=place)
        if len(values) > bases:
            raise DataError(
                f"there are {len(values)} values for {bases} bases",
                where=place,
                remedy="give one a base; those at the end may be missing",
            )
        for base, value in enumerate(values):
            if not spelt:
                table[base, j] = number(value, f"{place}, base {base + 1}")
            elif value in classes:
                table[base, j] = classes[value]
            elif value is not None:
                raise DataError(
                    f"unknown label '{value}'",
                    where=f"{place}, base {base + 1}",
                    remedy=did_you_mean(str(value), list(classes)),
                )
    return table
