"""A pair head on the mean states of both sequences."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HEADS, HeadConfig
from torch import Tensor, nn

from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.bases.pair import PairHead, Tower
from rnaernie_bench.task.catalogue import HeadEntry
from rnaernie_bench.task.single_table import Partner


@HEADS.register("rnaernie_bench.pair_segments")
class SegmentsHead(PairHead):
    """The mean states of both sequences, their product and difference, through two layers."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.hidden = nn.Linear(4 * config.hidden_size, 128)
        self.decoder = nn.Linear(128, self.num_labels)

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return ``mean``, (sequences, hidden)."""
        weights = mask.to(states.dtype).unsqueeze(-1)
        return {"mean": (self.norm(states) * weights).sum(1) / weights.sum(1)}

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, labels)."""
        a, b = first["mean"], second["mean"]
        features = self.dropout(torch.cat([a, b, a * b, (a - b).abs()], dim=-1))
        logits: Tensor = self.decoder(self.dropout(torch.relu(self.hidden(features))))
        return logits


def build(config: Any, num_labels: int, problem: str) -> SegmentsHead:
    """Build the head for a backbone of this `config`."""
    return SegmentsHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.segments:build",
    summary="mean states of two sequences, their product and difference -> two layers",
)
