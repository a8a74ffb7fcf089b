"""A level of a plug-in, file 2 of 2: its items, how they are read and made up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rnaernie_bench.data.items import Item
from rnaernie_bench.data.labels import Row, label_columns, lists_of
from rnaernie_bench.data.simulated import Drawn
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class JunctionItem(Item):
    """A sequence, with a value or class for each of its junctions."""

    id: str
    sequence: str
    labels: np.ndarray
    """float32 (bases - 1, labels), of classes (bases - 1, 1)."""
    group: str = ""

    def values(self) -> np.ndarray:
        return self.labels

    def line(self) -> str:
        return f"{self.id}\t{self.sequence}\t{self.labels.tolist()}\t{self.group}\n"


def read_row(row: Row, table: Table, task: Task) -> JunctionItem:
    columns = label_columns(table, task)
    values = lists_of(row, columns, len(row.sequence) - 1, task, unit="junction", exact=True)
    return JunctionItem(row.id, row.sequence, values, row.group)


def simulated_item(drawn: Drawn, task: Task) -> JunctionItem:
    """Return whether both bases of a junction pair, as a class or a number."""
    both = [[float("." not in marks)] for marks in pairwise(drawn.fold.structure)]
    values = np.array(both, dtype=np.float32)
    return JunctionItem(drawn.id, drawn.fold.sequence, values, drawn.group)
