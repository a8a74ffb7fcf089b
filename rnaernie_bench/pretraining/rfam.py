"""Seed alignments of Rfam, with the RNA type of each family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.stockholm import read_alignments
from rnaernie_bench.pretraining.types import rfam_type


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

    Raises:
        DataError: as `read_alignments` does, or for an unknown type.
    """
    for found in read_alignments(path):
        terms = [v.split(";")[1].strip() for v in found.marks.get("DR", ()) if v[:3] == "SO;"]
        try:
            kind = rfam_type(found.marks["TP"][0], terms)
        except DataError as error:
            raise DataError(error.what, where=found.where, remedy=error.remedy) from error
        yield Family(found.accession, kind, found.sequences)
