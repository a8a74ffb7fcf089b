"""Variants of a reference sequence: mutations read, applied and found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign

BASES = "ACGU"

_MUTATION = re.compile(r"([A-Z])(\d+)([A-Z])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s:;,+/]+")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One base for another."""

    place: int
    """Counted from 0."""
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old}{self.place + 1}{self.new}"


def variant(text: str, reference: str, where: str) -> str:
    """Return the sequence of a variant.

    Args:
        text: mutations such as ``U2A`` or ``u2a:g5c``, positions counted from 1, in any case, with
            T or U; or the whole sequence.
        reference: what mutations are told of, normalised; empty where there is none.
        where: the place of the variant, for messages.

    Raises:
        DataError: for a mutation of another base than the reference has, or of none; for two of
            one position; or for a foreign letter of a sequence.
    """
    parts = [part for part in _BETWEEN.split(text.strip()) if part]
    told = [_MUTATION.fullmatch(part) for part in parts]
    if not parts or not all(told):
        if not parts:
            raise DataError("the variant is empty", where=where, remedy="leave it out")
        sequence = normalise(text.strip())
        refuse_foreign(sequence, where)
        return sequence
    if not reference:
        raise DataError(
            f"'{text.strip()}' is told of a reference, and there is none",
            where=where,
            remedy="give the reference, or the whole sequence",
        )
    letters = list(reference)
    changed: set[int] = set()
    for part, match in zip(parts, told, strict=True):
        assert match is not None
        old, number, new = normalise(match[1]), int(match[2]), normalise(match[3])
        refuse_foreign(old + new, where)
        fault = _fault(old, number, new, reference, changed)
        if fault:
            raise DataError(f"'{part}' is no mutation: {fault}", where=where, remedy="correct it")
        changed.add(number)
        letters[number - 1] = new
    return "".join(letters)


def _fault(old: str, number: int, new: str, reference: str, changed: set[int]) -> str:
    """Return what is wrong with a mutation, or nothing."""
    if not 1 <= number <= len(reference):
        return f"the reference has the positions 1 to {len(reference)}"
    if number in changed:
        return f"position {number} is changed already"
    if reference[number - 1] != old:
        return f"the reference has {reference[number - 1]} at position {number}"
    return "it changes nothing" if new == old else ""


def mutations(sequence: str, reference: str) -> tuple[Mutation, ...]:
    """Return what tells a sequence from the reference, from the first position on.

    Raises:
        ValueError: they differ in length, so that something was inserted or deleted.
    """
    return tuple(
        Mutation(place, old, new)
        for place, (old, new) in enumerate(zip(reference, sequence, strict=True))
        if old != new
    )


def positions(sequence: str, reference: str) -> tuple[int, ...]:
    """Return where a sequence differs from the reference, from 1; nothing where lengths differ."""
    if len(sequence) != len(reference):
        return ()
    return tuple(found.place + 1 for found in mutations(sequence, reference))


def every_single(reference: str) -> Iterator[str]:
    """Yield all sequences that differ from a reference in one base, by position and base."""
    for place, old in enumerate(reference):
        for new in BASES:
            if new != old:
                yield reference[:place] + new + reference[place + 1 :]
