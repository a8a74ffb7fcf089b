"""FASTA: read as a stream, plain or gzip, and refused where it is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign
from rnaernie_bench.data.text import read_lines, refuse_repeated, source_name

ENDINGS = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".frn", ".fsa")
"""Those of FASTA files; they may be packed, with .gz behind."""


def is_fasta(path: Path) -> bool:
    """Return whether a file's name is that of a FASTA file."""
    return path.name.lower().removesuffix(".gz").endswith(ENDINGS)


@dataclass(frozen=True, slots=True)
class FastaRecord:
    """One record of a FASTA file."""

    header: str
    """The header line without its '>' and surrounding blanks."""
    sequence: str
    """Normalised: upper case, T read as U."""
    record: int
    """Its number in the file, from 1."""
    line: int
    """The number of its header line, from 1."""

    @property
    def place(self) -> str:
        """What messages call it, within its file."""
        return f"record {self.record} ({self.header}), line {self.line}"


def read_fasta(source: Path | str, *, checked: bool = True) -> Iterator[FastaRecord]:
    """Yield the records of a FASTA file in order, holding one at a time.

    Sequences may span lines, in either case, with Unix, Windows or old Macintosh line ends;
    blank lines are ignored. Gzip is recognised by its first bytes, not by the file's name.

    Args:
        source: a path, or `-` for standard input.
        checked: whether records without name or sequence, or with foreign letters, are refused.

    Raises:
        DataError: if the file is missing, empty, damaged or not UTF-8; if text stands before the
            first header; if a record has no name, no sequence or a letter outside the alphabet.
    """
    name = source_name(source)
    header: str | None = None
    record = start = 0
    chunks: list[str] = []
    for number, line in read_lines(source):
        if line[0] == ">":
            if header is not None:
                yield _record(name, header, chunks, record, start, checked)
            header, chunks = line[1:].strip(), []
            record, start = record + 1, number
        elif header is None:
            raise DataError(
                "there is text before the first header",
                where=f"{name}, line {number}",
                remedy="a FASTA file begins with a '>' line",
            )
        else:
            chunks.append(line)
    if header is None:
        raise DataError("the file is empty", where=name, remedy="give a file with FASTA records")
    yield _record(name, header, chunks, record, start, checked)


def read_named(
    source: Path | str, *, max_bases: int | None = None, remedy: str = "cut it"
) -> Iterator[tuple[str, str]]:
    """Yield id and sequence of each record of a FASTA file; the id is its header's first word.

    Args:
        source: a path, or `-` for standard input.
        max_bases: the longest sequence that is let through; None for any.
        remedy: what to do about a longer one.

    Raises:
        DataError: as `read_fasta` does; for a repeated id; for a sequence over `max_bases`.
    """
    first: dict[str, str] = {}
    for record in read_fasta(source):
        name = record.header.split()[0]
        where = f"{source_name(source)}, {record.place}"
        refuse_repeated(name, f"record {record.record}", first, where)
        if max_bases is not None and len(record.sequence) > max_bases:
            raise DataError(
                f"the sequence has {len(record.sequence)} bases, {max_bases} fit",
                where=where,
                remedy=remedy,
            )
        yield name, record.sequence


def _record(
    name: str, header: str, chunks: list[str], record: int, line: int, checked: bool
) -> FastaRecord:
    """Return a record, which is perhaps to be checked."""
    found = FastaRecord(header, normalise("".join(chunks)), record, line)
    if not checked:
        return found
    where = f"{name}, {found.place}"
    if not header:
        raise DataError("the record has no name", where=where, remedy="write one after the '>'")
    if not chunks:
        raise DataError("the record has no sequence", where=where, remedy="complete or remove it")
    refuse_foreign(found.sequence, where)
    return found
