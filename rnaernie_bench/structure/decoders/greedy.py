"""Repeatedly the most probable pair of unpaired bases."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import Decoder, DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates, in_order


def greedy(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Accept the likeliest pair whose bases are free, again and again; pseudoknots may arise."""
    from rnaernie_bench.structure.kernels import greedy_matching

    upper = candidates(probabilities, sequence, options)
    pairs = np.argwhere(upper)
    order = np.argsort(-upper[pairs[:, 0], pairs[:, 1]], kind="stable")
    pairs = pairs[order]
    return in_order(pairs[greedy_matching(pairs, len(sequence))])


ENTRY = Decoder(
    summary="repeatedly the most probable pair of unpaired bases",
    find=greedy,
    pseudoknots=True,
    one_decoding=True,
)
