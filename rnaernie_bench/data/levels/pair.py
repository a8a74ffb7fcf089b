"""Two sequences together: rows of tables, and a simulated stand-in for them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.data.items import Items, PairItem
from rnaernie_bench.data.labels import columns_of, label_of, row_id
from rnaernie_bench.data.pairs import name_of, pair_rows, renamed, strand_of
from rnaernie_bench.data.tables import Refused, skipping
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.single_table import PairColumns
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from numpy.random import Generator

PAIRS_A_QUERY = 12
TARGET = 40
"""Bases of a target."""

_PARTNERS = {"A": "U", "C": "G", "G": "C", "U": "A"}


def read_file(
    path: Path, file: DataFile, task: Task, *, refused: Refused | None = None
) -> tuple[PairItem, ...]:
    """Read the pairs of a table, as `Level.read_file` has it.

    An item's id tells the number of its row, from 1. Partners that are stored 3' to 5' are turned
    round: items are 5' to 3'.

    Args:
        path: a table (`data.tables.open_file`).
        file: its declaration, which may call columns otherwise, and leave rows out.
        task: says how its columns are called, how its strands are stored, and its problem.
        refused: receives what is wrong with rows, in place of an error.

    Raises:
        DataError: naming the row, for a missing column, an empty or foreign sequence, an unknown
            class, or what is no number; and as tables do.
    """
    assert task.dataset.pairs is not None
    columns = renamed(task.dataset.pairs, file.columns)
    items = []
    read = pair_rows(path, columns, left_out=frozenset(file.left_out), refused=refused)
    for number, where, row in read:
        with skipping(number, refused):
            items.append(
                PairItem(
                    row_id(number, file.path, task),
                    strand_of(row, columns, "first", where),
                    strand_of(row, columns, "second", where),
                    _label(row, columns, task, where),
                    name_of(row, columns.first_group),
                    name_of(row, columns.second_group),
                    by_sequence=columns.group == "sequence",
                )
            )
    return tuple(items)


def _label(
    row: Mapping[str, Any], columns: PairColumns, task: Task, where: str
) -> int | tuple[float, ...]:
    """Return what a row says of its pair: the index of a class, or a number for each label."""
    if columns.labels:
        return columns_of(row, columns.labels, task, where)
    if not columns.label:
        return 1
    return label_of(row[columns.label], task, where)


def simulated(task: Task) -> dict[str, Items]:
    """Return the parts of the simulated data set, as `Level.simulate` has it.

    Queries are short, and targets have a site for them or none. A site is the reverse complement of
    the query's first 8 bases and of a stretch further on, with a G-U pair now and then. Queries
    stand in many pairs and every third has two variants under one name; targets come in genes of
    one to three. Unless there are two classes, sites have a strength, the share of their
    bases that pair. No figure obtained on them says anything about real RNA.

    Classes take turns, the first without a site and the last with a whole one. Of several labels,
    each stands for a strength above which it is given; quantities are the strength, each column on
    another scale or turned round. Ids tell the numbers of rows, from 1. The data depend on the
    declaration alone.
    """
    import numpy as np

    parts: dict[str, Items] = {}
    for part, size in task.simulation.sizes.items():
        seed = hashlib.sha256(f"{part}/pairs".encode()).digest()
        random = np.random.default_rng(int.from_bytes(seed[:8], "little"))
        parts[part] = _draw(part, size, random, task)
    return parts


def _draw(part: str, size: int, random: Generator, task: Task) -> Items:
    queries: list[tuple[str, str]] = []
    for number in range(-(-size // PAIRS_A_QUERY)):
        sequence = _letters(int(random.integers(20, 25)), random)
        queries.append((f"query-{number}", sequence))
        if number % 3 == 0:
            queries.append((f"query-{number}", sequence[:-2] + _letters(2, random)))
    items: list[PairItem] = []
    assert task.dataset.pairs is not None
    by_sequence = task.dataset.pairs.group == "sequence"
    classes = categorical(task.problem)
    gene, left = 0, 0
    for row in range(1, size + 1):
        if not left:
            gene, left = gene + 1, int(random.integers(1, 4))
        left -= 1
        name, query = queries[int(random.integers(len(queries)))]
        target = _letters(TARGET, random)
        strength = row % len(task.labels) / (len(task.labels) - 1) if classes else random.random()
        if strength:
            start = int(random.integers(2, TARGET - len(query) - 2))
            site = _site(query, random, strength)
            target = target[:start] + site + target[start + len(site) :]
        label = row % len(task.labels) if classes else _numbers(strength, task)
        name_of_row = row_id(row, part, task)
        items.append(PairItem(name_of_row, query, target, label, name, f"gene-{gene}", by_sequence))
    return tuple(items)


def _numbers(strength: float, task: Task) -> tuple[float, ...]:
    """Return the numbers of a pair whose site has this strength, one for each label."""
    columns = range(len(task.labels))
    if quantitative(task.problem):
        return tuple(round((1 - strength if j % 2 else strength) / (j + 1), 4) for j in columns)
    return tuple(float(strength > (j + 1) / (len(task.labels) + 1)) for j in columns)


def _site(query: str, random: Generator, strength: float) -> str:
    """Return what `query` binds to, its seed and a stretch from base 12 on; unpaired between."""
    paired = [place < 8 or 12 <= place < 17 for place in range(len(query))]
    if strength < 1:
        paired = [bound and random.random() < strength for bound in paired]
    letters = []
    for letter, bound in zip(query, paired, strict=True):
        partner = _PARTNERS[letter] if bound else _letters(1, random)
        if bound and random.random() < 0.05:  # a G-U pair
            partner = {"G": "U", "U": "G"}.get(letter, partner)
        letters.append(partner)
    return "".join(reversed(letters))


def _letters(count: int, random: Generator) -> str:
    return "".join(random.choice(list("ACGU"), size=count))
