"""The authors' sequence head, on the pooler's output."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import SequencePredictionHead
from torch import Tensor

from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import LinearHead, head_config
from rnaernie_bench.task.catalogue import HeadEntry


class PooledHead(LinearHead, SequencePredictionHead):
    """MultiMolecule's own sequence head: pooler output -> dropout -> linear."""

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return what the linear layer reads, of shape (inputs, hidden)."""
        pooled: Tensor = outputs["pooler_output"]
        return pooled


def build(config: Any, num_labels: int, problem: str) -> PooledHead:
    """Build the head for a backbone of this `config`."""
    return PooledHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.pooled:build",
    summary="the authors' head: pooler output -> dropout -> linear (MultiMolecule's own)",
    without_pooler="mean_max",
    probes=("mean", "moments", "cls"),
)
