"""What a task is made of once it is read: items, data sets and splits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np


class Item:
    """One input of a task with what is true of it: what items of all levels have in common."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def id(self) -> str:
            """Unique within its data set."""

        @property
        def sequence(self) -> str:
            """Normalised: upper case, T read as U."""

        @property
        def group(self) -> str:
            """What it shares with its relatives (an Rfam family, a gene); empty if unknown."""

    @property
    def input(self) -> Any:
        """What a model reads: the sequence."""
        return self.sequence

    @property
    def stratum(self) -> Any:
        """What a share of the items holds in equal proportions: nothing."""
        return 0

    @property
    def kept_with(self) -> str:
        """The name that it shares with those no cut parts it from: its group."""
        return self.group

    @property
    def truth(self) -> object:
        """What is true of the input, to be compared with what is true of an equal one."""
        return self.values().tobytes()

    @property
    def known(self) -> np.ndarray:
        """Of which labels anything is known, bool (labels,)."""
        return np.asarray(~np.isnan(self.values()).all(axis=0))

    @property
    def classes(self) -> set[float]:
        """The classes that are known of any of its units."""
        values = self.values()
        return set(np.unique(values[~np.isnan(values)]).tolist())

    def values(self) -> np.ndarray:
        """Return what is true of its units, float32 (units, labels), of classes (units, 1).

        Units stand in the order in which models score them; what is unknown is nan.
        """
        raise NotImplementedError

    def listed(self) -> np.ndarray:
        """Return what is told of its units, float32 (told, labels), in any order."""
        return self.values()

    def deviations(self) -> np.ndarray | None:
        """Return standard errors in the shape of `values`; None if there are none."""
        return None

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.line() == other.line()

    def __hash__(self) -> int:
        return hash((self.id, self.sequence))


class LabelledItem(Item):
    """An item of one unit: its label is the index of a class, or a number for each label."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def label(self) -> int | tuple[float, ...]:
            """Index into the task's frozen label order, or numbers, nan where unknown."""

    @property
    def stratum(self) -> int:
        """What a share of the items holds in equal proportions: the class, if it has one."""
        return self.label if isinstance(self.label, int) else 0

    @property
    def truth(self) -> object:
        """The label with None for nan, which differs from itself."""
        if isinstance(self.label, int):
            return self.label
        return tuple(None if math.isnan(value) else value for value in self.label)

    def values(self) -> np.ndarray:
        """Return the label, float32 (1, labels)."""
        return np.array([self.label], dtype=np.float32).reshape(1, -1)


@dataclass(frozen=True, slots=True)
class SequenceItem(LabelledItem):
    """One labelled sequence of a sequence-level task."""

    id: str
    sequence: str
    label: int | tuple[float, ...]
    """Index into the frozen label order, or a number for each label, nan where it is unknown."""
    group: str = ""
    positions: tuple[int, ...] = ()
    """Where it differs from the reference of its data set, from 1."""

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        return f"{self.id}\t{self.sequence}\t{self.label}\t{self.group}\n"


@dataclass(frozen=True, slots=True, eq=False)
class TokenItem(Item):
    """One sequence of a token-level task, with what is known of its bases."""

    id: str
    sequence: str
    labels: np.ndarray
    """float32 of shape (bases, labels), of classes (bases, 1): nan where unknown."""
    group: str = ""
    errors: np.ndarray | None = None
    """float32 of the shape of `labels`: standard errors of measurement; None if unknown."""

    def values(self) -> np.ndarray:
        """Return `labels`."""
        return self.labels

    def deviations(self) -> np.ndarray | None:
        """Return `errors`."""
        return self.errors

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        digest = hashlib.sha256(self.labels.astype("<f4").tobytes())
        if self.errors is not None:
            digest.update(self.errors.astype("<f4").tobytes())
        return f"{self.id}\t{self.sequence}\t{digest.hexdigest()}\t{self.group}\n"


