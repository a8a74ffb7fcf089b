"""Linear heads on the states of several layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import Batch, one_linear_layer


class Layers(nn.Module):
    """One linear layer on what a linear head reads of several layers, side by side.

    Args:
        head: a linear head, see `heads.bases.contract`; its own layer is left out.
        layers: 0 are the embeddings, the backbone's last layer has the highest number.
        outputs: scores of a unit.
    """

    reads_pooler = False
    reads_layers = True

    def __init__(self, head: Any, layers: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.head, self.layers = head, tuple(layers)
        self.decoder = nn.Linear(len(self.layers) * head.decoder.in_features, outputs)
        head.decoder = nn.Identity()
        if hasattr(head, "refuses"):
            self.refuses = head.refuses

    @property
    def config(self) -> Any:
        """What the head is configured by."""
        return self.head.config

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the features of all layers, (..., layers x width)."""
        return torch.cat(of_layers(self.head, self.layers, outputs, batch), dim=-1)

    def rows(self, features: Tensor, batch: Batch) -> Tensor:
        """Return what the linear layer reads of each unit."""
        return rows_of_layers(self.head, len(self.layers), features, batch)

    @one_linear_layer
    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return logits of shape (units, outputs)."""
        logits: Tensor = self.decoder(self.rows(features, batch))
        return logits


class Candidates(nn.Module):
    """What several linear heads read of several layers: features only, to choose from.

    Args:
        heads: linear heads.
        layers: see `Layers`; none: what the backbone returns at last.
    """

    reads_pooler = False

    def __init__(self, heads: Sequence[Any], layers: Sequence[int]) -> None:
        super().__init__()
        self.heads, self.layers = nn.ModuleList(heads), tuple(layers)
        self.reads_layers = bool(layers)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the features by head, and of each by layer, (..., all their widths)."""
        found = []
        for head in self.heads:
            if self.layers:
                found += of_layers(head, self.layers, outputs, batch)
            else:
                found.append(head.features(outputs, batch))  # type: ignore[operator]
        return torch.cat(found, dim=-1)


def of_layers(head: Any, layers: Sequence[int], outputs: Any, batch: Batch) -> list[Tensor]:
    """Return the features that a head reads of each layer.

    Args:
        head: reads states alone.
        layers: see `Layers`.
        outputs: of the backbone, with ``hidden_states``.
        batch: see `heads.bases.contract`.
    """
    # What follows the last layer, such as a final norm, belongs to it.
    states = [*outputs["hidden_states"][:-1], outputs["last_hidden_state"]]
    return [head.features({"last_hidden_state": states[layer]}, batch) for layer in layers]


def rows_of_layers(head: Any, count: int, features: Tensor, batch: Batch) -> Tensor:
    """Return the rows that a linear head makes of its features of `count` layers, side by side."""
    return torch.cat([head.rows(part, batch) for part in features.chunk(count, dim=-1)], dim=-1)
