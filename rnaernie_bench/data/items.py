"""What a task is made of once it is read: items, data sets and splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class SequenceItem:
    """One labelled sequence of a sequence-level task."""

    id: str
    """Unique within its data set."""
    sequence: str
    """Normalised: upper case, T read as U."""
    label: int
    """Index into the task's frozen label order."""
    group: str = ""
    """What the item shares with its relatives (an Rfam family, a gene); empty if unknown."""


@dataclass(frozen=True)
class Dataset:
    """Named parts of items, as a task's files or its simulation give them."""

    name: str
    parts: Mapping[str, tuple[SequenceItem, ...]]
    simulated: bool = False
    fingerprint: str = field(init=False)
    """SHA-256 over every part's name and items, in order: equal data, equal fingerprint."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for name, items in self.parts.items():
            digest.update(f">{name}\n".encode())
            for item in items:
                digest.update(f"{item.id}\t{item.sequence}\t{item.label}\t{item.group}\n".encode())
        object.__setattr__(self, "fingerprint", digest.hexdigest())


@dataclass(frozen=True)
class Split:
    """Train, validation and one or more named test parts; selection never sees the tests."""

    name: str
    train: tuple[SequenceItem, ...]
    validation: tuple[SequenceItem, ...]
    tests: Mapping[str, tuple[SequenceItem, ...]]
    fold: str | None = None


def labels_of(items: Sequence[SequenceItem]) -> np.ndarray:
    """Return the class of each item, int64 of shape (items,)."""
    return np.array([item.label for item in items], dtype=np.int64)
