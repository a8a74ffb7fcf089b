"""The items that models disagree on, and what those have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnaernie_bench.leaderboard.aligned import Aligned

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """A test item on which rows disagree."""

    id: str
    """The hash of its id, 16 hexadecimal digits."""
    group: str
    label: str
    right: tuple[float, ...]
    """By row: the share of its runs that are right."""
    predicted: tuple[str, ...]
    """By row: what most of its runs predict."""


@dataclass(frozen=True)
class Tally:
    """Items of one label, or of one group."""

    name: str
    items: int
    disputed: int
    right: tuple[float, ...]
    """By row: the share right, over items and runs."""


@dataclass(frozen=True)
class Disagreement:
    """Where rows differ."""

    disputed: int
    """Items of which one row has more than half of its runs right, and another has not."""
    labels: tuple[Tally, ...]
    groups: tuple[Tally, ...]
    """Those with the most disputed items first; items without a group are left out."""
    items: tuple[Item, ...]
    """Those with the widest spread first: of the share right, then of the truth's probability."""


def disagreement(aligned: Aligned, labels: Sequence[str], *, most: int) -> Disagreement:
    """Find where the rows of `aligned` differ.

    Args:
        aligned: two rows or more.
        labels: the names of the classes.
        most: how many items and groups to list.
    """
    rows = range(len(aligned.predicted))
    right = np.array([aligned.right(row) for row in rows])
    certain = np.array([_certainty(aligned, row) for row in rows])
    most_right = right > 0.5
    disputed = np.asarray(most_right.any(axis=0) & ~most_right.all(axis=0))
    order = np.lexsort((aligned.ids, -np.ptp(certain, axis=0), -np.ptp(right, axis=0)))
    chosen = [int(index) for index in order[:most] if np.ptp(right[:, index]) > 0]
    n_classes = len(labels)
    votes = np.array([_votes(aligned, row, n_classes).argmax(axis=1) for row in rows])
    names = np.array(labels, dtype=object)
    items = [
        Item(
            id=f"{int(aligned.ids[index]):016x}",
            group=aligned.groups[index],
            label=labels[aligned.truth[index]],
            right=tuple(map(float, right[:, index])),
            predicted=tuple(names[votes[:, index]]),
        )
        for index in chosen
    ]
    by_group = _tallies(np.array(aligned.groups, dtype=object), disputed, right)
    return Disagreement(
        disputed=int(disputed.sum()),
        labels=tuple(_tallies(names[aligned.truth], disputed, right)),
        groups=tuple(tally for tally in by_group if tally.name and tally.disputed)[:most],
        items=tuple(items),
    )


def _tallies(
    names: npt.NDArray[np.object_], disputed: npt.NDArray[np.bool_], right: Floats
) -> list[Tally]:
    """Count by name, the most disputed first."""
    kinds, member = np.unique(names.astype(str), return_inverse=True)
    counts = np.bincount(member)
    disputes = np.bincount(member, disputed).astype(int)
    shares = np.array([np.bincount(member, row) / counts for row in right])
    return [
        Tally(str(kinds[k]), int(counts[k]), int(disputes[k]), tuple(map(float, shares[:, k])))
        for k in np.lexsort((kinds, -disputes))
    ]


def _votes(aligned: Aligned, row: int, n_classes: int) -> Floats:
    """Return how many of a row's runs predict each class, shape (n, classes)."""
    one_hot = np.eye(n_classes)
    return np.asarray(sum(one_hot[aligned.answer.decided(run)] for run in aligned.predicted[row]))


def _certainty(aligned: Aligned, row: int) -> Floats:
    """Return the mean probability that a row's runs give to the true class, shape (n,)."""
    runs = aligned.predicted[row]
    return np.asarray(np.mean([aligned.answer.certainty(aligned.truth, run) for run in runs], 0))
