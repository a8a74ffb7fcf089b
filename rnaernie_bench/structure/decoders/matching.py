"""The matching of the largest total probability."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.structure.decoders import Decoder, DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates, in_order

_WEIGHT_SCALE = 1 << 24
"""Weights of a matching are whole numbers: probabilities in steps finer than those of float32."""


def matching(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the matching of the largest total probability, pseudoknots and all (Edmonds 1965)."""
    import rustworkx

    upper = candidates(probabilities, sequence, options)
    pairs = np.argwhere(upper)
    weights = np.rint(upper[pairs[:, 0], pairs[:, 1]] * np.float64(_WEIGHT_SCALE)).astype(int)
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(len(sequence)))
    graph.add_edges_from(list(zip(*pairs.T.tolist(), weights.tolist(), strict=True)))
    found = rustworkx.max_weight_matching(graph, weight_fn=int)
    return in_order(np.array(list(found)).reshape(-1, 2))


ENTRY = Decoder(
    summary="the matching of the largest total probability",
    find=matching,
    pseudoknots=True,
)
