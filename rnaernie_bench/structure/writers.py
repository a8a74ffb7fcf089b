"""Structures written as dot-bracket, CT and BPSEQ; `readers` reads all of it back."""

from __future__ import annotations

from collections.abc import Callable

from rnaernie_bench.structure.notations import pairs_to_dot_bracket, partners
from rnaernie_bench.structure.records import StructureRecord


def to_dot_bracket(record: StructureRecord) -> str:
    """Return a FASTA header, the sequence and the dot-bracket string, a line each.

    Raises:
        DataError: if the structure needs more than 30 kinds of brackets.
    """
    structure = pairs_to_dot_bracket(record.pairs, len(record), where=record.place or record.id)
    return f">{record.id}\n{record.sequence}\n{structure}\n"


def to_bpseq(record: StructureRecord) -> str:
    """Return a ``#Name:`` line and, for each base, its number, its letter and its partner or 0."""
    found = partners(record.pairs, len(record)).tolist()
    rows = (f"{i} {record.sequence[i - 1]} {j + 1}\n" for i, j in enumerate(found, start=1))
    return f"#Name: {record.id}\n" + "".join(rows)


def to_ct(record: StructureRecord) -> str:
    """Return a header with length and id, and six columns a base: the connectivity table."""
    found = partners(record.pairs, len(record)).tolist()
    rows = (
        f"{i} {record.sequence[i - 1]} {i - 1} {(i + 1) % (len(found) + 1)} {j + 1} {i}\n"
        for i, j in enumerate(found, start=1)
    )
    return f"{len(found)} {record.id}\n" + "".join(rows)


WRITERS: dict[str, Callable[[StructureRecord], str]] = {
    ".dbn": to_dot_bracket,
    ".ct": to_ct,
    ".bpseq": to_bpseq,
}
"""What writes the records of a file, by the end of its name."""
