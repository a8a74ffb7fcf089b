"""Motif lists, and where their motifs occur.

The authors' lists: motifs that proteins bind, from the data bases ATtRACT and SpliceAid, and
frequent words ("Statistics"). The first two are written in U, the third in T; both read as U here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import unreadable
from rnaernie_bench.data.alphabet import normalise
from rnaernie_bench.data.sources import find, locate
from rnaernie_bench.pretraining.kernels import Automaton, build_table, find_motifs, unpack
from rnaernie_bench.task.declaration import DataFile

MIN_LENGTH = 4
"""A shorter word stands everywhere."""
MAX_LENGTH = 64
"""A longer word is more than 15 % of any sequence that fits, so it could never be masked whole."""

_SOURCE = (
    "https://raw.githubusercontent.com/CatIIIIIIII/RNAErnie/"
    "3aa906512a3982db0b821fb629835b917c21d558/data/motif"
)
KNOWN_MOTIFS = (
    DataFile(
        path="motifs/ATtRACT.txt",
        sha256="6795d14630fc7550b1c0764f2872e709bdbc44fd50ad9ab2c570d4be81751d79",
        records=4439,
        url=f"{_SOURCE}/ATtRACT.txt",
    ),
    DataFile(
        path="motifs/SpliceAid.txt",
        sha256="3c8280844f2145769fbf6f7f842b4eb9bd793401d83c70745ad17a3defa8807c",
        records=2571,
        url=f"{_SOURCE}/SpliceAid.txt",
    ),
)
"""The authors' lists of motifs known to bind proteins."""
FREQUENT_WORDS = (
    DataFile(
        path="motifs/Statistics.txt",
        sha256="0596080057cf64e61eaa74337f3d90ffc87966a614a696167604b1a62bc3c708",
        records=10000,
        url=f"{_SOURCE}/Statistics.txt",
    ),
)
"""The authors' list of frequent words of 10 to 13 bases."""

_CODES = np.full(256, -1, dtype=np.int8)
_CODES[np.frombuffer(b"ACGU", np.uint8)] = range(4)


class Occurrences(NamedTuple):
    """Where motifs stand in a sequence, by their ends, the longest first; int64 vectors."""

    starts: np.ndarray
    """Position of the first base, from 0."""
    lengths: np.ndarray
    """Bases of the motif."""
    groups: np.ndarray
    """Which list it is from, from 0."""


class MotifMatcher:
    """Finds all occurrences of all motifs in one pass over a sequence, compiled.

    Args:
        groups: lists of motifs in T or U, the most important list first. A motif of several lists
            belongs to the first.

    Raises:
        DataError: for a motif that is empty or holds another letter than A, C, G and U.
    """

    automaton: Automaton
    """What the compiled search and masking work on."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        motifs = [normalise(motif) for group in groups for motif in group]
        encoded = [_encode(motif) for motif in motifs]
        for motif, codes in zip(motifs, encoded, strict=True):
            if len(codes) == 0 or codes.min() < 0:
                raise DataError(
                    "a motif is one or more of the letters A, C, G and U", where=repr(motif)
                )
        lengths = np.array([len(motif) for motif in motifs], dtype=np.int64)
        sizes = [len(group) for group in groups]
        table, most = build_table(
            np.concatenate([*encoded, np.empty(0, np.int8)]),
            np.cumsum(lengths),
            np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        )
        shortest = [min(map(len, group), default=1) for group in groups]
        self.automaton = Automaton(table, int(most), np.array(shortest, dtype=np.int64))

    def find(self, sequence: str) -> Occurrences:
        """Return every occurrence of every motif in `sequence`, in either case, in T or U."""
        codes = _encode(normalise(sequence))
        positions = np.flatnonzero(codes >= 0)
        n = len(positions)
        found = np.empty(n * self.automaton.most + 1, np.int64)
        count = find_motifs(
            self.automaton.table, codes[positions].astype(np.uint8), positions, n, found
        )
        starts, lengths, groups = unpack(found[:count])
        return Occurrences(positions[starts], lengths, groups)


def read_motifs(path: Path) -> tuple[str, ...]:
    """Read a list of motifs: one a line, T read as U.

    Words shorter than `MIN_LENGTH` or longer than `MAX_LENGTH` are left out, as are blank lines.

    Returns:
        The motifs in their order, each once.

    Raises:
        DataError: if the file cannot be read or holds no motif, or a line holds another letter
            than A, C, G, U and T.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise unreadable(error, path) from error
    motifs: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        motif = normalise(line.strip())
        foreign = next((letter for letter in motif if letter not in "ACGU"), None)
        if foreign:
            raise DataError(
                f"a motif has the letter {foreign!r}",
                where=f"{path}, line {number}",
                remedy="write one motif a line, in the letters A, C, G and U or T",
            )
        if MIN_LENGTH <= len(motif) <= MAX_LENGTH:
            motifs[motif] = None
    if not motifs:
        raise DataError(
            f"the file has no motif of {MIN_LENGTH} to {MAX_LENGTH} bases",
            where=path,
            remedy="write one motif a line",
        )
    return tuple(motifs)


def locate_motifs(
    groups: Sequence[Sequence[DataFile]] = (KNOWN_MOTIFS, FREQUENT_WORDS),
    *,
    download: bool = False,
) -> list[list[Path]]:
    """Return where declared files lie, each verified by its checksum.

    Args:
        groups: files of motifs, the most important group first.
        download: whether a missing file may be fetched from its public address.

    Raises:
        DataError: if a file is missing, differs from its checksum or cannot be downloaded.
    """
    for file in (file for group in groups for file in group):
        if not download and find(file.path) is None:
            raise DataError(
                "the motif list is neither in a folder of RNAERNIE_BENCH_DATA nor in the cache",
                where=file.path,
                remedy="set RNAERNIE_BENCH_DATA, or call with download=True",
            )
    return [[locate(file, download=download) for file in group] for group in groups]


def _encode(text: str) -> np.ndarray:
    """Return 0..3 for A, C, G and U, and -1 for everything else: int8 of shape (letters,)."""
    return _CODES[np.frombuffer(text.encode("ascii", errors="replace"), np.uint8)]
