"""A sequence head on the state of the token before the first base."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.task.catalogue import HeadEntry


class ClsHead(PooledHead):
    """State of ``<cls>``, without a pooler -> dropout -> linear.

    Of a network that knows no such token, it is the state of the first base.
    """

    reads_pooler = False

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states of the first tokens, (inputs, hidden)."""
        states: Tensor = outputs["last_hidden_state"][:, 0]
        return states


def build(config: Any, num_labels: int, problem: str) -> ClsHead:
    """Build the head for a backbone of this `config`."""
    return ClsHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.cls:build",
    summary="state of <cls>, without a pooler -> dropout -> linear",
)
