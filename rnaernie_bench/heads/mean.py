"""A sequence head on the mean state of the bases."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HEADS, HeadConfig, HeadOutput
from multimolecule.modules.heads.generic import PredictionHead
from torch import Tensor

from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import bases_of, head_config
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.task.catalogue import HeadEntry


@HEADS.register("rnaernie_bench.mean")
class MeanHead(PooledHead):
    """Mean state of the bases -> dropout -> linear; special tokens and types are left out."""

    reads_pooler = False
    """So that features do not depend on a pooler that was drawn."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.typed = config.vocab_size == N_TYPED_TOKENS

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the mean state of the bases, of shape (inputs, hidden)."""
        states = outputs["last_hidden_state"]
        weights = bases_of(self, batch["input_ids"]).to(states.dtype).unsqueeze(-1)
        mean: Tensor = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
        return mean

    def forward(self, outputs: Any, labels: Tensor | None = None, **batch: Any) -> HeadOutput:
        """Return logits and loss; MultiMolecule hands over `input_ids` with the outputs."""
        return PredictionHead.forward(self, self.features(outputs, batch), labels)


def build(config: Any, num_labels: int, problem: str) -> MeanHead:
    """Build the head for a backbone of this `config`."""
    return MeanHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.mean:build",
    summary="mean of the states of the bases -> dropout -> linear",
)
