"""Near duplicates of sequences: every pair is compared, so that none is missed.

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
        (texts, others), letters = encoded(
            [queries[i] for i in own.tolist()], [references[i] for i in order.tolist()]
        )
        identity[own], index[own] = nearest(*texts, *others, order, letters, threshold)
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


def _by_length(sequences: Sequence[str]) -> NDArray[np.int64]:
    return np.argsort([len(sequence) for sequence in sequences], kind="stable")


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise ConfigError(f"{threshold} is not in (0, 1]", where="threshold")
