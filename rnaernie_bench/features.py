"""Features of a frozen backbone, computed once for a data set and kept in the cache.

A cache file is keyed by the weights, the data, the head that reads the features and the length
policy, so that it can never serve another question. Processes that want the same file wait for the
first one to finish it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from rnaernie_bench import resources
from rnaernie_bench.files import as_bench_error, atomic_path

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
    return resources.cache_folder() / "features" / name[:2] / f"{name}.npy"
