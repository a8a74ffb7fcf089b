"""Scores of many pairs by towers: each distinct sequence is encoded once for thousands of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnaernie_bench.backbones.inference import best_device
from rnaernie_bench.core import distributed
from rnaernie_bench.learning.features import states_of
from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.inputs import refuse_long
from rnaernie_bench.learning.kept import Kept
from rnaernie_bench.learning.pair_inputs import Pair

CHUNK = 2048
"""Pairs whose sequences' states are held at a time, where they are not kept."""


class HeldStates(dict[str, np.ndarray]):
    """States of the bases of sequences, in memory, like a `feature_cache.StateTable`."""

    def of(self, sequence: str) -> np.ndarray:
        """Return the states of a sequence, (bases, hidden)."""
        return self[sequence]


def logits(fitted: FittedNetwork, pairs: Sequence[Pair]) -> np.ndarray:
    """Return the scores of pairs, float32 (pairs, outputs).

    Pairs are taken in the order of their first partners, a chunk at a time; the processes of a
    launch share the chunks.

    Raises:
        DataError: for a pair over the limit under the policy ``error``.
    """
    reader, kind = fitted.reader, fitted.model.kind
    refuse_long(pairs, reader, kind, remedy="cut them to the site in question")
    if not pairs or reader.encoding == "joint":
        return fitted.plain_logits(pairs)
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    processes = distributed.count()
    size = min(CHUNK, -(-len(pairs) // processes))
    starts = range(0, len(pairs), size)
    found = []
    for start in starts[distributed.number() :: processes]:
        chosen = order[start : start + size]
        some = [pairs[index] for index in chosen]
        scorer = fitted
        if not fitted.knows(some) and reader.tails is None:
            scorer = replace(fitted, kept=Kept([held_states(fitted, kind.sequences(some, reader))]))
        found.append((chosen, scorer.plain_logits(some, together=False)))
    blocks = [block for some in distributed.gather(found) for block in some]
    rows = np.empty((len(pairs), blocks[0][1].shape[1]), dtype=np.float32)
    for chosen, block in blocks:
        rows[chosen] = block
    return rows


def held_states(fitted: FittedNetwork, sequences: Sequence[str]) -> HeldStates:
    """Return the states of the bases of sequences as a network gives them."""
    network = fitted.model.to(best_device()).eval()
    found = states_of(network, fitted.reader, sequences)
    return HeldStates((sequences[index], states) for index, states in found)
