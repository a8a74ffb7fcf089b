"""Which item a row of others' predictions is about, and what does not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import normalise

FAULTS = ("unknown", "duplicate", "contradictory", "missing")
"""Rows of no item; rows that repeat another; items whose rows disagree, with each other or with the
item's sequence; items without a row."""


def sequences_of(item: Any) -> tuple[str, ...]:
    """Return the sequence of an item, or both of a pair."""
    return (item.input,) if isinstance(item.input, str) else tuple(item.input)


@dataclass
class Matcher:
    """Collects what rows say of items.

    An id names one item; a sequence, or a pair of sequences, all items that have it.
    """

    items: Sequence[Any]
    by_id: bool
    rows: int = 0
    found: dict[str, np.ndarray] = field(default_factory=dict)
    """By id of the item, what its row says."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))
    first: dict[str, str] = field(default_factory=dict)
    """The first place of each fault."""

    def __post_init__(self) -> None:
        self._of_id = {item.id: (item,) for item in self.items}
        self._of_sequence: dict[tuple[str, ...], tuple[Any, ...]] = {}
        for item in self.items:
            key = sequences_of(item)
            self._of_sequence[key] = (*self._of_sequence.get(key, ()), item)
        self._said: dict[Any, int] = {}
        self._out: set[str] = set()

    def items_of(
        self, where: str, identity: str | None, sequences: tuple[str, ...]
    ) -> tuple[Any, ...]:
        """Return the items that a row is about; none where it cannot be used.

        Args:
            where: its place.
            identity: its id, which counts where items are matched by id.
            sequences: those of the row; empty where it has none.
        """
        self.rows += 1
        told = tuple(map(normalise, sequences))
        key: Any = identity if self.by_id else told
        items = (self._of_id if self.by_id else self._of_sequence).get(key, ())
        if not items:
            self._fault("unknown", f"{where}: {_short(key)}")
        elif told and told != sequences_of(items[0]):
            self._contradict(items, f"{where}: another sequence than that of '{items[0].id}'")
            return ()
        return items

    def add(self, where: str, items: Iterable[Any], said: np.ndarray) -> None:
        """Keep what a row says of items."""
        items = tuple(items)
        # As many equal rows as items that share a sequence repeat nothing.
        names = tuple(item.id for item in items)
        self._said[names] = self._said.get(names, 0) + 1
        for item in items:
            before = self.found.setdefault(item.id, said)
            if before.tobytes() != said.tobytes():
                self._contradict(items, f"{where}: '{item.id}' is predicted otherwise before")
                return
        if self._said[names] > len(items):
            self._fault("duplicate", f"{where}: '{names[0]}'")

    def finish(self, allowed: bool) -> dict[str, int]:
        """Return how often each fault occurs; items with contradictory rows are missing.

        Args:
            allowed: whether faults are left out rather than refused.

        Raises:
            DataError: telling all faults, and the first place of each, unless they are allowed; or
                if nothing is left.
        """
        for name in self._out:
            self.found.pop(name, None)
        for item in self.items:
            if item.id not in self.found:
                self._fault("missing", f"'{item.id}'")
        faults = [name for name in FAULTS if self.counts[name]]
        if not self.found or (faults and not allowed):
            told = [f"{self.counts[name]:,} {name} (first {self.first[name]})" for name in faults]
            raise DataError(
                f"of {len(self.items):,} test items and {self.rows:,} rows: {', '.join(told)}",
                where="predictions",
                remedy="name the test parts they are of by --part, correct them, or allow for it "
                "with --allow-missing"
                if self.found
                else "check --split, --fold and the columns of ids and sequences",
            )
        return {"rows": self.rows, **self.counts}

    def _fault(self, name: str, place: str) -> None:
        self.counts[name] += 1
        self.first.setdefault(name, place)

    def _contradict(self, items: Iterable[Any], place: str) -> None:
        new = {item.id for item in items} - self._out
        self._out |= new
        self.counts["contradictory"] += len(new)
        self.first.setdefault("contradictory", place)


def _short(key: Any, most: int = 40) -> str:
    text = "no id" if key in (None, "") else key if isinstance(key, str) else "&".join(key)
    return f"'{text if len(text) <= most else text[:most] + '...'}'"
