"""Pairs that give a base several partners, as others publish them, made a structure.

A network that scores every pair by itself can predict such pairs; a structure has none.
"""

from __future__ import annotations

import numpy as np


def has_several(pairs: np.ndarray) -> bool:
    """Return whether a base stands in two of `pairs`, integers of shape (pairs, 2)."""
    return len(np.unique(pairs)) < pairs.size


def one_partner(pairs: np.ndarray) -> np.ndarray:
    """Say which pairs are kept where a base may have one partner only.

    They are the matching of the largest total (Edmonds 1965), where a pair counts one, and one more
    for each neighbour that it is stacked on: (i, j) on (i ± 1, j ∓ 1). So helices are preferred to
    lonely pairs; the reference has no say. Pseudoknots are kept.

    Args:
        pairs: integers of shape (pairs, 2), i < j, no pair twice.

    Returns:
        bool of shape (pairs,).
    """
    if not has_several(pairs):
        return np.ones(len(pairs), dtype=bool)
    import rustworkx

    listed = [(int(i), int(j)) for i, j in pairs]
    there = set(listed)
    weights = [1 + ((i - 1, j + 1) in there) + ((i + 1, j - 1) in there) for i, j in listed]
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(int(pairs.max()) + 1))
    graph.add_edges_from([(i, j, w) for (i, j), w in zip(listed, weights, strict=True)])
    kept = {(min(pair), max(pair)) for pair in rustworkx.max_weight_matching(graph, weight_fn=int)}
    return np.array([pair in kept for pair in listed], dtype=bool)
