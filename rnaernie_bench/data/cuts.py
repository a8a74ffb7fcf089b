"""Train, validation and test cut from the items of one part.

Whatever items are kept apart by (see `single_table.Cut.by`), test comes first, then validation by
the same rule from what remains. Clusters of linked items (`data.clusters`) are drawn by the seed,
and one is taken where each of its labels still fits into the share of the part, so that shares are
met to a few items, and a cluster that is larger than the whole part stays in train. Of a label none
of whose clusters fits, the smallest is taken. The last cluster of a label is never taken.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.clusters import clusters_of, counted
from rnaernie_bench.data.items import Clusters, Items, Split
from rnaernie_bench.data.leakage import shares_stretch
from rnaernie_bench.task.declaration import HeldOut, SplitDeclaration, Unrelated
from rnaernie_bench.task.single_table import Cut


@dataclass(frozen=True)
class CutParts:
    """What a cut makes of one part, each in the order of its items."""

    train: Items
    validation: Items
    test: Items
    dropped: Items
    """Pairs whose partners stand on different sides."""
    clusters: dict[str, Clusters] = field(default_factory=dict)
    """By part, what it was cut from; empty where items alone are drawn, and of both partners."""


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
        clusters: dict[str, Clusters] = {}
        rest, test, mixed = _take(items, declared, "test", random, clusters)
        train, validation, mixed_too = _take(rest, declared, "validation", random, clusters)
        dropped = {id(item) for item in (*mixed, *mixed_too)}
        left_out = tuple(item for item in items if id(item) in dropped)
        found = CutParts(train, validation, test, left_out, clusters)
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
    return Split(name, parts.train, parts.validation, tests, clusters=parts.clusters)


def _take(
    items: Items,
    declared: Cut,
    part: str,
    random: np.random.RandomState,
    clusters: dict[str, Clusters],
) -> tuple[Items, Items, Items]:
    """Return what remains of `items`, what is taken, and what is neither; count clusters."""
    if declared.by == "position":
        return _take_positions(items, declared, part, random, clusters)
    fraction = declared.fraction if part == "test" else declared.validation
    sides = ("first", "second") if declared.by == "both" else (declared.by,)
    found = [clusters_of(items, side, declared) for side in sides]
    if len(found) == 1:
        clusters[part] = counted(found[0], declared.by, declared)
    drawn_by = [
        drawn(items, cluster, fraction, random.permutation(int(cluster.max()) + 1).tolist())
        for cluster in found
    ]
    sides_taken = np.sum(drawn_by, axis=0)

    def chosen(which: Any) -> Items:
        return tuple(item for item, here in zip(items, which.tolist(), strict=True) if here)

    inside, outside = sides_taken == len(sides), sides_taken == 0
    return chosen(outside), chosen(inside), chosen(~inside & ~outside)


def _take_positions(
    items: Items,
    declared: Cut,
    part: str,
    random: np.random.RandomState,
    clusters: dict[str, Clusters],
) -> tuple[Items, Items, Items]:
    """Do what `_take` does by a share of the positions at which variants differ."""
    fraction = declared.fraction if part == "test" else declared.validation
    at = Counter(place for item in items for place in item.positions)
    sites = sorted(at)
    chosen = set(random.permutation(sites)[: max(1, round(fraction * len(sites)))].tolist())
    clusters[part] = Clusters("position", None, len(sites), max(at.values(), default=0))
    sides: dict[bool | None, list[Any]] = {False: [], True: [], None: []}
    for item in items:
        found = {place in chosen for place in item.positions} or {False}
        sides[found.pop() if len(found) == 1 else None].append(item)
    return tuple(sides[False]), tuple(sides[True]), tuple(sides[None])


def drawn(
    items: Items, cluster: NDArray[np.int64], fraction: float, order: Sequence[int]
) -> NDArray[np.int64]:
    """Return which items belong to clusters that are drawn.

    Args:
        items: what is cut.
        cluster: of each.
        fraction: the share of each label to take, of one item at least.
        order: the clusters, in the order in which they are asked for.

    Returns:
        1 or 0, of shape (items,).
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(cluster.tolist()):
        members[number].append(index)
    labels = {number: Counter(items[i].stratum for i in found) for number, found in members.items()}
    clusters = Counter(label for counts in labels.values() for label in counts)
    total = Counter(item.stratum for item in items)
    share = {label: max(1, round(fraction * count)) for label, count in total.items()}
    room = dict(share)
    taken = np.zeros(len(items), dtype=np.int64)

    def take(number: int) -> None:
        taken[members[number]] = 1
        for label, count in labels[number].items():
            room[label] -= count
            clusters[label] -= 1

    left: dict[Any, list[int]] = defaultdict(list)
    for number in order:
        counts = labels[number]
        if all(room[label] >= n and clusters[label] > 1 for label, n in counts.items()):
            take(number)
            continue
        for label in counts:
            left[label].append(number)
    for label, numbers in left.items():
        smallest = min(numbers, key=lambda number: len(members[number]))
        if room[label] == share[label] and all(clusters[other] > 1 for other in labels[smallest]):
            take(smallest)
    return taken


def hold_out(items: Items, held_out: HeldOut) -> tuple[Items, Items, Clusters]:
    """Cut a validation part from `items`: stratified, and without relatives in what remains.

    Clusters are drawn by the seed and do not depend on the order of the items.

    Returns:
        What remains to train, and what was cut off, both in the order of `items`; what it was cut
        from.
    """
    cluster = clusters_of(items, held_out.by, held_out)
    named: dict[int, str] = {}
    for item, number in zip(items, cluster.tolist(), strict=True):
        named[number] = min(item.id, named.get(number, item.id))
    numbers = {name: number for number, name in named.items()}
    order = [numbers[name] for name in by_digest(numbers, salt=f"{held_out.seed}/")]
    taken = drawn(items, cluster, held_out.fraction, order).tolist()
    rest = tuple(item for item, cut_off in zip(items, taken, strict=True) if not cut_off)
    validation = tuple(item for item, cut_off in zip(items, taken, strict=True) if cut_off)
    for partner in held_out.apart:
        own, others = ([getattr(item, partner) for item in part] for part in (rest, validation))
        shared = shares_stretch(own, others, held_out.overlap).tolist()
        rest = tuple(item for item, near in zip(rest, shared, strict=True) if not near)
    return rest, validation, counted(cluster, held_out.by, held_out)


def unrelated(items: Items, others: Sequence[Any], declared: Unrelated) -> Items:
    """Return the items that are linked, directly or through others, with none of `others`."""
    cluster = clusters_of((*items, *others), declared.by, declared)
    met = np.isin(cluster[: len(items)], cluster[len(items) :])
    return tuple(item for item, linked in zip(items, met.tolist(), strict=True) if not linked)


def by_digest(ids: Iterable[str], salt: str = "") -> list[str]:
    """Return ids in the order of their SHA-256, which follows neither seed nor file."""
    return sorted(ids, key=lambda identity: hashlib.sha256((salt + identity).encode()).digest())
