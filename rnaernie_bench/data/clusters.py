"""Clusters of items that no cut parts: those of one name or sequence, and of similar sequences.

Links chain (single linkage): whoever is linked through others is of the same cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.data.items import Clusters, Items
from rnaernie_bench.data.leakage import similar_links
from rnaernie_bench.task.single_table import Linkage

SEED = slice(1, 8)
"""Bases 2 to 8, counted from the 5' end."""

Edges = NDArray[np.int64]
"""Shape (links, 2): indices of two items that are linked."""


def clusters_of(items: Items, by: str | None, linkage: Linkage) -> NDArray[np.int64]:
    """Return the cluster of each item.

    Items of one sequence are always linked, and so are those that `Item.kept_with` others.

    Args:
        items: of one level.
        by: what links them beside that: `group`, `overlap` (of `linkage.overlap` bases),
            `similarity` (of `linkage.identity`), `first` or `second`, name and sequence of that
            partner and nothing else, `seed`, that of the first partner alone; None: nothing.
        linkage: the thresholds.

    Returns:
        Shape (items,): equal numbers for linked items, from 0 in the order of first appearance.
    """
    if by == "seed":
        return components([""] * len(items), [item.first[SEED] for item in items])
    if by in ("first", "second"):
        names = [getattr(item, f"{by}_group") for item in items]
        return components(names, [getattr(item, str(by)) for item in items])
    sequences = [item.sequence for item in items]
    names = [item.group if by == "group" else item.kept_with for item in items]
    edges: Edges = {
        "overlap": lambda: overlap_links(sequences, linkage.overlap),
        "similarity": lambda: similar_links(sequences, linkage.identity),
    }.get(str(by), lambda: np.empty((0, 2), dtype=np.int64))()
    return components(names, sequences, edges)


def counted(cluster: NDArray[np.int64], by: str | None, linkage: Linkage) -> Clusters:
    """Return how many clusters there are, and how large the largest is."""
    sizes = np.bincount(cluster)
    threshold = {"overlap": linkage.overlap, "similarity": linkage.identity}.get(str(by))
    return Clusters(by or "sequence", threshold, len(sizes), int(sizes.max()))


def components(
    names: Sequence[str], sequences: Sequence[Any], edges: Edges | None = None
) -> NDArray[np.int64]:
    """Return the cluster of each item: what shares a name, a sequence or an edge is linked.

    Args:
        names: one an item; an empty one links nothing.
        sequences: one an item.
        edges: further links.

    Returns:
        Shape (items,), numbered from 0 in the order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, nodes = len(names), dict[tuple[str, Any], int]()
    links = [] if edges is None else edges.tolist()
    for index, (name, sequence) in enumerate(zip(names, sequences, strict=True)):
        for node in (("sequence", sequence), *([("name", name)] if name else [])):
            links.append((index, nodes.setdefault(node, n + len(nodes))))
    if not n:
        return np.empty(0, dtype=np.int64)
    rows, columns = np.array(links).T
    shape = (n + len(nodes),) * 2
    graph = coo_array((np.ones(len(links), dtype=np.int8), (rows, columns)), shape=shape)
    _, found = connected_components(graph, directed=False)
    _, first, inverse = np.unique(found[:n], return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.int64)


def overlap_links(sequences: Sequence[str], length: int) -> Edges:
    """Return links between sequences that share a stretch of bases, enough to chain them all.

    Args:
        sequences: any.
        length: of the stretch; shorter sequences count as a whole.
    """
    first: dict[str, int] = {}
    links = set()
    for index, sequence in enumerate(sequences):
        for start in range(max(1, len(sequence) - length + 1)):
            holder = first.setdefault(sequence[start : start + length], index)
            if holder != index:
                links.add((holder, index))
    return np.array(sorted(links), dtype=np.int64).reshape(-1, 2)
