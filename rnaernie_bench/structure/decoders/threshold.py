"""Pairs of bases that are each other's best partner."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import Decoder, DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates, in_order


def threshold(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Keep the pairs of which both bases are each other's best partner; pseudoknots may arise.

    Args:
        probabilities: (bases, bases), read above the diagonal.
        sequence: the bases, normalised.
        options: `threshold`, `canonical`, `min_loop`.

    Returns:
        The pairs as int32 of shape (pairs, 2), i < j, sorted; so do all decoders.
    """
    upper = candidates(probabilities, sequence, options)
    both = upper + upper.T
    partner = both.argmax(axis=1)
    base = np.arange(len(sequence))
    kept = (partner[partner] == base) & (base < partner) & (both[base, partner] > 0)
    return in_order(np.column_stack((base[kept], partner[kept])))


ENTRY = Decoder(
    summary="pairs of bases that are each other's best partner",
    find=threshold,
    pseudoknots=True,
    one_decoding=True,
)
