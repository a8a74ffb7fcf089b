"""What all decoders begin and end with: the pairs that may form, and pairs in order."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import DecodingOptions
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.records import CANONICAL

_CANONICAL = np.zeros((256, 256), dtype=bool)
for _pair in CANONICAL:
    _CANONICAL[ord(_pair[0]), ord(_pair[1])] = True
_ANY = np.ones_like(_CANONICAL)


def candidates(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Return the probabilities of the pairs that may form, 0 elsewhere.

    Returns:
        float32 of shape (bases, bases), 0 on and below the diagonal.

    Raises:
        ValueError: if the shape does not fit the sequence, or a probability is not a number.
    """
    from rnaernie_bench.structure.kernels import keep_candidates

    n = len(sequence)
    if probabilities.shape != (n, n):
        raise ValueError(f"probabilities of shape {probabilities.shape} for {n} bases")
    codes = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)
    upper = np.zeros((n, n), dtype=np.float32)
    if not keep_candidates(
        probabilities.astype(np.float32, copy=False),
        codes,
        _CANONICAL if options.canonical else _ANY,
        np.float32(options.threshold),
        options.min_loop + 1,
        upper,
    ):
        raise ValueError("a probability is not a number")
    return upper


def in_order(pairs: np.ndarray) -> np.ndarray:
    """Return pairs found in any order as all decoders return them."""
    if not len(pairs):
        return NO_PAIRS
    ordered = np.sort(pairs, axis=1)
    return ordered[np.argsort(ordered[:, 0])].astype(np.int32)
