"""A token head that lets each base see its neighbourhood through convolutions."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HeadConfig
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.token import TokenHead
from rnaernie_bench.heads.token_window import padded
from rnaernie_bench.task.catalogue import HeadEntry


class TokenConvolutionHead(TokenHead):
    """Two convolutions along the sequence with ReLU -> dropout -> linear.

    A base sees `flank` neighbours on either side in each, twice as many in all; 0 stands beyond the
    ends, so that padding changes nothing.

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
        flank: bases that a convolution sees on either side.
    """

    CHANNELS = 64

    def __init__(self, config: Any, head_config: HeadConfig | None = None, *, flank: int) -> None:
        super().__init__(config, head_config)
        widths, size = (config.hidden_size, self.CHANNELS), 2 * flank + 1
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, self.CHANNELS, size, padding=flank) for width in widths
        )
        self.dropout = nn.Dropout(self.config.dropout)
        self.decoder = nn.Linear(self.CHANNELS, self.num_labels)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return logits of shape (bases, outputs)."""
        mask = batch["mask"]
        states, inside = padded(features, mask).mT, mask.unsqueeze(1)
        for convolution in self.convolutions:
            states = torch.relu(convolution(self.dropout(states))) * inside
        logits: Tensor = self.decoder(self.dropout(states.mT[mask]))
        return logits


def build(config: Any, num_labels: int, problem: str, *, flank: int = 5) -> TokenConvolutionHead:
    """Build the head for a backbone of this `config`."""
    return TokenConvolutionHead(config, head_config(num_labels, problem), flank=flank)


ENTRY = HeadEntry(
    level="token",
    build="rnaernie_bench.heads.token_convolution:build",
    summary="two convolutions over the states of neighbouring bases -> dropout -> linear",
    reads=("flank",),
)
