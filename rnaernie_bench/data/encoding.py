"""Sequences to token ids, under a length policy.

A sequence is mostly read as one input. It can be read as several, such as windows, or copies that
differ in their type token: the scores of the sequence are then the weighted mean of those of its
inputs, the weights summing to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np

from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.errors import DataError
from rnaernie_bench.levels import LengthPolicy


@dataclass(frozen=True)
class Encoded:
    """Token ids of some sequences, in their order."""

    ids: tuple[np.ndarray, ...]
    """One int64 vector an input: ``<cls> bases tail <eos>``, mostly without a tail. The inputs of a
    sequence follow each other."""
    truncated: np.ndarray
    """bool of shape (sequences,): whether bases were cut off."""
    counts: np.ndarray
    """int64 of shape (sequences,): how many inputs each sequence is read as, 1 or more."""
    weights: np.ndarray
    """float32 of shape (inputs,): the share of each in the scores of its sequence."""

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def starts(self) -> np.ndarray:
        """First input of each sequence, int64 of shape (sequences,)."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of the longest input of each sequence, int64 of shape (sequences,)."""
        tokens = np.fromiter(map(len, self.ids), dtype=np.int64, count=len(self.ids))
        return np.maximum.reduceat(tokens, self.starts) if len(tokens) else tokens


def single(ids: Sequence[np.ndarray], truncated: np.ndarray) -> Encoded:
    """Return sequences that are each read as one input."""
    count = len(ids)
    return Encoded(
        tuple(ids), truncated, np.ones(count, dtype=np.int64), np.ones(count, dtype=np.float32)
    )


@dataclass(frozen=True)
class Tail:
    """What stands between the last base of a copy and ``<eos>``."""

    ids: tuple[int, ...] = ()
    """Such as those of ``[IND]`` and an RNA type."""
    weight: float = 1.0
    """Share of the copy in the scores of its sequence; those of a sequence sum to 1."""


def encode(
    sequences: Sequence[str],
    tokenizer: Any,
    *,
    policy: LengthPolicy,
    max_bases: int,
    overlap: int = 0,
    names: Sequence[str] | None = None,
    tails: Sequence[Sequence[Tail]] | None = None,
) -> Encoded:
    """Turn normalised sequences into token ids.

    The tokenizer is asked once for the id of each letter; a table then encodes a sequence in one
    step, which gives the tokenizer's own ids some hundred times faster.

    Args:
        sequences: normalised sequences (see `alphabet`).
        tokenizer: a MultiMolecule RNA tokenizer with one token a base.
        policy: ``error`` refuses a sequence over `max_bases`, ``truncate`` keeps its first bases,
            ``window`` reads it as several windows of equal weight.
        max_bases: the limit, in nucleotides.
        overlap: the least number of bases that neighbouring windows share.
        names: where the sequences stand, for an error; their positions if None.
        tails: the copies that each sequence is read as; one without a tail if None. With windows,
            each window is copied.

    Raises:
        DataError: for a sequence over the limit under ``error``.
    """
    table = np.full(256, tokenizer.unk_token_id, dtype=np.int64)
    table[np.frombuffer(LETTERS.encode(), np.uint8)] = tokenizer.convert_tokens_to_ids([*LETTERS])
    long = np.array([len(sequence) > max_bases for sequence in sequences], dtype=bool)
    if policy == "error" and long.any():
        first = int(np.argmax(long))
        raise DataError(
            f"the sequence has {len(sequences[first])} bases, {max_bases} fit",
            where=names[first] if names else f"sequence {first + 1}",
            remedy="cut it, set task.length=truncate to use the first bases only, or "
            "task.length=window to read all of it piece by piece",
        )
    ids: list[np.ndarray] = []
    counts, weights = [], []
    for sequence, copies in zip(sequences, tails or repeat((Tail(),)), strict=False):
        pieces = (
            windows(sequence, max_bases, overlap) if policy == "window" else [sequence[:max_bases]]
        )
        for piece in pieces:
            bases = table[np.frombuffer(piece.encode("ascii"), np.uint8)]
            for tail in copies:
                ends = [*tail.ids, tokenizer.eos_token_id]
                ids.append(np.concatenate(([tokenizer.cls_token_id], bases, ends)))
                weights.append(tail.weight / len(pieces))
        counts.append(len(pieces) * len(copies))
    return Encoded(
        tuple(ids),
        long & (policy == "truncate"),
        np.array(counts, dtype=np.int64),
        np.array(weights, dtype=np.float32),
    )


def windows(sequence: str, size: int, overlap: int = 0) -> list[str]:
    """Cut a sequence into as few windows as cover it, all of one length.

    Windows of one length need no padding, and none is so short that its share in the mean would
    outweigh its content. A sequence that fits is one window.

    Args:
        sequence: any.
        size: the most bases of a window.
        overlap: the least number of bases that neighbours share, below `size`.
    """
    bases = len(sequence)
    count = max(1, -(-(bases - overlap) // (size - overlap)))
    width = -(-(bases + (count - 1) * overlap) // count)
    starts = [i * (bases - width) // max(1, count - 1) for i in range(count)]
    return [sequence[start : start + width] for start in starts]
