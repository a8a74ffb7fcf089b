"""Evaluation items kept out of pre-training: what is identical, contained or nearly identical."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.alphabet import normalise
from rnaernie_bench.data.fasta import read_fasta

Reason = Literal["identical", "contained", "near"]

SEED = 32
"""Bases by which containment is looked up."""


_STEP = 1 << 12  # sequences between two lines of the log


@dataclass(frozen=True)
class EvaluationFile:
    """A file of validation or test items of a task."""

    name: str
    """What the report calls it; several files may share a name."""
    path: str
    """Where it lies below a folder of `$RNAERNIE_BENCH_DATA`."""
    sha256: str
    """Hexadecimal digest of its bytes."""
    format: Literal["fasta", "dbn", "csv", "lines", "json"]
    """`dbn`: three lines a record; `lines`: a sequence a line; `json`: a mapping of columns."""
    columns: tuple[str, ...] = ()
    """Of sequences, for `csv` and `json`; whole numbers, from 1, where a CSV file has no header."""
    reversed: bool = False
    """Whether the sequences are also read from their other end (some are stored 3' to 5')."""
    delimiter: str = ","
    """Between the columns of a CSV file; lines that begin with `#` are left out."""
    families: bool = False
    """Whether a record that is kept out for its sake takes its whole family along, for parts that
    ask what a model does with families it has not seen."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Why a sequence is kept out, and for the sake of which evaluation sets."""

    reason: Reason
    sets: tuple[str, ...]


def read_evaluation(file: EvaluationFile, path: Path) -> Iterator[str]:
    """Yield the normalised sequences of an evaluation file, plain, gzip or zip.

    Raises:
        DataError: if the file cannot be read as its format, or lacks a column.
    """
    try:
        if file.format == "fasta":
            sequences: Iterable[str] = (record.sequence for record in read_fasta(path))
        else:
            sequences = _READERS[file.format](_text(path), file)
        for sequence in sequences:
            if plain := normalise(sequence.strip()):
                yield plain
                if file.reversed:
                    yield plain[::-1]
    except (
        OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeDecodeError, csv.Error,
        LookupError, TypeError, AttributeError, json.JSONDecodeError,
    ) as error:  # fmt: skip
        raise DataError(
            f"the evaluation items cannot be read: {type(error).__name__}: {error}",
            where=path,
            remedy=f"correct format and columns of '{file.name}' in corpus.exclude",
        ) from error


def _text(path: Path) -> str:
    """Return the text of a file or, of a zip archive, of its first member."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read(archive.namelist()[0])
    return data.decode("utf-8-sig")


def _csv(text: str, file: EvaluationFile) -> Iterator[str]:
    columns = file.columns
    lines = (line for line in io.StringIO(text, newline="") if not line.startswith("#"))
    rows = csv.reader(lines, delimiter=file.delimiter)
    if all(column.isdecimal() for column in columns):
        places = [int(column) - 1 for column in columns]
    else:
        header = next(rows, [])
        places = [{name: i for i, name in enumerate(header)}[column] for column in columns]
    for row in rows:
        yield from (row[place] for place in places)


def _dbn(text: str, file: EvaluationFile) -> Iterator[str]:
    header = False
    for line in text.splitlines():
        if header:
            yield line
        header = line.startswith(">")


def _json(text: str, file: EvaluationFile) -> Iterator[str]:
    table = json.loads(text)
    for column in file.columns:
        values = table[column]
        yield from values.values() if isinstance(values, Mapping) else values


_READERS: Mapping[str, Any] = {
    "csv": _csv,
    "dbn": _dbn,
    "json": _json,
    "lines": lambda text, file: text.splitlines(),
}


class Exclusion:
    """Evaluation items, arranged for looking sequences up.

    Args:
        sets: name of an evaluation set -> its normalised sequences.
        identity: the lowest identity over the whole length, as `neighbours.near` has it, at which
            a sequence is kept out; None keeps out by the other two rules only.
        contained: the length from which on a sequence is also kept out if it stands, letter by
            letter, inside an evaluation item, or such an item inside it; None for never.
        log: receives the progress of a search.

    Raises:
        ConfigError: if `contained` is below `SEED`.
    """

    def __init__(
        self,
        sets: Mapping[str, Iterable[str]],
        *,
        identity: float | None = 0.8,
        contained: int | None = 50,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        if contained is not None and contained < SEED:
            raise ConfigError(f"{contained} is below {SEED}", where="corpus.contained")
        self.identity, self.contained, self._log = identity, contained, log
        owners: dict[str, list[str]] = {}
        for name, sequences in sets.items():
            for sequence in dict.fromkeys(sequences):
                owners.setdefault(sequence, []).append(name)
        self._owners = {sequence: tuple(names) for sequence, names in owners.items()}
        # Sorted, so that ties between references do not depend on the order of files.
        self._references = sorted(self._owners)

    def __len__(self) -> int:
        return len(self._references)

    def check(self, sequences: Sequence[str]) -> list[Hit | None]:
        """Return for each of the normalised `sequences` why it is kept out, or None."""
        hits: list[Hit | None] = [
            Hit("identical", self._owners[s]) if s in self._owners else None for s in sequences
        ]
        if self.contained is not None:
            self._check_contained(sequences, hits)
        open_ = [i for i, hit in enumerate(hits) if hit is None]
        if self.identity is not None and open_:
            from rnaernie_bench.pretraining.neighbours import near

            nearest = near(
                [sequences[i] for i in open_], self._references, self.identity, self._report
            )
            for i, reference in zip(open_, nearest.tolist(), strict=True):
                if reference >= 0:
                    hits[i] = Hit("near", self._owners[self._references[reference]])
        return hits

    def _report(self, done: int, total: int) -> None:
        if done % _STEP == 0 or done == total:
            self._log(f"compared {done} of {total} sequences with {len(self)} evaluation items")

    def _check_contained(self, sequences: Sequence[str], hits: list[Hit | None]) -> None:
        assert self.contained is not None
        own = [i for i, s in enumerate(sequences) if hits[i] is None]
        texts = [sequences[i] for i in own]
        of_items = ((o, r) for r, o in find_contained(self._references, texts, self.contained))
        of_texts = find_contained(texts, self._references, self.contained)
        for text, reference in chain(of_items, of_texts):
            if hits[own[text]] is None:
                owners = self._owners[self._references[reference]]
                hits[own[text]] = Hit("contained", owners)


def find_contained(
    needles: Sequence[str], haystacks: Sequence[str], shortest: int
) -> Iterator[tuple[int, int]]:
    """Yield index pairs (needle, haystack) such that the needle stands inside the haystack.

    Args:
        needles: sequences; those below `shortest` are left out.
        haystacks: sequences.
        shortest: at least `SEED`, by whose bases places are looked up.
    """
    by_seed: dict[str, list[int]] = {}
    for index, needle in enumerate(needles):
        if len(needle) >= shortest:
            by_seed.setdefault(needle[:SEED], []).append(index)
    for number, haystack in enumerate(haystacks):
        for start in range(len(haystack) - shortest + 1):
            for index in by_seed.get(haystack[start : start + SEED], ()):
                if haystack.startswith(needles[index], start):
                    yield index, number
