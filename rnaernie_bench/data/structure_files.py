"""Structure files: dot-bracket, BPSEQ, CT and bpRNA's st, checked record by record.

All are read line by line, plain or gzip, with any number of records a file, and lead to the same
`StructureRecord`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign
from rnaernie_bench.data.text import STANDARD_INPUT, read_lines, source_name
from rnaernie_bench.structure.notations import checked_pairs, dot_bracket_to_pairs
from rnaernie_bench.structure.records import StructureRecord

_NAME = re.compile(r"#\s*(?:name|id)\s*:\s*(.+)", re.IGNORECASE)
_ENERGY_BEHIND = re.compile(r"\s+(?:\(\s*[-+]?\d[\d.]*\s*\)|[-+]?\d+\.\d+)$")
"""What RNAfold writes behind a structure: ``(-12.30)``."""
_ENERGY_BEFORE = re.compile(r"(?:energy|dg)\s*=\s*\S+\s*(?:\[.*?\]\s*)?", re.IGNORECASE)
"""What mfold and RNAstructure write before a name: ``ENERGY = -12.3``."""
_REMARK = re.compile(r"[A-Za-z][\w ./-]*:")
"""A head line of BPSEQ files from the Comparative RNA Web site: ``Organism: ...``."""
_DIGITS = 9
"""Of the numbers of bases: arrays of them hold no more than 64 bits."""


@dataclass
class _Lines:
    """The lines of one record, as they are collected."""

    source: str
    record: int
    line: int
    """The number of its first line."""
    name: str
    """Its name, or the file's where it has none."""
    rows: list[tuple[int, str]] = field(default_factory=list)
    declared: int | None = None
    """The length that a CT header announces."""

    def at(self, line: int | None = None) -> str:
        """Return what messages call a line of the record, by default its first."""
        return f"{self.source}, record {self.record} ({self.name}), line {line or self.line}"


def structure_files(folder: Path) -> list[Path]:
    """Return all structure files of a folder and its subfolders, in the order of names.

    Raises:
        DataError: if there are none.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file() and kind_of(file))
    if not files:
        raise DataError(
            "the folder has no structure file",
            where=folder,
            remedy=f"their names end in {', '.join(_SUFFIXES)}, perhaps with .gz behind",
        )
    return files


def read_structures(
    source: Path | str,
    *,
    kind: str | None = None,
    max_bases: int | None = None,
    left_out: Collection[int] = (),
    refused: dict[int, DataError] | None = None,
) -> Iterator[StructureRecord]:
    """Yield the records of a file, or of all structure files of a folder in the order of names.

    Letters are normalised; non-canonical pairs, pseudoknots and records without a pair are kept
    (`records.summarise` counts them).

    Args:
        source: a file, a folder (searched with its subfolders), or `-` for standard input.
        kind: one of `KINDS`; None to go by the end of the name, `.gz` apart.
        max_bases: the longest sequence that is let through; None for any.
        left_out: the records of a file, from 1, that are not read.
        refused: receives what is wrong with records, by their numbers, in place of an error.

    Raises:
        DataError: naming file, record and line: if nothing can be read; if a record is empty, is
            longer than `max_bases`, has a foreign letter or mark, a structure of another length, an
            unbalanced bracket, a base out of range, paired with itself or twice, or two lines that
            disagree on a pair.
    """
    path = Path(source)
    if str(source) != STANDARD_INPUT and path.is_dir():
        for file in structure_files(path):
            yield from read_structures(file, max_bases=max_bases)
        return
    kind = kind or kind_of(path)
    if kind not in KINDS:
        raise DataError(
            "the suffix is not that of a structure file",
            where=source_name(source),
            remedy=f"let it end in one of {', '.join(_SUFFIXES)}",
        )
    split, parse = KINDS[kind]
    name = source_name(source)
    empty = True
    for lines in split(name, _stem(path), read_lines(source)):
        empty = False
        if lines.record in left_out:
            continue
        try:
            record = parse(lines)
        except DataError as error:
            if refused is None:
                raise
            refused[lines.record] = error
            continue
        if max_bases is not None and len(record) > max_bases:
            raise DataError(
                f"the sequence has {len(record)} bases, {max_bases} fit",
                where=lines.at(),
                remedy="cut or remove it",
            )
        yield record
    if empty:
        raise DataError("the file is empty", where=name, remedy="give a file with structures")


def called(records: Iterator[StructureRecord], path: Path, after: str) -> Iterator[StructureRecord]:
    """Yield the records of a file, called after themselves (`records`) or after the `file`."""
    if after == "records":
        yield from records
        return
    for number, record in enumerate(records, start=1):
        yield replace(record, id=_stem(path) + (f":{number}" if number > 1 else ""))


def kind_of(path: Path) -> str | None:
    """Return the kind of file that a name stands for."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def _stem(path: Path) -> str:
    """Return the name of a file without what tells its kind: the id of a record without name."""
    name = path.name.removesuffix(".gz")
    return name.removesuffix(Path(name).suffix)


