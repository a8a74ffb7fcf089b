"""A head for the level of the other two files, so that backbones serve it as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import first_base, states_of_bases
from rnaernie_bench.learning.inputs import TokenInputs
from rnaernie_bench.task.catalogue import HeadEntry


class JunctionInputs(TokenInputs):
    """Sequences: what stands between two of their bases is a unit."""

    @property
    def sizes(self) -> np.ndarray:
        return self.lengths - 1


class JunctionHead(nn.Module):
    """States of both bases -> linear."""

    reads_pooler = False

    def __init__(self, config: Any, outputs: int) -> None:
        super().__init__()
        self.first = first_base(config)
        self.decoder = nn.Linear(2 * config.hidden_size, outputs)

    def features(self, outputs: Any, batch: Any) -> Tensor:
        states, mask = states_of_bases(outputs, batch, self.first), batch["mask"]
        return torch.cat([states[:, :-1], states[:, 1:]], dim=2)[mask[:, 1:]]

    def predict(self, features: Tensor, batch: Any) -> Tensor:
        logits: Tensor = self.decoder(features)
        return logits


def build(config: Any, num_labels: int, problem: str) -> JunctionHead:
    return JunctionHead(config, num_labels)


ENTRY = HeadEntry("junction", "tests.levels.junction_head:build", "both bases -> linear")
