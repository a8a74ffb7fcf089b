"""A sequence head on the mean, the maximum and the deviation of the states of the bases."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HeadConfig
from torch import Tensor, nn

from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import bases_of, head_config
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.task.catalogue import HeadEntry


class MomentsHead(PooledHead):
    """Mean, maximum and standard deviation of each feature over the bases -> dropout -> linear."""

    reads_pooler = False

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.typed = config.vocab_size == N_TYPED_TOKENS
        self.decoder = nn.Linear(3 * config.hidden_size, self.num_labels)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return means, maxima and deviations, (inputs, 3 hidden)."""
        states = outputs["last_hidden_state"]
        read = bases_of(self, batch["input_ids"]).unsqueeze(-1)
        weights = read.to(states.dtype)
        count = weights.sum(1).clamp_min(1)
        mean = (states * weights).sum(1) / count
        variance = ((states - mean.unsqueeze(1)) ** 2 * weights).sum(1) / count
        largest = states.masked_fill(~read, torch.finfo(states.dtype).min).amax(1)
        return torch.cat([mean, largest, variance.sqrt()], dim=1)


def build(config: Any, num_labels: int, problem: str) -> MomentsHead:
    """Build the head for a backbone of this `config`."""
    return MomentsHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.moments:build",
    summary="mean, maximum and deviation of the states of the bases -> dropout -> linear",
)
