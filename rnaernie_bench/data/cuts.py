"""Train, validation and test cut from the items of one part.

Whatever items are kept apart by (see `single_table.Cut.by`), test comes first, then validation by
the same rule from what remains. Families are connected components: items that share a name or a
sequence, and whoever is linked through them. They are drawn by the seed, and one is taken where
each of its labels still fits into the share of the part, so that shares are met to a few items, and
a family that is larger than the whole part stays in train.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import Items, Split
from rnaernie_bench.task.declaration import HeldOut, SplitDeclaration
from rnaernie_bench.task.single_table import Cut


@dataclass(frozen=True)
class CutParts:
    """What a cut makes of one part, each in the order of its items."""

    train: Items
    validation: Items
    test: Items
    dropped: Items
    """Pairs whose partners stand on different sides."""


def cut(items: Items, declared: Cut, *, where: str = "cut") -> CutParts:
    """Cut `items` as declared.

    Args:
        items: of one level.
        declared: the rule; partners are those of pairs.
        where: the split, for messages.

    Raises:
        DataError: if a part is left empty.
    """
    if declared.by == "item":
        # As the authors of RNAErnie cut their table: one shuffling, the first share trains.
        order = np.random.RandomState(declared.seed).permutation(len(items))
        kept = int(len(items) * (1 - declared.fraction))
        trained = int(kept * (1 - declared.validation))
        parts = [order[:trained], order[trained:kept], order[kept:]]
        train, validation, test = (tuple(items[i] for i in np.sort(part)) for part in parts)
        found = CutParts(train, validation, test, ())
    else:
        random = np.random.RandomState(declared.seed)
        rest, test, mixed = _take(items, declared, declared.fraction, random)
        train, validation, mixed_too = _take(rest, declared, declared.validation, random)
        dropped = {id(item) for item in (*mixed, *mixed_too)}
        found = CutParts(
            train, validation, test, tuple(item for item in items if id(item) in dropped)
        )
    for name in ("test", "validation", "train"):
        if not getattr(found, name):
            raise DataError(
                f"the cut leaves the {name} part empty: its {len(items)} items are of too few "
                "or too large families",
                where=where,
                remedy="change fraction, validation or by of the cut",
            )
    return found


def cut_split(name: str, declared: SplitDeclaration, items: Items, *, where: str) -> Split:
    """Return a split that is cut from one part.

    Test parts that are declared `without_identical_to` lose what train or validation holds too.

    Raises:
        DataError: if a part is left empty.
    """
    assert declared.cut is not None
    parts = cut(items, declared.cut, where=where)
    learned = {item.input for item in (*parts.train, *parts.validation)}
    tests = {
        key: tuple(
            item for item in parts.test if not (test.without_identical_to and item.input in learned)
        )
        for key, test in declared.tests.items()
    }
    return Split(name, parts.train, parts.validation, tests)


def _take(
    items: Items, declared: Cut, fraction: float, random: np.random.RandomState
) -> tuple[Items, Items, Items]:
    """Return what remains of `items`, what is taken, and what is neither."""
    sides = ("first", "second") if declared.by == "both" else (declared.by,)
    families = [
        overlapping([item.sequence for item in items], declared.overlap)
        if side == "overlap"
        else components([_link(item, side) for item in items])
        for side in sides
    ]
    taken = np.array([_drawn(items, family, fraction, random) for family in families])
    sides_taken = taken.sum(axis=0)

    def chosen(which: np.ndarray) -> Items:
        return tuple(item for item, here in zip(items, which.tolist(), strict=True) if here)

    inside, outside = sides_taken == len(sides), sides_taken == 0
    return chosen(outside), chosen(inside), chosen(~inside & ~outside)


def _drawn(
    items: Items, family: np.ndarray, fraction: float, random: np.random.RandomState
) -> np.ndarray:
    """Return which items belong to families that are drawn, bool of shape (items,)."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(family.tolist()):
        members[number].append(index)
    room = {
        stratum: max(1, round(fraction * count))
        for stratum, count in Counter(item.stratum for item in items).items()
    }
    taken = np.zeros(len(items), dtype=bool)
    for number in random.permutation(len(members)).tolist():
        counts = Counter(items[index].stratum for index in members[number])
        if all(room[stratum] >= count for stratum, count in counts.items()):
            taken[members[number]] = True
            for stratum, count in counts.items():
                room[stratum] -= count
    return taken


def _link(item: object, side: str) -> tuple[str, str]:
    """Return name and sequence that link an item to its family."""
    group, sequence = ("group", "sequence") if side == "group" else (f"{side}_group", side)
    return getattr(item, group), getattr(item, sequence)


def overlapping(sequences: Sequence[str], length: int) -> np.ndarray:
    """Return the family of each sequence, as `components` does.

    Args:
        sequences: any.
        length: of a stretch of bases that two of them share; shorter ones count as a whole.
    """
    first: dict[str, int] = {}
    links = [("", sequence) for sequence in sequences]
    for index, sequence in enumerate(sequences):
        for start in range(max(1, len(sequence) - length + 1)):
            holder = first.setdefault(sequence[start : start + length], index)
            if holder != index:
                links.append((f"of {holder}", sequence))
                links.append((f"of {holder}", sequences[holder]))
    return components(links)[: len(sequences)]


def components(links: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return the family of each item, numbered from 0 in the order of first appearance.

    Args:
        links: name and sequence of each item; an empty name links nothing.

    Returns:
        int64 of shape (items,), equal for items that share a name or a sequence, directly or
        through others.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes: dict[tuple[str, str], int] = {}
    edges = [
        (
            nodes.setdefault(("sequence", sequence), len(nodes)),
            nodes.setdefault(("name", name) if name else ("sequence", sequence), len(nodes)),
        )
        for name, sequence in links
    ]
    if not edges:
        return np.empty(0, dtype=np.int64)
    rows, columns = zip(*edges, strict=True)
    shape = (len(nodes), len(nodes))
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (rows, columns)), shape=shape)
    _, family = connected_components(graph, directed=False)
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(family[row], len(numbers)) for row in rows], dtype=np.int64)


def hold_out(items: Items, held_out: HeldOut) -> tuple[Items, Items]:
    """Cut a validation part from `items`: stratified, and without relatives in what remains.

    Items of one group stay together, so do those of one sequence, and whoever is linked through
    them. Such families are drawn by the seed; one is taken while each of its labels has less than
    its share, which is so exceeded by a family at most. An item without a group is its own.

    Returns:
        What remains, and what was cut off, both in the order of `items`.
    """
    families: dict[int, list[Any]] = {}
    for item, family in zip(
        items, components([(item.group, item.sequence) for item in items]).tolist(), strict=True
    ):
        families.setdefault(family, []).append(item)
    labels = Counter(item.stratum for item in items)
    room = {label: max(1, round(held_out.fraction * n)) for label, n in labels.items()}
    named = {min(item.id for item in family): family for family in families.values()}
    taken: set[str] = set()
    for name in by_digest(named, salt=f"{held_out.seed}/"):
        counts = Counter(item.stratum for item in named[name])
        if all(room[label] > 0 for label in counts):
            taken.update(item.id for item in named[name])
            for label, count in counts.items():
                room[label] -= count
    return (
        tuple(item for item in items if item.id not in taken),
        tuple(item for item in items if item.id in taken),
    )


def by_digest(ids: Iterable[str], salt: str = "") -> list[str]:
    """Return ids in the order of their SHA-256, which follows neither seed nor file."""
    return sorted(ids, key=lambda identity: hashlib.sha256((salt + identity).encode()).digest())
