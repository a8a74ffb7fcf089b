"""Features of a frozen backbone, computed once for a data set and kept in the cache.

A cache file is keyed by the weights, the data, the head that reads the features and the length
policy, so that it can never serve another question. Processes that want the same file wait for the
first one to finish it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from rnaernie_bench.core import paths
from rnaernie_bench.core.files import as_bench_error, atomic_path

FORMAT = 1
"""Part of the key: a new number leaves old files behind."""


@dataclass(frozen=True)
class FeatureTable:
    """One row of features a distinct sequence."""

    rows: np.ndarray
    """float32 of shape (distinct sequences, hidden), memory-mapped."""
    index: Mapping[str, int]
    """Sequence -> row."""
    seconds: float
    """What computing them took in this process; 0 when they came from the cache."""
    cached: bool

    def __contains__(self, sequence: object) -> bool:
        return sequence in self.index

    def of(self, sequences: Sequence[str]) -> np.ndarray:
        """Return the rows of `sequences`, float32 of shape (sequences, hidden)."""
        return self.rows[[self.index[sequence] for sequence in sequences]]


def cached_features(
    sequences: Sequence[str],
    compute: Callable[[Sequence[str]], np.ndarray],
    *,
    key: Mapping[str, str],
) -> FeatureTable:
    """Return features of `sequences` from the cache, computing them if they are not there.

    Args:
        sequences: sequences, perhaps repeated; each distinct one is computed once.
        compute: maps distinct sequences to float32 features of shape (sequences, hidden).
        key: everything the features depend on, apart from this function.

    Raises:
        BenchError: if the cache cannot be written.
    """
    distinct = list(dict.fromkeys(sequences))
    path = _path(key)
    start = time.perf_counter()
    with _lock(path):
        cached = path.exists()
        if not cached:
            features = compute(distinct)
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, features)
    seconds = 0.0 if cached else time.perf_counter() - start
    rows = np.load(path, mmap_mode="r")
    return FeatureTable(rows, {s: i for i, s in enumerate(distinct)}, seconds, cached)


@dataclass(frozen=True)
class StateTable:
    """The states of all bases of each distinct sequence."""

    rows: np.ndarray
    """float16 of shape (bases of all sequences, hidden), memory-mapped."""
    places: Mapping[str, int]
    """Sequence -> row of its first base."""
    seconds: float
    """What computing them took in this process; 0 when they came from the cache."""
    cached: bool

    def __contains__(self, sequence: object) -> bool:
        return sequence in self.places

    def of(self, sequence: str) -> np.ndarray:
        """Return the states of a sequence, float16 of shape (bases, hidden)."""
        start = self.places[sequence]
        return self.rows[start : start + len(sequence)]


def cached_states(
    sequences: Sequence[str],
    compute: Callable[[Sequence[str]], Iterator[tuple[int, np.ndarray]]],
    *,
    key: Mapping[str, str],
) -> StateTable:
    """Return states of the bases of `sequences` from the cache, computing them if they lack.

    They are kept in half precision: a relative error of one in two thousand at most.

    Args:
        sequences: sequences, perhaps repeated; each distinct one is computed once.
        compute: yields, in any order, the index of each distinct sequence and its states, of shape
            (bases, hidden).
        key: everything the states depend on, apart from this function.

    Raises:
        BenchError: if the cache cannot be written.
    """
    distinct = list(dict.fromkeys(sequences))
    ends = np.cumsum([len(sequence) for sequence in distinct])
    starts = [0, *ends[:-1].tolist()]
    path = _path({**key, "of": "bases"})
    start = time.perf_counter()
    with _lock(path):
        cached = path.exists()
        if not cached:
            with atomic_path(path) as temporary:
                rows: np.memmap | None = None
                for index, states in compute(distinct):
                    if rows is None:
                        shape = (int(ends[-1]), states.shape[1])
                        rows = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
                    rows[starts[index] : int(ends[index])] = states
                assert rows is not None, "no sequence"
                rows.flush()
                del rows
    seconds = 0.0 if cached else time.perf_counter() - start
    places = dict(zip(distinct, starts, strict=True))
    return StateTable(np.load(path, mmap_mode="r"), places, seconds, cached)


def digest_of(sequences: Sequence[str]) -> str:
    """Return what identifies sequences in a key: a hash of the distinct ones, in their order."""
    return hashlib.sha256("\n".join(dict.fromkeys(sequences)).encode()).hexdigest()


def _lock(path: Path) -> FileLock:
    """Return a lock that one process at a time holds for `path`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_bench_error(error, path.parent) or error from error
    return FileLock(path.with_suffix(".lock"))


def _path(key: Mapping[str, str]) -> Path:
    canonical = json.dumps({"format": FORMAT, **key}, sort_keys=True)
    name = hashlib.sha256(canonical.encode()).hexdigest()
    return paths.cache_folder() / "features" / name[:2] / f"{name}.npy"
