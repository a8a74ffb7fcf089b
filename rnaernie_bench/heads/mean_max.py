"""A sequence head on the mean and the maximum of the states of the bases."""

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


class MeanMaxHead(PooledHead):
    """Mean and maximum of each feature over the bases -> dropout -> linear.

    The mean tells how much of something there is, the maximum whether it is there at all.

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
        specials: whether special tokens count like bases, as in models of the first release.
    """

    reads_pooler = False

    def __init__(
        self, config: Any, head_config: HeadConfig | None = None, *, specials: bool = False
    ) -> None:
        super().__init__(config, head_config)
        self.specials = specials
        self.typed = config.vocab_size == N_TYPED_TOKENS
        self.decoder = nn.Linear(2 * config.hidden_size, self.num_labels)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return means and maxima, (inputs, 2 hidden)."""
        states = outputs["last_hidden_state"]
        read = bases_of(self, batch["input_ids"])
        if self.specials:
            read = batch["attention_mask"].bool()
        weights = read.to(states.dtype).unsqueeze(-1)
        mean = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
        largest = states.masked_fill(~read.unsqueeze(-1), torch.finfo(states.dtype).min).amax(1)
        return torch.cat([mean, largest], dim=1)


def build(config: Any, num_labels: int, problem: str, *, specials: bool = False) -> MeanMaxHead:
    """Build the head for a backbone of this `config`."""
    return MeanMaxHead(config, head_config(num_labels, problem), specials=specials)


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.mean_max:build",
    summary="mean and maximum of the states of the bases -> dropout -> linear",
)