@dataclass(frozen=True, slots=True, eq=False)
class ContactItem(Item):
    """One sequence of a contact-level task, with its base pairs."""

    id: str
    sequence: str
    pairs: np.ndarray
    """int32 of shape (pairs, 2), 0-based, i < j, sorted, each base at most once."""
    group: str = ""
    """What the item shares with its relatives: its family, or the database it is from."""

    @property
    def stratum(self) -> str:
        """What a share of the items holds in equal proportions: the group."""
        return self.group

    @property
    def kept_with(self) -> str:
        """Nothing: its group is what all parts hold shares of."""
        return ""

    @property
    def truth(self) -> object:
        """The base pairs, to be compared with those of an equal sequence."""
        return self.pairs.tobytes()

    def values(self) -> np.ndarray:
        """Return which bases pair, float32 (pairs of bases, 1), row by row."""
        return _triangle(self.sequence, self.pairs, np.ones((len(self.pairs), 1), np.float32), 0.0)

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        pairs = ",".join(f"{i}-{j}" for i, j in self.pairs.tolist())
        return f"{self.id}\t{self.sequence}\t{pairs}\t{self.group}\n"


@dataclass(frozen=True, slots=True, eq=False)
class ContactValuesItem(Item):
    """One sequence of a contact-level task, with what is known of pairs of its bases.

    They are classes, labels or quantities: base pairs that are decoded stand in a `ContactItem`.
    """

    id: str
    sequence: str
    places: np.ndarray
    """int32 of shape (listed, 2), 0-based, i < j, sorted, none twice."""
    labels: np.ndarray
    """float32 of shape (listed, labels), of classes (listed, 1): nan where unknown."""
    unlisted: float
    """What is true of all other pairs of bases: 0, or nan where it is unknown."""
    group: str = ""

    @property
    def truth(self) -> object:
        """What is listed, to be compared with what is listed of an equal sequence."""
        return self.places.tobytes(), self.labels.tobytes()

    @property
    def known(self) -> np.ndarray:
        """Of which labels anything is known, bool (labels,)."""
        return np.asarray(~np.isnan(self.labels).all(axis=0) | (self.unlisted == 0))

    @property
    def classes(self) -> set[float]:
        """The classes that are listed, and that of all other pairs of bases."""
        return {0.0, *np.unique(self.labels[~np.isnan(self.labels)]).tolist()}

    def values(self) -> np.ndarray:
        """Return what is true of all pairs i < j of bases, row by row, float32 (pairs, labels)."""
        return _triangle(self.sequence, self.places, self.labels, self.unlisted)

    def listed(self) -> np.ndarray:
        """Return `labels`: of long sequences, all pairs of bases are many."""
        return self.labels

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        digest = hashlib.sha256(self.places.astype("<i4").tobytes())
        digest.update(self.labels.astype("<f4").tobytes())
        return f"{self.id}\t{self.sequence}\t{digest.hexdigest()}\t{self.group}\n"


@dataclass(frozen=True, slots=True)
class PairItem(LabelledItem):
    """Two sequences of a pair-level task: whether they interact, or how."""

    id: str
    """Unique within its data set: the row of its table, from 1."""
    first: str
    """Normalised, 5' to 3'; the query, such as a miRNA."""
    second: str
    """Normalised, 5' to 3'; its possible target."""
    label: int | tuple[float, ...]
    """As of a `SequenceItem`."""
    first_group: str = ""
    """The name of the first partner, which many sequences may share; empty if unknown."""
    second_group: str = ""
    """The same of the second partner."""
    by_sequence: bool = False
    """Whether its relatives are the pairs of the same first sequence, rather than of its name."""

    @property
    def input(self) -> tuple[str, str]:
        """What a model reads."""
        return self.first, self.second

    @property
    def group(self) -> str:
        """What the item shares with its relatives: the first partner's name, or its sequence.

        The latter is told as a hash where it is asked for.
        """
        if self.by_sequence:
            return hashlib.blake2b(self.first.encode(), digest_size=8).hexdigest()
        return self.first_group or self.first

    @property
    def kept_with(self) -> str:
        """The first partner's name, or its sequence where it has none."""
        return self.first_group or self.first

    @property
    def sequence(self) -> str:
        """Both sequences, with what stands between the strands of a duplex."""
        return f"{self.first}&{self.second}"

    def line(self) -> str:
        """Return all of the item as the fingerprint of its data set reads it."""
        return (
            f"{self.id}\t{self.first}\t{self.second}\t{self.label}"
            f"\t{self.first_group}\t{self.second_group}\n"
        )


