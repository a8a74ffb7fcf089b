"""A sequence head that learns which bases count."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HeadConfig, SequencePredictionHead
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import Batch, first_base, states_alone, states_of_bases
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.task.catalogue import HeadEntry


class AttentionPoolingHead(SequencePredictionHead):
    """Mean of the states of the bases, weighted by a learned attention -> dropout -> linear.

    The weight of base i is the softmax over the bases of ``v tanh(W h_i)`` (Ilse, Tomczak & Welling
    2018, arXiv:1802.04712, without gates).

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
    """

    WIDTH = 64
    reads_pooler = False

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.first = first_base(config)
        self.hidden = nn.Linear(config.hidden_size, self.WIDTH)
        self.attention = nn.Linear(self.WIDTH, 1, bias=False)

    @states_alone
    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states of the bases, (inputs, longest, hidden)."""
        return states_of_bases(outputs, batch, self.first)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return logits of shape (inputs, outputs)."""
        strengths = self.attention(torch.tanh(self.hidden(features))).squeeze(-1)
        weights = strengths.masked_fill(~batch["mask"], float("-inf")).softmax(-1)
        pooled = (weights.unsqueeze(1) @ features).squeeze(1)
        logits: Tensor = self.decoder(self.dropout(pooled))
        return logits


def build(config: Any, num_labels: int, problem: str) -> AttentionPoolingHead:
    """Build the head for a backbone of this `config`."""
    return AttentionPoolingHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.attention_pooling:build",
    summary="mean of the states of the bases, weighted by a learned attention -> dropout -> linear",
    per_base=True,
)
