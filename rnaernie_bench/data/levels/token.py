"""The bases of sequences: rows of tables with a list a label, and files of structures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnaernie_bench.data.items import Items, TokenItem
from rnaernie_bench.data.labels import Row, label_columns, lists_of, nothing_known
from rnaernie_bench.data.levels.contact import structures
from rnaernie_bench.data.simulated import Drawn
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.task.declaration import DataFile, Table
from rnaernie_bench.task.task import Task


def read_file(path: Path, file: DataFile, task: Task) -> Items:
    """Read a file of structures for whether each base pairs, 1, or not, 0.

    Raises:
        DataError: as `contact.structures` does.
    """
    items = []
    for record, group in structures(path, file, task):
        labels = np.zeros((len(record.sequence), 1), dtype=np.float32)
        labels[record.pairs.ravel()] = 1
        items.append(TokenItem(record.id, record.sequence, labels, group))
    return tuple(items)


def read_row(row: Row, table: Table, task: Task) -> TokenItem | None:
    """Return the item of a row, as `Level.read_row` has it; None for what was not measured.

    Raises:
        DataError: as `lists_of` does, or if nothing is known of the row.
    """
    bases = len(row.sequence)
    columns = label_columns(table, task)
    values = lists_of(row, columns, bases, task, unit="base", exact=table.whole)
    if table.zeros_unknown:
        values[:, (np.nan_to_num(values) == 0).all(axis=0)] = np.nan
        if np.isnan(values).all():
            return None
    elif np.isnan(values).all():
        raise nothing_known(row.where)
    errors = None
    if table.errors:
        columns = [table.errors[label] for label in task.labels]
        errors = lists_of(row, columns, bases, task, unit="base", exact=table.whole)
    return TokenItem(row.id, row.sequence, values, row.group, errors)


def simulated_item(drawn: Drawn, task: Task) -> TokenItem:
    """Return a member of a family with whether each base pairs: the last class, or 1.

    Every second column is turned round; quantities stand each on another scale.
    """
    paired = np.array([mark != "." for mark in drawn.fold.structure], dtype=np.float32)
    count = len(task.labels)
    if categorical(task.problem):
        table = paired[:, None] * (count - 1)
    else:
        table = np.stack([1 - paired if j % 2 else paired for j in range(count)], axis=1)
    if quantitative(task.problem):
        table /= np.arange(1, count + 1, dtype=np.float32)
    return TokenItem(drawn.id, drawn.fold.sequence, table, drawn.group)
