"""Base pairs that others predicted, counted as they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.structure_files import KINDS, kind_of, read_structures
from rnaernie_bench.external.said import TELLS, Said
from rnaernie_bench.external.source import Gives, Reading
from rnaernie_bench.structure.counting import count
from rnaernie_bench.structure.notations import NO_PAIRS, pairs_of_sequence
from rnaernie_bench.structure.records import CANONICAL
from rnaernie_bench.structure.scores import COUNTS
from rnaernie_bench.structure.several_partners import has_several, one_partner

_DASH = re.compile(r"(\d+)\s*[-:]\s*(\d+)")
_DASHED = re.compile(rf"(?:{_DASH.pattern}[\s,;]*)*")
_STRUCTURE, _PAIRS = ("structure", "dot_bracket"), ("base_pairs", "pairs")


@dataclass(frozen=True)
class Structures:
    """Reads rows that say which bases of a sequence pair."""

    reading: Reading
    column: str
    """That of structures or lists of pairs."""
    listed: bool
    """Whether it lists pairs."""
    gives: Gives = "pairs"
    tells: frozenset[str] = TELLS["pairs"]

    def read(self, row: Mapping[str, Any], item: Any, where: str) -> np.ndarray:
        """Return what a row says as counts (`structure.scores`): a file of any size can be read.

        Returns:
            int64 of shape (2, counts + 1): counts where all pairs count, and where a base has one
            partner; then how many pairs are canonical if the first base is 1, and if it is 0.

        Raises:
            DataError: naming the row of a bracket without partner, or of a pair that is none of two
                bases of the sequence.
        """
        at, cell, length = f"{where}, column '{self.column}'", row[self.column], len(item.sequence)
        canonical = (0, 0)
        if isinstance(cell, np.ndarray):  # of a structure file
            pairs = cell
        elif self.listed:
            pairs = self._listed(cell, length, at)
            canonical = _canonical(pairs, item.sequence), _canonical(pairs + 1, item.sequence)
        else:
            pairs = pairs_of_sequence(str(cell).strip(), length, where=at)
        every = one = count(pairs, item.pairs, length)
        if has_several(pairs):
            one = count(pairs[one_partner(pairs)], item.pairs, length)
        return np.array([[*every.tolist(), canonical[0]], [*one.tolist(), canonical[1]]], np.int64)

    def _listed(self, cell: Any, length: int, where: str) -> np.ndarray:
        """Return the pairs of a list, int32 (pairs, 2) from 0, i < j, each once and sorted."""
        first = 1 if self.reading.pairs_from is None else self.reading.pairs_from
        # A symmetric list names each pair twice.
        found = np.unique(np.sort(_numbers(cell, where), axis=1), axis=0)
        wrong = found[(found[:, 0] < first) | (found[:, 1] >= length + first)
                      | (found[:, 0] == found[:, 1])]  # fmt: skip
        if len(wrong):
            i, j = wrong[0].tolist()
            raise DataError(
                f"{i} and {j} are no two of {length} bases, counted from {first}",
                where=where,
                remedy="correct it, or say what the first base is with --pairs-from",
            )
        return (found - first).astype(np.int32)

    def finish(self, items: Sequence[Any], said: Sequence[np.ndarray]) -> Said:
        """Return truth and counts as they are stored.

        Raises:
            DataError: if letters say that pairs are counted from the other number.
        """
        table = np.stack(said)
        own, other = table[:, :, -1].sum(axis=0).tolist()
        pairs = int(table[:, 0, 1].sum())
        if self.reading.pairs_from is None and other > max(own + pairs / 4, pairs / 2):
            raise DataError(
                f"of {pairs:,} pairs {own:,} are canonical if the first base is 1, "
                f"{other:,} if it is 0",
                where=f"column '{self.column}'",
                remedy="say which it is with --pairs-from",
            )
        every, one = (_counts(table[:, k, :-1]) for k in (0, 1))
        several = bool((every["predicted"] > one["predicted"]).any())
        chosen = one if self.reading.partners == "one" else every
        return Said(chosen["reference"], chosen, one_partner=one if several else None)


def structures_reader(reading: Reading, columns: Sequence[str]) -> Structures:
    """Return how a table with these columns is read.

    Raises:
        ConfigError: if it has no column of structures, or a setting does not apply.
    """
    for option, is_set in (
        ("--class", reading.decided), ("--column", reading.columns),
        ("--lower-is-better", reading.lower_is_better),
        ("--threshold", reading.threshold is not None),
        ("--gives", reading.gives not in (None, "pairs")),
    ):  # fmt: skip
        if is_set:
            raise ConfigError("base pairs are predicted here", where=option, remedy="leave it out")
    for names, listed in (
        ((reading.structure,), False), ((reading.pairs,), True), (_STRUCTURE, False), (_PAIRS, True)
    ):  # fmt: skip
        for name in filter(None, names):
            if name in columns:
                return Structures(reading, name, listed)
            if names not in (_STRUCTURE, _PAIRS):
                raise ConfigError(
                    f"there is no column '{name}'",
                    where="columns",
                    remedy=did_you_mean(name, list(columns)),
                )
    raise ConfigError(
        f"no column tells base pairs; there are {', '.join(columns)}",
        where="predictions",
        remedy="name it: --structure COLUMN for dot-brackets, --pairs COLUMN for lists",
    )


FILE_COLUMNS = ("id", "sequence", "pairs")
"""Of structure files."""


def is_structures(path: Path) -> bool:
    """Return whether a path is a structure file, or a folder of them."""
    return path.is_dir() or kind_of(path) in KINDS


def structure_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the records of a structure file or folder as rows of `FILE_COLUMNS`, pairs from 0."""
    for record in read_structures(path):
        yield (
            record.place,
            dict(zip(FILE_COLUMNS, (record.id, record.sequence, record.pairs), strict=True)),
        )


def _counts(table: np.ndarray) -> np.ndarray:
    found = np.empty(len(table), dtype=COUNTS)
    for place, name in enumerate(COUNTS.names or ()):
        found[name] = table[:, place]
    return found


def _canonical(pairs: np.ndarray, sequence: str) -> int:
    inside = pairs[((pairs >= 0) & (pairs < len(sequence))).all(axis=1)]
    return sum(sequence[i] + sequence[j] in CANONICAL for i, j in inside.tolist())


def _numbers(cell: Any, where: str) -> np.ndarray:
    """Return the pairs of a cell as integers (pairs, 2): ``[[1, 9], ...]`` or ``1-9,2-8``."""
    value = cell
    if isinstance(cell, str):
        text = cell.strip().replace("(", "[").replace(")", "]")
        if _DASHED.fullmatch(text):
            value = [[int(i), int(j)] for i, j in _DASH.findall(text)]
        else:
            try:
                value = json.loads(text)
            except ValueError:
                value = None
    if isinstance(value, list) and not value:
        return NO_PAIRS.astype(np.int64)
    try:
        found = np.array(value)
    except ValueError:
        found = np.empty(0)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu":
        raise DataError(
            "not a list of pairs of bases", where=where, remedy="write [[1, 9], [2, 8]] or 1-9,2-8"
        )
    return found.astype(np.int64)
