"""Features of a frozen backbone as batches: of sequences whose features are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.data.batching import copy_weights


@dataclass(frozen=True)
class Kept:
    """Tables of features: one, or one for each copy that a sequence is read as."""

    tables: Sequence[Any]
    """`feature_cache.FeatureTable` or `StateTable`, or what is like one of them."""
    shares: Callable[[Sequence[str]], np.ndarray] | None = None
    """How much each copy counts, float32 (sequences, tables), not read if 0; rows sum to 1. None:
    there is one table."""

    def hold(self, sequences: Iterable[str]) -> bool:
        """Return whether features of all of some sequences are there."""
        return all(sequence in self.tables[0] for sequence in sequences)

    @property
    def half(self) -> bool:
        """Whether they are kept in half precision."""
        return getattr(self.tables[0], "rows", None) is not None and (
            self.tables[0].rows.dtype == np.float16
        )

    def weights(self, sequences: Sequence[str]) -> np.ndarray | None:
        """Return how much each copy of some sequences counts."""
        return None if self.shares is None else self.shares(sequences)


@dataclass(frozen=True)
class Rows:
    """A row of features for each sequence, the mean of those of its copies."""

    tables: Sequence[Any]
    sequences: Sequence[str]
    shares: np.ndarray | None = None

    averages: ClassVar[bool] = True
    """Whether features of the copies of a sequence are averaged."""

    @property
    def costs(self) -> np.ndarray:
        """One each."""
        return np.ones(len(self.sequences), dtype=np.int64)

    @property
    def counts(self) -> None:
        """One each."""

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``features``, float32 (sequences, width)."""
        chosen = [self.sequences[index] for index in indices]
        if self.shares is None:
            rows = self.tables[0].of(chosen)
        else:
            shares = self.shares[list(indices)]
            rows = sum(t.of(chosen) * shares[:, k, None] for k, t in enumerate(self.tables))
        return {"features": torch.from_numpy(np.array(rows, dtype=np.float32))}


@dataclass(frozen=True)
class BaseRows:
    """A row of features for each base, the mean of those of the copies of its sequence."""

    tables: Sequence[Any]
    sequences: Sequence[str]
    shares: np.ndarray | None = None

    averages: ClassVar[bool] = True

    @property
    def costs(self) -> np.ndarray:
        """Bases of each sequence."""
        return lengths_of(self.sequences)

    @property
    def counts(self) -> None:
        """One each."""

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``features``, float32 (bases, width), sequence by sequence."""
        rows = [self._of(index) for index in indices]
        return {"features": torch.from_numpy(np.concatenate(rows).astype(np.float32, copy=False))}

    def _of(self, index: int) -> np.ndarray:
        sequence = self.sequences[index]
        if self.shares is None:
            return np.asarray(self.tables[0].of(sequence))
        used = [(t, w) for t, w in zip(self.tables, self.shares[index], strict=True) if w]
        return np.asarray(sum(t.of(sequence).astype(np.float32) * w for t, w in used))


@dataclass(frozen=True)
class PaddedStates:
    """The states of the bases of each copy of sequences."""

    tables: Sequence[Any]
    sequences: Sequence[str]
    shares: np.ndarray | None = None

    averages: ClassVar[bool] = False

    @cached_property
    def costs(self) -> np.ndarray:
        """Bases of each sequence."""
        return lengths_of(self.sequences)

    @cached_property
    def counts(self) -> np.ndarray | None:
        """Copies of each sequence."""
        return None if self.shares is None else (self.shares > 0).sum(axis=1)

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``features``, float32 (copies, longest, width), and perhaps ``copy_weights``."""
        shares = np.ones((len(indices), 1), np.float32)
        if self.shares is not None:
            shares = self.shares[list(indices)]
        owners, ranks = np.nonzero(shares)
        rows = [
            self.tables[rank].of(self.sequences[indices[owner]])
            for owner, rank in zip(owners.tolist(), ranks.tolist(), strict=True)
        ]
        states = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), dtype=np.float32)
        for padded, row in zip(states, rows, strict=True):
            padded[: len(row)] = row
        batch: Batch = {"features": torch.from_numpy(states)}
        if self.shares is not None:
            batch["copy_weights"] = copy_weights((shares > 0).sum(1), shares[owners, ranks])
        return batch


def lengths_of(sequences: Sequence[str]) -> np.ndarray:
    """Return the bases of each sequence, int64 of shape (sequences,)."""
    return np.array([len(sequence) for sequence in sequences], dtype=np.int64)
