"""Pair probabilities of RNAs by ViennaRNA's partition function, computed once and then cached.

McCaskill 1990 (doi 10.1002/bip.360290621) as in Lorenz et al. 2011 (doi 10.1186/1748-7188-6-26), at
37 °C with the Turner 2004 parameters. Of the pairs of bases of an RNA few are at all likely, so
that those alone are kept: about 6 KB for 150 bases. One SQLite file a version of ViennaRNA holds
them by sequence; several processes can read and extend it at once.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from rnaernie_bench.core import paths
from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.files import as_bench_error
from rnaernie_bench.core.progress import steps
from rnaernie_bench.core.time_limit import check_time
from rnaernie_bench.structure.thermodynamics import vienna

T = TypeVar("T")

LEAST = 1e-4
"""The smallest probability of a pair that is kept."""

PAIRS = np.dtype([("i", "<u2"), ("j", "<u2"), ("p", "<f2")])
"""A pair i < j of bases, counted from 0, and its probability."""

_FORMAT = 1
"""Part of the file's name: a new number leaves old files behind."""

_CHUNK = 32
"""Sequences handed to a process at once, and written together."""

_ASKED = 500
"""Sequences asked for in one query."""


def pair_probabilities(sequences: Sequence[str], *, workers: int | None = None) -> list[np.ndarray]:
    """Return the likely pairs of each sequence, an array of `PAIRS` each, from the cache.

    What is not there is computed and added, the longest sequences first, some at a time: what an
    interruption leaves is found again. Letters other than A, C, G and U stay unpaired.

    Args:
        sequences: normalised, perhaps repeated, each of at most 65,536 bases; time grows with the
            cube of their length.
        workers: how many processes compute; one for each CPU if None. One means this process.

    Raises:
        ConfigError: if ViennaRNA is not installed.
        TimeLimitError: if the time of the command is over.
        BenchError: if the cache cannot be read or written.
    """
    version = str(vienna().__version__)  # missing, it is missed here and not in another process
    path = paths.cache_folder() / "pair-probabilities" / f"vienna-{version}-{_FORMAT}.sqlite"
    distinct = {_key(sequence): sequence for sequence in sequences}
    with _opened(path) as database:
        found = _known(database, list(distinct))
        missing = sorted((s for k, s in distinct.items() if k not in found), key=len, reverse=True)
        with steps("pair probabilities", len(missing), "sequences") as step:
            for chunk in _computed(missing, workers):
                check_time()
                rows = [(_key(sequence), pairs.tobytes()) for sequence, pairs in chunk]
                with database:
                    database.executemany("INSERT OR IGNORE INTO pairs VALUES (?, ?)", rows)
                found.update(rows)
                step(len(rows))
    return [np.frombuffer(found[_key(sequence)], dtype=PAIRS) for sequence in sequences]


PAIR_FEATURES: Mapping[str, Callable[..., list[np.ndarray]]] = {"bpp": pair_probabilities}
"""What `task.features` can name: called with sequences, returns the likely pairs of
each, an array of `PAIRS`."""


def dense(pairs: np.ndarray, bases: int) -> np.ndarray:
    """Return pair probabilities as a matrix, float32 (bases, bases), symmetric.

    Args:
        pairs: an array of `PAIRS`.
        bases: of the sequence.
    """
    matrix = np.zeros((bases, bases), dtype=np.float32)
    matrix[pairs["i"], pairs["j"]] = matrix[pairs["j"], pairs["i"]] = pairs["p"]
    return matrix


def _cut(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _key(sequence: str) -> bytes:
    return hashlib.sha256(sequence.encode()).digest()[:16]


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the cache, and say where it lies if it fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS pairs (sequence BLOB PRIMARY KEY, pairs BLOB NOT NULL)"
                " WITHOUT ROWID"
            )
            yield database
    except OSError as error:
        raise as_bench_error(error, path.parent) or error from error
    except sqlite3.Error as error:
        raise BenchError(
            f"the cache of pair probabilities fails: {error}", where=path, remedy="delete it"
        ) from error


def _known(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for some in _cut(keys, _ASKED):
        marks = ", ".join("?" * len(some))
        rows = database.execute(f"SELECT * FROM pairs WHERE sequence IN ({marks})", some)
        found.update(rows.fetchall())
    return found


def _computed(
    sequences: Sequence[str], workers: int | None
) -> Iterator[list[tuple[str, np.ndarray]]]:
    chunks = _cut(sequences, _CHUNK)
    workers = min(workers or available_cores(), len(chunks))
    if workers <= 1:
        yield from map(_likely_pairs, chunks)
        return
    # A forked process would inherit locks that threads of torch may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_likely_pairs, chunks)


def _likely_pairs(sequences: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    return [(sequence, _partition(sequence)) for sequence in sequences]


def _partition(sequence: str) -> np.ndarray:
    """Return the likely pairs of a sequence, an array of `PAIRS`."""
    compound = vienna().fold_compound(sequence)
    _, energy = compound.mfe()
    compound.exp_params_rescale(energy)  # or the ensemble of a long sequence overflows
    compound.pf()
    found = compound.plist_from_probs(LEAST)
    return np.array([(pair.i - 1, pair.j - 1, pair.p) for pair in found], dtype=PAIRS)
