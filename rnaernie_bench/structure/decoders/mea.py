"""The nested structure of maximum expected accuracy."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import Decoder, DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates, in_order


def mea(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the nested structure of maximum expected accuracy.

    It maximises the sum of ``2 gamma p_ij`` over pairs and ``q_i`` over unpaired bases (Do et al.
    2006, doi 10.1093/bioinformatics/btl246; Lu et al. 2009, doi 10.1261/rna.1643609), with ``q_i``
    what the candidates leave of base i: 1 minus their probabilities, or 0.
    """
    from rnaernie_bench.structure.kernels import expected_accuracy, nested_maximum

    gains = candidates(probabilities, sequence, options)
    expected_accuracy(gains, options.gamma)
    return in_order(nested_maximum(gains))


ENTRY = Decoder(
    summary="the nested structure of maximum expected accuracy: 2γ p for a pair, 1 - Σp for an "
    "unpaired base",
    find=mea,
    pseudoknots=False,
    tuned=[
        {"threshold": threshold, "gamma": gamma}
        for gamma in (1.0, 0.5, 2.0, 4.0, 8.0)
        for threshold in (0.005, 0.05, 0.2)
    ],
)
