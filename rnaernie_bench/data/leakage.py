"""Near duplicates of sequences, and stretches that they share; none is missed.

The identity of two sequences is 1 - edits / length of the longer one, edits being their Levenshtein
distance over the whole length: a sequence that is part of a much longer one is no near duplicate of
it. With identity >= t, a pair of lengths n and m is at most (1 - t) max(n, m) edits apart, which
rules out pairs of other lengths, and bounds the part of the table of the others that is computed
(`alignment`). Neither can drop a pair at or above the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.progress import steps

_BLOCK = 4096
"""Queries that are compared at a time."""


def nearest_identity(
    queries: Sequence[str], references: Sequence[str], *, threshold: float = 0.8
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return each query's highest identity to any reference, and which reference that is.

    Args:
        queries: normalised sequences.
        references: normalised sequences.
        threshold: the lowest identity to look for, in (0, 1].

    Returns:
        Identities and indices into `references`, one a query; 0 and -1 where no reference
        reaches the threshold. Among equals, the first.

    Raises:
        ConfigError: if `threshold` is out of range.
    """
    from rnaernie_bench.data.alignment import encoded, nearest

    _check(threshold)
    identity = np.zeros(len(queries), dtype=np.float32)
    index = np.full(len(queries), -1, dtype=np.int64)
    if len(queries) and len(references):
        own, order = _by_length(queries), _by_length(references)
        ((codes, bounds), others), letters = encoded(
            [queries[i] for i in own.tolist()], [references[i] for i in order.tolist()]
        )
        with steps("nearest sequences", len(queries), "sequences") as step:
            for start in range(0, len(own), _BLOCK):
                some = own[start : start + _BLOCK]
                ends = bounds[start : start + len(some) + 1]
                identity[some], index[some] = nearest(
                    codes, ends, *others, order, letters, threshold
                )
                step(len(some))
    return identity, index


def similar_links(sequences: Sequence[str], identity: float) -> NDArray[np.int64]:
    """Return links between similar sequences, enough to chain them all (single linkage).

    Args:
        sequences: normalised.
        identity: from which on two of them are linked, in (0, 1].

    Returns:
        Shape (links, 2): indices. Who is linked through any number of pairs of that identity is
        linked here, and nobody else.

    Raises:
        ConfigError: if `identity` is out of range.
    """
    from rnaernie_bench.data.alignment import encoded, linked

    _check(identity)
    if not sequences:
        return np.empty((0, 2), dtype=np.int64)
    order = _by_length(sequences)
    (texts,), letters = encoded([sequences[i] for i in order.tolist()])
    heads = linked(*texts, letters, identity)
    members = np.flatnonzero(heads != np.arange(len(heads)))
    return np.stack([order[heads[members]], order[members]], axis=1)


def shares_stretch(
    queries: Sequence[str], references: Sequence[str], length: int = 20
) -> NDArray[np.bool_]:
    """Return which queries have a stretch of bases that any reference has, too.

    That is how overlapping windows of one transcript are related, whatever their identity. Letters
    besides ACGU count as one; a sequence that is shorter than the stretch has none.

    Args:
        queries: normalised sequences.
        references: normalised sequences.
        length: of the stretch, at most 27 bases.

    Returns:
        Shape (queries,).
    """
    shared = np.zeros(len(queries), dtype=bool)
    if not (len(queries) and len(references)):
        return shared
    (words, owners), (known, _) = (_stretches(group, length) for group in (queries, references))
    marked = np.zeros(2**26, dtype=bool)  # tells most words apart at a fraction of a search's cost
    marked[known & (len(marked) - 1)] = True
    maybe = np.flatnonzero(marked[words & (len(marked) - 1)])
    maybe = maybe[np.argsort(words[maybe])]  # neighbours are looked up where the cache holds them
    known.sort()
    places = np.minimum(np.searchsorted(known, words[maybe]), len(known) - 1)
    shared[owners[maybe[known[places] == words[maybe]]]] = True
    return shared


def _stretches(sequences: Sequence[str], length: int) -> tuple[NDArray[np.int64], ...]:
    """Return all stretches as numbers, and the index of the sequence of each."""
    table = np.full(256, 4, dtype=np.int64)
    table[np.frombuffer(b"ACGU", dtype=np.uint8)] = np.arange(4)
    codes = table[np.frombuffer("".join(sequences).encode("ascii"), dtype=np.uint8)]
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    starts = np.maximum(len(codes) - length + 1, 0)
    words = np.zeros(starts, dtype=np.int64)
    for place in range(length):
        words *= 5
        words += codes[place : place + starts]
    owners = np.repeat(np.arange(len(sequences)), lengths)[:starts]
    whole = np.arange(starts) + length <= np.cumsum(lengths)[owners]
    return words[whole], owners[whole]


def _by_length(sequences: Sequence[str]) -> NDArray[np.int64]:
    return np.argsort([len(sequence) for sequence in sequences], kind="stable")


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise ConfigError(f"{threshold} is not in (0, 1]", where="threshold")
