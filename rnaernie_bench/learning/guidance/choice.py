"""Types of sequences and their shares: the most probable ones, or ones that mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnaernie_bench.backbones.vocabulary import RNA_TYPES, type_tail
from rnaernie_bench.data.encoding import Tail


class Predictor(Protocol):
    """Scores the RNA types of sequences; never trained along with what it guides."""

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 of shape (sequences, types), in the order of `RNA_TYPES`."""
        ...

    def key(self) -> Mapping[str, str]:
        """Return everything that the logits of a sequence depend on, for a cache."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return what a record tells of the predictor."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `restore` needs into the existing `folder`."""
        ...


@dataclass(frozen=True)
class Choice:
    """The types that some sequences are read with, the one that counts most first."""

    types: np.ndarray
    """int64 of shape (sequences, k): indices into `RNA_TYPES`, different ones in a row."""
    weights: np.ndarray
    """float32 of shape (sequences, k): rows sum to 1; a copy of weight 0 is skipped."""

    @property
    def skipped(self) -> int:
        """How many copies are skipped."""
        return int((self.weights == 0).sum())


def most_probable(logits: np.ndarray, k: int, floor: float) -> Choice:
    """Return the `k` most probable types with their probabilities, renormalised to sum to 1.

    A copy whose share is below `floor` is skipped, and the others are renormalised once more.

    Args:
        logits: (sequences, types), unnormalised.
        k: how many types.
        floor: below 1 / `k`, so that the most probable type always stays.
    """
    types = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    chosen = np.take_along_axis(logits, types, axis=1).astype(np.float64)
    shares = np.exp(chosen - chosen[:, :1])
    shares /= shares.sum(axis=1, keepdims=True)
    shares[shares < floor] = 0.0
    shares /= shares.sum(axis=1, keepdims=True)
    return Choice(types, shares.astype(np.float32))


def random_types(sequences: Sequence[str], k: int) -> Choice:
    """Return `k` types of equal weight for each sequence, drawn by a hash of the sequence alone.

    So they are the same in every run and on every machine, and the types of a smaller `k` are the
    first of a larger one. Predicted probabilities would not do as weights: they tell of the
    sequence what random types are to leave out.
    """
    ranked = []
    for sequence in sequences:
        digests = [hashlib.blake2b(f"{name}:{sequence}".encode()).digest() for name in RNA_TYPES]
        ranked.append(sorted(range(len(RNA_TYPES)), key=digests.__getitem__)[:k])
    types = np.array(ranked, dtype=np.int64).reshape(len(sequences), k)
    return Choice(types, np.full(types.shape, 1 / k, dtype=np.float32))


def as_tails(choice: Choice, tokenizer: Any) -> list[list[Tail]]:
    """Return the copies that each sequence is read as: ``<cls> bases [IND] [TYPE] <eos>``."""
    ids = [type_tail(tokenizer, name) for name in RNA_TYPES]
    return [
        [Tail(ids[t], float(weight)) for t, weight in zip(types, weights, strict=True) if weight]
        for types, weights in zip(choice.types.tolist(), choice.weights.tolist(), strict=True)
    ]
