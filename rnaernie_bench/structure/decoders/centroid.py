"""The nested structure with the largest sum of probabilities above the threshold."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import Decoder, DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates, in_order


def centroid(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the nested structure with the largest sum of ``p_ij - threshold``.

    This is the gamma-centroid (Hamada et al. 2009, doi 10.1093/bioinformatics/btn601) with
    ``threshold = 1 / (gamma + 1)``. At a threshold of .5 and with the probabilities of a partition
    function it is ViennaRNA's centroid: all pairs above .5, of which no two can cross; those of a
    network can, and the best nested part is kept. Unlike `mea` it does not ask that the
    probabilities of a base add up to one at most, which those of independent sigmoids need not.
    """
    from rnaernie_bench.structure.kernels import nested_maximum

    upper = candidates(probabilities, sequence, options)
    return in_order(nested_maximum(upper - np.float32(options.threshold)))


ENTRY = Decoder(
    summary="the nested structure with the largest sum of p - threshold; γ-centroid with "
    "threshold = 1 / (γ + 1)",
    find=centroid,
    pseudoknots=False,
)