Numbered = Iterator[tuple[int, str]]


def _split_texts(source: str, stem: str, lines: Numbered) -> Iterator[_Lines]:
    """Yield the records of dot-bracket and st files: a name, if any, and lines below it.

    A name is a FASTA header or bpRNA's ``#Name:``; other lines that begin with # are remarks.
    """
    current: _Lines | None = None
    for number, line in lines:
        named = _NAME.match(line)
        if named or line[0] == ">":
            if current is not None:
                yield current
            name = (named[1] if named else line[1:]).strip()
            current = _Lines(source, current.record + 1 if current else 1, number, name)
        elif line[0] != "#":
            current = current or _Lines(source, 1, number, stem)
            current.rows.append((number, line))
    if current is not None:
        yield current


def _parse_dot_bracket(lines: _Lines) -> StructureRecord:
    """Return the record of a sequence line and a structure line, perhaps with an energy behind."""
    _refuse_empty(lines)
    if len(lines.rows) > 2:
        raise DataError(
            "more than a sequence and a structure stand in the record",
            where=lines.at(lines.rows[2][0]),
            remedy="write each on one line",
        )
    return _texts(lines)


def _parse_st(lines: _Lines) -> StructureRecord:
    """Return the record of an st file, whose annotation follows from sequence and structure."""
    _refuse_empty(lines)
    return _texts(lines)


def _texts(lines: _Lines) -> StructureRecord:
    """Return the record of its first two lines, sequence and structure."""
    sequence = lines.rows[0][1]
    if len(lines.rows) < 2:
        raise DataError(
            "the record has no structure",
            where=lines.at(lines.rows[0][0]),
            remedy="write one below the sequence; dots for unpaired bases",
        )
    number, structure = lines.rows[1]
    if len(structure) > len(sequence):
        structure = _ENERGY_BEHIND.sub("", structure)
    if len(structure) != len(sequence):
        raise DataError(
            f"the structure has {len(structure)} symbols, the sequence {len(sequence)} letters",
            where=lines.at(number),
            remedy="write one mark a base",
        )
    return _record(lines, sequence, dot_bracket_to_pairs(structure, where=lines.at(number)))


def _split_bpseq(source: str, stem: str, lines: Numbered) -> Iterator[_Lines]:
    """Yield the records of BPSEQ: a new one begins with a name, or where counting starts anew."""
    current = _Lines(source, 1, 0, stem)
    for number, line in lines:
        named = _NAME.match(line)
        row = not named and line[0] != "#"
        if row and not current.rows and _REMARK.match(line):
            continue
        starts = row and line.split()[0] == "1"
        if current.rows and (named or starts):
            yield current
            current = _Lines(source, current.record + 1, 0, stem)
        if named or row:
            current.line = current.line or number
        if named:
            current.name = named[1].strip()
        elif row:
            current.rows.append((number, line))
    if current.line:
        yield current


def _parse_bpseq(lines: _Lines) -> StructureRecord:
    """Return the record of rows `base number, letter, partner or 0`."""
    return _table(lines, columns=3, partner=2)


def _split_ct(source: str, stem: str, lines: Numbered) -> Iterator[_Lines]:
    """Yield the records of CT: a header with the length, then as many rows."""
    current: _Lines | None = None
    for number, line in lines:
        if line[0] == "#":
            continue
        if current is None or len(current.rows) == current.declared:
            if current is not None:
                yield current
            length, title = (*line.split(maxsplit=1), "")[:2]
            record = current.record + 1 if current else 1
            name = _ENERGY_BEFORE.sub("", title.strip(), count=1).strip() or stem
            current = _Lines(source, record, number, name)
            current.declared = _whole(length, "length", current, number)
        else:
            current.rows.append((number, line))
    if current is not None:
        yield current


