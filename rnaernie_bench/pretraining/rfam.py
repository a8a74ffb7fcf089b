"""Seed alignments of Rfam: the families and their sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import LETTERS, foreign_letter, normalise
from rnaernie_bench.data.stockholm import Alignment, read_alignments
from rnaernie_bench.pretraining.types import rfam_type

_GAPS = str.maketrans("", "", ".-~_")


@dataclass(frozen=True, slots=True)
class Family:
    """One family with the sequences of its seed alignment."""

    accession: str
    type: str
    """One of `RNA_TYPES`."""
    sequences: tuple[tuple[str, str], ...]
    """Names and sequences without gaps, normalised, in the order of the alignment."""


def read_families(path: Path) -> Iterator[Family]:
    """Yield the families of a file of Stockholm alignments, holding one at a time.

    The file is Stockholm text or a tar archive of such files, plain or gzip; what it is is seen
    from its first bytes. Nothing is ever extracted to disk.

    Raises:
        DataError: naming file, member and line: if the archive is truncated or damaged or holds
            anything but alignments of a sensible size; if an alignment is cut off, has no
            accession, no or an unknown type, or a foreign letter.
    """
    for found in read_alignments(path):
        yield _family(found)


def _family(alignment: Alignment) -> Family:
    """Return a checked family."""
    marks, rows, where = alignment.marks, alignment.rows, alignment.where
    missing = [tag for tag in ("AC", "TP") if not any(marks.get(tag, ()))]
    if missing or not rows:
        lack = f"no '#=GF {missing[0]}' line" if missing else "no sequences"
        raise DataError(
            f"the family {marks.get('AC', ['without accession'])[0]} has {lack}",
            where=where,
            remedy="give Rfam's seed alignments, which name accession and type of each family",
        )
    accession = marks["AC"][0]
    terms = [value.split(";")[1].strip() for value in marks.get("DR", ()) if value[:3] == "SO;"]
    try:
        kind = rfam_type(marks["TP"][0], terms)
    except DataError as error:
        raise DataError(
            error.what, where=f"{where}, family {accession}", remedy=error.remedy
        ) from error
    sequences = []
    for name, row in rows.items():
        sequence = normalise(row.translate(_GAPS))
        foreign = foreign_letter(sequence)
        if foreign:
            raise DataError(
                f"foreign letter {foreign[1]!r} at base {foreign[0] + 1} of {name}",
                where=f"{where}, family {accession}",
                remedy=f"sequences are written in T and the letters {LETTERS}",
            )
        sequences.append((name, sequence))
    return Family(accession, kind, tuple(sequences))