def _triangle(sequence: str, places: np.ndarray, values: np.ndarray, other: float) -> np.ndarray:
    """Return `values` of the pairs of bases in `places`, and `other` of all the others.

    Returns:
        float32 (pairs i < j of bases, row by row, columns of `values`).
    """
    bases, (i, j) = len(sequence), places.astype(np.int64).T
    table = np.full((bases * (bases - 1) // 2, values.shape[1]), other, np.float32)
    table[i * (2 * bases - i - 1) // 2 + j - i - 1] = values
    return table


Items = tuple[Any, ...]
"""Items of one level, of a class that is an `Item`."""


@dataclass(frozen=True)
class Dataset:
    """Named parts of items, as a task's files or its simulation give them."""

    name: str
    parts: Mapping[str, Items]
    simulated: bool = False
    added: frozenset[str] = frozenset()
    """Parts that came later, which the fingerprint leaves out."""
    fingerprint: str = field(init=False)
    """SHA-256 over every part's name and items, in order: equal data, equal fingerprint."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for name, items in self.parts.items():
            if name in self.added:
                continue
            digest.update(f">{name}\n".encode())
            for item in items:
                digest.update(item.line().encode())
        object.__setattr__(self, "fingerprint", digest.hexdigest())


def sequences_in(dataset: Dataset) -> dict[str, str]:
    """Return each distinct sequence of a data set with a name that no other has.

    It is the id of the first item that has it; of items of several sequences, of ids that stand in
    several parts, a number is added.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for items in dataset.parts.values():
        for item in items:
            for sequence in (item.input,) if isinstance(item.input, str) else item.input:
                if sequence in found:
                    continue
                name, number = item.id, 1
                while name in taken:
                    number += 1
                    name = f"{item.id}.{number}"
                taken.add(name)
                found[sequence] = name
    return found


@dataclass(frozen=True)
class Clusters:
    """Clusters of items that no cut parts, counted."""

    by: str
    """What links two items, beside one sequence: `group`, `overlap`, `similarity`."""
    threshold: float | None
    """The bases that linked sequences share, or their identity; None where names alone link."""
    n: int
    """How many clusters there are."""
    largest: int
    """Items of the largest."""

    def entry(self) -> dict[str, Any]:
        """Return what a record says of them."""
        threshold = {} if self.threshold is None else {"threshold": self.threshold}
        return {"by": self.by, **threshold, "n": self.n, "largest": self.largest}


@dataclass(frozen=True)
class Split:
    """Train, validation and one or more named test parts; selection never sees the tests."""

    name: str
    train: Items
    validation: Items
    tests: Mapping[str, Items]
    fold: str | None = None
    clusters: Mapping[str, Clusters] = field(default_factory=dict)
    """By part, `validation` or `test`: what it was cut from in whole clusters."""


def labels_of(items: Sequence[SequenceItem | PairItem]) -> np.ndarray:
    """Return the class of each item, int64 of shape (items,), where labels are classes."""
    return np.array([item.label for item in items], dtype=np.int64)


def evenly(items: Items, count: int) -> Items:
    """Return `count` of the items, or all if there are fewer, drawn evenly from all lengths."""
    by_length = sorted(items, key=lambda item: len(item.sequence))
    places = np.linspace(0, len(by_length) - 1, min(count, len(by_length))).round().astype(int)
    return tuple(by_length[place] for place in places)