def _parse_ct(lines: _Lines) -> StructureRecord:
    """Return the record of rows `base number, letter, before, behind, partner or 0, number`."""
    if len(lines.rows) != lines.declared:
        raise DataError(
            f"the header announces {lines.declared} bases, {len(lines.rows)} follow",
            where=lines.at(),
            remedy="complete the record or fix its header",
        )
    return _table(lines, columns=6, partner=4)


def _table(lines: _Lines, *, columns: int, partner: int) -> StructureRecord:
    """Return the record of one row a base, its letter second, its partner in a given column."""
    _refuse_empty(lines)
    letters, claims = [], []
    for expected, (number, line) in enumerate(lines.rows, start=1):
        cells = line.split()
        if len(cells) < columns or len(cells[1]) != 1:
            raise DataError(
                f"the line is not one base in {columns} columns",
                where=lines.at(number),
                remedy="write number, letter" + (", before, behind" if columns == 6 else "")
                + ", partner" + (", number" if columns == 6 else ""),
            )  # fmt: skip
        if _whole(cells[0], "base number", lines, number) != expected:
            raise DataError(
                f"base {cells[0]} stands where base {expected} belongs",
                where=lines.at(number),
                remedy="list all bases in order",
            )
        letters.append(cells[1])
        claims.append(_whole(cells[partner], "partner", lines, number))
    pairs = []
    for (number, _), (i, j) in zip(lines.rows, enumerate(claims, start=1), strict=True):
        if j == 0:
            continue
        if not 0 < j <= len(claims) or i == j:
            checked_pairs(np.array([(i - 1, j - 1)]), len(claims), where=lines.at(number))
        if claims[j - 1] != i:
            says = f"with {claims[j - 1]}" if claims[j - 1] else "unpaired"
            raise DataError(
                f"base {i} is paired with {j}, but base {j} is {says}",
                where=lines.at(number),
                remedy="write every pair at both of its bases",
            )
        if i < j:
            pairs.append((i - 1, j - 1))
    return _record(lines, "".join(letters), checked_pairs(np.array(pairs), len(claims)))


def _whole(text: str, what: str, lines: _Lines, number: int) -> int:
    """Return a number written in digits."""
    if not (text.isascii() and text.isdigit()):
        raise DataError(
            f"the {what} {text!r} is no number",
            where=lines.at(number),
            remedy="write a whole number from 0 on",
        )
    if len(text.lstrip("0")) > _DIGITS:
        raise DataError(
            f"the {what} {text[:24]!r} is larger than any sequence is long",
            where=lines.at(number),
            remedy="correct it",
        )
    return int(text)


def _refuse_empty(lines: _Lines) -> None:
    if not lines.rows:
        raise DataError(
            "the record has no sequence", where=lines.at(), remedy="complete or remove it"
        )


def _record(lines: _Lines, letters: str, pairs: np.ndarray) -> StructureRecord:
    """Return the finished record."""
    name = lines.name.split()
    if not name:
        raise DataError(
            "the record has no name", where=lines.at(), remedy="write one in its header"
        )
    sequence = normalise(letters)
    refuse_foreign(sequence, lines.at(lines.rows[0][0]))
    lower = sum(letter.islower() for letter in letters)
    return StructureRecord(name[0], sequence, pairs, lower_case=lower, place=lines.at())


KINDS: dict[
    str,
    tuple[Callable[[str, str, Numbered], Iterator[_Lines]], Callable[[_Lines], StructureRecord]],
] = {
    "dbn": (_split_texts, _parse_dot_bracket),
    "bpseq": (_split_bpseq, _parse_bpseq),
    "ct": (_split_ct, _parse_ct),
    "st": (_split_texts, _parse_st),
}
"""How each kind of file is cut into records, and a record parsed."""

_SUFFIXES = {
    ".dbn": "dbn",
    ".db": "dbn",
    ".dot": "dbn",
    ".bpseq": "bpseq",
    ".ct": "ct",
    ".st": "st",
    ".sta": "st",
}
