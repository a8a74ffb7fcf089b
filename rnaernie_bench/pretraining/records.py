"""What a corpus is made of: its options, and its records as a checked stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rnaernie_bench.backbones.vocabulary import MAX_BASES
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.alphabet import checked_sequence
from rnaernie_bench.data.cells import spelt, text_of
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.tables import open_table
from rnaernie_bench.pretraining.exclusion import EvaluationFile
from rnaernie_bench.pretraining.rfam import read_families
from rnaernie_bench.pretraining.types import type_of
from rnaernie_bench.task.declaration import Table

_NO_TYPE = "write `>ID TYPE` or `>ID ... type=TYPE`, or give one type to all: corpus.type=TYPE"


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """One sequence with what is known about it."""

    id: str
    sequence: str
    """Normalised: upper case, T read as U."""
    type: str
    """One of `RNA_TYPES`."""
    family: str
    """Empty if unknown."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called."""

    id: str = "id"
    """Row numbers serve where there is no such column."""
    sequence: str = "sequence"
    type: str = "type"
    family: str | None = None


@dataclass(frozen=True)
class CorpusOptions:
    """What a corpus is made of, and what is left out of it."""

    name: str
    format: Literal["rfam", "fasta", "table"]
    """`rfam`: Stockholm seed alignments; `table`: Arrow, Parquet, CSV or a hub set."""
    files: tuple[str, ...] = ()
    """Paths, or paths below a folder of `$RNAERNIE_BENCH_DATA`."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """Hexadecimal digests by file; files that are not named here are not compared."""
    licence: str = ""
    header: str = r"(?P<id>\S+)\s+(?:.*?\btype=)?(?P<type>[^\s;,|]+)"
    """Regular expression for the beginning of FASTA headers: groups id, type, perhaps family."""
    type: str | None = None
    """The type of every record, for FASTA files and tables that name none."""
    hub: str | None = None
    """A data set of the Hugging Face hub, for `table`; it is streamed."""
    revision: str | None = None
    """Its commit."""
    split: str = "train"
    """Its split."""
    columns: Columns = Columns()
    """Of a table."""
    min_length: int = 16
    """Shorter sequences are left out."""
    max_length: int = MAX_BASES
    length: Literal["truncate", "drop"] = "truncate"
    """A longer sequence: its first `max_length` bases, or nothing."""
    duplicates: Literal["drop", "keep"] = "drop"
    """Dropping them takes eight bytes of memory a record, twice that at times; keeping none."""
    exclude: tuple[EvaluationFile, ...] = ()
    """Evaluation items that are kept out, see `Exclusion`."""
    identity: float | None = 0.8
    """Lowest identity to an evaluation item at which a record is kept out; null: no search."""
    contained: int | None = 50
    """Length from which on what stands inside the other is kept out; null: no search."""
    held_out: float = 0.02
    """Share of the families of each type, or of the records without family, held out."""
    seed: int = 0
    """Of the choice of what is held out."""

    def __post_init__(self) -> None:
        _require(bool(self.files) != bool(self.hub), "files", "given, or else corpus.hub")
        _require(not self.hub or self.format == "table", "format", "table for a hub set")
        _require(1 <= self.max_length <= MAX_BASES, "max_length", f"from 1 to {MAX_BASES}")
        _require(1 <= self.min_length <= self.max_length, "min_length", "from 1 to max_length")
        _require(0 <= self.held_out < 1, "held_out", "from 0 to below 1")
        _require(self.identity is None or 0 < self.identity <= 1, "identity", "above 0, up to 1")
        if self.type is not None:
            _type(self.type, "corpus.type")
        try:
            groups = re.compile(self.header).groupindex
        except re.error as error:
            raise ConfigError(
                f"not a regular expression ({error})", where="corpus.header"
            ) from error
        _require("id" in groups, "header", "an expression with the group (?P<id>...)")


def _require(condition: bool, key: str, allowed: str) -> None:
    if not condition:
        raise ConfigError(f"the value must be {allowed}", where=f"corpus.{key}")


def read_records(options: CorpusOptions, paths: list[Path]) -> Iterator[CorpusRecord]:
    """Yield the records of a corpus, holding no more than one family at a time.

    Args:
        options: how the sources are read.
        paths: where `options.files` lie.

    Raises:
        DataError: naming file and record, header or row: if a source is damaged, or a record has
            no type, an unknown one or a foreign letter.
    """
    if options.hub:
        yield from _table(options, options.hub)
    for path in paths:
        if options.format == "rfam":
            for family in read_families(path):
                for name, sequence in family.sequences:
                    identity = f"{family.accession}/{name}"
                    yield CorpusRecord(identity, sequence, family.type, family.accession)
        elif options.format == "fasta":
            yield from _fasta(options, path)
        else:
            yield from _table(options, str(path.resolve()))


def _fasta(options: CorpusOptions, path: Path) -> Iterator[CorpusRecord]:
    pattern = re.compile(options.header)
    for record in read_fasta(path):
        where = f"{path}, record {record.record} ({record.header}), line {record.line}"
        match = pattern.match(record.header)
        found = match.groupdict() if match else {}
        word = options.type or found.get("type")
        if not word:
            raise DataError("the header names no RNA type", where=where, remedy=_NO_TYPE)
        identity = found.get("id") or record.header.split()[0]
        family = found.get("family") or ""
        yield CorpusRecord(identity, record.sequence, _type(word, where), family)


def _table(options: CorpusOptions, source: str) -> Iterator[CorpusRecord]:
    columns = options.columns
    table = Table(source, split=options.split, revision=options.revision)
    opened = open_table(table, streaming=True)
    needed = {"sequence": columns.sequence}
    if options.type is None:
        needed["type"] = columns.type
    if columns.family is not None:
        needed["family"] = columns.family
    opened.require({f"the {role} (corpus.columns.{role})": c for role, c in needed.items()})
    for number, (where, row) in enumerate(opened.placed(), start=1):
        sequence = checked_sequence(text_of(row, columns.sequence, where), where)
        text = {role: spelt(row[column]) for role, column in needed.items()}
        kind = _type(options.type or text["type"], where)
        identity = spelt(row[columns.id]) if columns.id in opened.columns else str(number)
        yield CorpusRecord(identity, sequence, kind, text.get("family", ""))


def _type(word: str, where: str) -> str:
    try:
        return type_of(word)
    except DataError as error:
        raise DataError(error.what, where=where, remedy=error.remedy) from error
