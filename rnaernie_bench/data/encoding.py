"""Sequences to token ids, under a length policy.

A sequence is mostly read as one input. It can be read as several, such as windows, or copies that
differ in their type token: the scores of the sequence are then the weighted mean of those of its
inputs, the weights summing to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import LETTERS, normalise
from rnaernie_bench.task.lengths import POLICIES, remedy

_KMER_LETTERS = "ACGUN"
"""What the k-mers of MultiMolecule's vocabularies are written in; one with another letter is
unknown."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of some sequences, in their order."""

    ids: tuple[np.ndarray, ...]
    """One int64 vector an input: ``<cls> bases tail <eos>``, mostly without a tail, and without
    those special tokens that the tokenizer lacks. The inputs of a sequence follow each other."""
    truncated: np.ndarray
    """bool of shape (sequences,): whether bases were cut off."""
    counts: np.ndarray
    """int64 of shape (sequences,): how many inputs each sequence is read as, 1 or more."""
    weights: np.ndarray
    """float32 of shape (inputs,): the share of each in the scores of its sequence."""
    specials: int = 2
    """Special tokens of an input, at both ends together; tails are none."""

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
    policy: str,
    max_bases: int,
    overlap: int = 0,
    names: Sequence[str] | None = None,
    tails: Sequence[Sequence[Tail]] | None = None,
) -> Encoded:
    """Turn normalised sequences into token ids.

    The tokenizer gives the id of each letter or k-mer once; a table then encodes a sequence
    in one step, which gives the tokenizer's own ids some hundred times faster.

    Args:
        sequences: normalised sequences (see `alphabet`).
        tokenizer: one of MultiMolecule's: a token a base, an overlapping k-mer, or a codon. Bases
            left over behind the last whole codon are not read.
        policy: a name in `task.lengths.POLICIES`: what happens to a sequence over `max_bases`. The
            pieces that are read of it have equal weights.
        max_bases: the limit, in nucleotides.
        overlap: the least number of bases that neighbouring windows share.
        names: where the sequences stand, for an error; their positions if None.
        tails: the copies that each sequence is read as; one without a tail if None. With windows,
            each window is copied.

    Raises:
        DataError: for a sequence over the limit under a policy that refuses it.
    """
    rule = POLICIES[policy]
    read, step = _reader(tokenizer), 3 if getattr(tokenizer, "codon", False) else 1
    before, behind = special_ends(tokenizer)
    long = np.array([len(sequence) > max_bases for sequence in sequences], dtype=bool)
    if rule.refuses and long.any():
        first = int(np.argmax(long))
        raise DataError(
            f"the sequence has {len(sequences[first])} bases, {max_bases} fit",
            where=names[first] if names else f"sequence {first + 1}",
            remedy=remedy(name for name, other in POLICIES.items() if other.reads),
        )
    ids: list[np.ndarray] = []
    counts, weights = [], []
    for sequence, copies in zip(sequences, tails or repeat((Tail(),)), strict=False):
        pieces = rule.pieces(sequence, max_bases, overlap, step)
        for piece in pieces:
            tokens = read(np.frombuffer(piece.encode("ascii"), np.uint8))
            for tail in copies:
                ids.append(np.concatenate((before, tokens, [*tail.ids, *behind])).astype(np.int64))
                weights.append(tail.weight / len(pieces))
        counts.append(len(pieces) * len(copies))
    return Encoded(
        tuple(ids),
        long & rule.truncates,
        np.array(counts, dtype=np.int64),
        np.array(weights, dtype=np.float32),
        len(before) + len(behind),
    )


def special_ends(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the ids of the special tokens before and behind the bases, none or one each."""
    ends = tokenizer.cls_token_id, tokenizer.eos_token_id
    first, last = ([] if token is None else [int(token)] for token in ends)
    return first, last


def _reader(tokenizer: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from the letters of a sequence, uint8 ASCII, to the ids of its tokens."""
    size, unknown = getattr(tokenizer, "nmers", 1), tokenizer.unk_token_id
    if size == 1:
        table = np.full(256, unknown, dtype=np.int64)
        ids = tokenizer.convert_tokens_to_ids([*LETTERS])
        table[np.frombuffer(LETTERS.encode(), np.uint8)] = ids
        return lambda letters: table[letters]
    step = size if getattr(tokenizer, "codon", False) else 1
    digits = np.full(256, len(_KMER_LETTERS), dtype=np.int64)
    digits[np.frombuffer(_KMER_LETTERS.encode(), np.uint8)] = np.arange(len(_KMER_LETTERS))
    powers = (len(_KMER_LETTERS) + 1) ** np.arange(size)
    table = np.full((len(_KMER_LETTERS) + 1) ** size, unknown, dtype=np.int64)
    for token, index in tokenizer.get_vocab().items():
        kmer = normalise(token)
        if len(kmer) == size and not {*kmer} - {*_KMER_LETTERS}:
            table[digits[np.frombuffer(kmer.encode(), np.uint8)] @ powers] = index

    def read(letters: np.ndarray) -> np.ndarray:
        if len(letters) < size:  # a network wants a token to read
            return np.array([unknown])
        kmers = np.lib.stride_tricks.sliding_window_view(digits[letters], size)[::step]
        found: np.ndarray = table[kmers @ powers]
        return found

    return read
