"""A simulated stand-in for pairs: short queries, and targets with or without a site for them.

A site is the reverse complement of the query's first 8 bases and of a stretch further on, with a
G-U pair now and then. Queries stand in many pairs and every third has two variants under one name;
targets come in genes of one to three. Where more is asked than yes or no, sites have a strength,
the share of their bases that pair. No figure obtained on them says anything about real RNA.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from rnaernie_bench.data.items import Items, PairItem
from rnaernie_bench.metrics.problems import categorical, quantitative

if TYPE_CHECKING:
    from numpy.random import Generator

    from rnaernie_bench.task.task import Task

PAIRS_A_QUERY = 12
TARGET = 40
"""Bases of a target."""

_PARTNERS = {"A": "U", "C": "G", "G": "C", "U": "A"}


def simulated_pairs(task: Task) -> dict[str, Items]:
    """Return the parts of a simulated data set of pairs, as `Level.simulate` has it.

    Classes take turns, the first without a site and the last with a whole one. Of several labels,
    each stands for a strength above which it is given; quantities are the strength, each column on
    another scale or turned round. Ids are numbers of rows, from 1. The data depend on the
    declaration alone.
    """
    import numpy as np

    parts: dict[str, Items] = {}
    for part, size in task.simulation.sizes.items():
        seed = hashlib.sha256(f"{part}/pairs".encode()).digest()
        parts[part] = _draw(size, np.random.default_rng(int.from_bytes(seed[:8], "little")), task)
    return parts


def _draw(size: int, random: Generator, task: Task) -> Items:
    queries: list[tuple[str, str]] = []
    for number in range(-(-size // PAIRS_A_QUERY)):
        sequence = _letters(int(random.integers(20, 25)), random)
        queries.append((f"query-{number}", sequence))
        if number % 3 == 0:
            queries.append((f"query-{number}", sequence[:-2] + _letters(2, random)))
    items: list[PairItem] = []
    spelt = categorical(task.problem)
    gene, left = 0, 0
    for row in range(1, size + 1):
        if not left:
            gene, left = gene + 1, int(random.integers(1, 4))
        left -= 1
        name, query = queries[int(random.integers(len(queries)))]
        target = _letters(TARGET, random)
        strength = row % len(task.labels) / (len(task.labels) - 1) if spelt else random.random()
        if strength:
            start = int(random.integers(2, TARGET - len(query) - 2))
            site = _site(query, random, strength)
            target = target[:start] + site + target[start + len(site) :]
        label = row % len(task.labels) if spelt else _numbers(strength, task)
        items.append(PairItem(str(row), query, target, label, name, f"gene-{gene}"))
    return tuple(items)


def _numbers(strength: float, task: Task) -> tuple[float, ...]:
    """Return what is asked of a pair whose site is of this strength, a number for each label."""
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
