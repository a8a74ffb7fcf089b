"""A contact head that looks at pairs of bases in the company of their neighbours.

Helices are diagonals of a contact map, which convolutions over the map see. As in RiNALMo (Penić et
al. 2025) and the heads of sinc-lab (Zablocki et al. 2025), residual blocks with a bottleneck follow
an outer concatenation of states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from rnaernie_bench.heads.bases.contact import (
    BINARY,
    ContactHead,
    Scores,
    pairs_of,
    symmetric,
    without_padding,
)
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.catalogue import HeadEntry


@dataclass(frozen=True)
class ResNetOptions:
    """Options of `ResNetHead`."""

    channels: int = 32
    """Features of a pair of bases; inside the blocks half as many."""
    blocks: int = 2
    kernel: int = 5
    """Neighbours on a side that a block sees, itself included; odd."""
    dropout: float = 0.1
    """Of whole channels inside a block, for a sequence at a time: a number for each pair of bases
    would take longer to draw than the convolutions take."""
    chunk_pairs: int = 512 * 512
    """The most pairs of bases whose features are in memory at a time; a sequence is never cut."""

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"the kernel must be odd, not {self.kernel}")


class ResNetHead(ContactHead):
    """Outer concatenation and product of a few features of two bases, then 2-D residual blocks.

    A linear layer on the concatenation of two states is the sum of one on each; an elementwise
    product of two more such layers is added. Both are taken by broadcasting, so that nothing of
    size length x length x 2 hidden is ever made. Features are normalised over the channels of a
    pair alone, and padding is set to 0 before each convolution, as beyond the ends of a sequence:
    neither its own length nor that of others in the batch changes a logit.

    A batch of more than `chunk_pairs` pairs, padding included, is worked through in chunks that are
    computed again in the backward pass: memory is bounded, at a third more time.

    Args:
        config: of the backbone.
        options: see `ResNetOptions`.
        scores: what is given to each pair of bases.
    """

    def __init__(
        self, config: Any, options: ResNetOptions | None = None, scores: Scores = BINARY
    ) -> None:
        super().__init__(config, scores)
        self.options = options or ResNetOptions()
        channels = self.options.channels
        self.projection = nn.Linear(config.hidden_size, 4 * channels)
        self.blocks = nn.ModuleList(
            _Block(channels, self.options.kernel, self.options.dropout)
            for _ in range(self.options.blocks)
        )
        self.norm = nn.LayerNorm(channels)
        self.decoder = scores.decoder(channels)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of the states of bases."""
        mask = batch["mask"]
        features = self.projection(without_padding(features, mask))
        sequences, length = mask.shape
        size = max(1, self.options.chunk_pairs // length**2)
        if sequences <= size:
            return symmetric(self._score(features, mask))
        chunks = zip(features.split(size), mask.split(size), strict=True)
        parts = [checkpoint(self._score, *chunk, use_reentrant=False) for chunk in chunks]
        return symmetric(torch.cat(parts))

    def _score(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return logits that are not symmetric yet, of features (batch, length, 4 x channels)."""
        left, right, first, second = features.chunk(4, -1)
        pairs = torch.addcmul(
            left.unsqueeze(2) + right.unsqueeze(1), first.unsqueeze(2), second.unsqueeze(1)
        )
        inside = pairs_of(mask).unsqueeze(-1)
        for block in self.blocks:
            pairs = block(pairs, inside)
        logits: Tensor = self.decoder(functional.relu(self.norm(pairs)))
        return self.scores.shaped(logits.movedim(-1, 1))


class _Block(nn.Module):
    """``x + up(conv(down(x)))``, with normalisation and ReLU before each layer (He et al. 2016)."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in (channels, inner, inner))
        self.down = nn.Linear(channels, inner)
        self.convolution = nn.Conv2d(inner, inner, kernel, padding=kernel // 2)
        self.up = nn.Linear(inner, channels)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, pairs: Tensor, inside: Tensor) -> Tensor:
        """Return features of the same shape, (batch, length, length, channels).

        Args:
            pairs: features, channels last, which is how convolutions are quick on a CPU.
            inside: bool (batch, length, length, 1), false at padding.
        """
        first, second, third = self.norms
        found = self.down(functional.relu(first(pairs)))
        found = functional.relu(second(found)).masked_fill(~inside, 0.0)
        found = self.convolution(found.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        found = functional.relu(third(found))
        found = self.dropout(found.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        kept: Tensor = pairs + self.up(found)
        return kept


def build(
    config: Any, num_labels: int, problem: Problem, options: ResNetOptions | None = None
) -> ResNetHead:
    """Build the head for a backbone of this `config`."""
    return ResNetHead(config, options, Scores(problem, num_labels))


ENTRY = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.resnet:build",
    summary="outer concatenation of states -> 2-D residual network (as RiNALMo and sinc-lab)",
)
