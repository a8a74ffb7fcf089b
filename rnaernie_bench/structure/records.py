"""One sequence with its base pairs, and what a collection of them holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rnaernie_bench.structure.notations import nested_part

MIN_LOOP = 3
"""The fewest unpaired bases that a hairpin can turn around in."""

CANONICAL = frozenset({"AU", "UA", "GC", "CG", "GU", "UG"})


@dataclass(frozen=True, eq=False, slots=True)
class StructureRecord:
    """One sequence with its secondary structure; records are equal if all three fields are."""

    id: str
    sequence: str
    """Normalised: upper case, T read as U."""
    pairs: np.ndarray
    """int32 of shape (pairs, 2), 0-based, i < j, sorted, each base at most once."""
    lower_case: int = field(default=0, kw_only=True)
    """How many letters were in lower case where the record was read."""
    place: str = field(default="", kw_only=True)
    """Where it was read: file, record and line, for messages."""

    def __len__(self) -> int:
        return len(self.sequence)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StructureRecord)
            and (self.id, self.sequence) == (other.id, other.sequence)
            and np.array_equal(self.pairs, other.pairs)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Summary:
    """What records hold that a reader of results should know about."""

    records: int
    bases: int
    shortest: int
    longest: int
    pairs: int
    non_canonical: int
    """Pairs other than AU, GC and GU."""
    tight: int
    """Pairs with fewer than three bases between them."""
    crossing: int
    """Pairs outside the largest nested part of their structure."""
    pseudoknotted: int
    """Records with such pairs."""
    unpaired: int
    """Records without a pair."""
    lower_case: int
    """Records that held lower case, which normalising removed."""


def non_canonical(record: StructureRecord) -> np.ndarray:
    """Say which pairs of `record` are none of AU, GC and GU, as bool of shape (pairs,)."""
    sequence = record.sequence
    found = [sequence[i] + sequence[j] not in CANONICAL for i, j in record.pairs.tolist()]
    return np.array(found, dtype=bool)


def summarise(records: Iterable[StructureRecord]) -> Summary:
    """Count what `records` hold. They are kept whatever they hold, so it has to be said."""
    lengths, pairs, odd, tight, crossing, knotted, unpaired, lower = [], 0, 0, 0, 0, 0, 0, 0
    for record in records:
        outside = len(record.pairs) - int(nested_part(record.pairs).sum())
        lengths.append(len(record))
        pairs += len(record.pairs)
        odd += int(non_canonical(record).sum())
        tight += int((record.pairs[:, 1] - record.pairs[:, 0] <= MIN_LOOP).sum())
        crossing += outside
        knotted += outside > 0
        unpaired += not len(record.pairs)
        lower += record.lower_case > 0
    return Summary(
        records=len(lengths),
        bases=sum(lengths),
        shortest=min(lengths, default=0),
        longest=max(lengths, default=0),
        pairs=pairs,
        non_canonical=odd,
        tight=tight,
        crossing=crossing,
        pseudoknotted=knotted,
        unpaired=unpaired,
        lower_case=lower,
    )
