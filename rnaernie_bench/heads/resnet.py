"""A contact head that looks at pairs of bases in the company of their neighbours.

Helices are diagonals of a contact map, which convolutions over the map see. As in RiNALMo (Penić et
al. 2025) and the heads of sinc-lab (Zablocki et al. 2025), residual blocks with a bottleneck follow
an outer concatenation of states; here, convolutions along the sequence precede it, and the blocks
are dilated (Yu & Koltun 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from rnaernie_bench.heads.bases.contact import (
    BASES,
    BINARY,
    ContactHead,
    Scores,
    pairs_of,
    without_padding,
)
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.catalogue import HeadEntry


@dataclass(frozen=True)
class ResNetOptions:
    """Options of `ResNetHead`."""

    width: int = 48
    """Features of a base that convolutions along the sequence make of its state and letter; 0:
    there are none, and states are read as they are, without letters."""
    reach: int = 4
    """Neighbours on either side that each of the two convolutions along the sequence sees."""
    channels: int = 16
    """Features of a pair of bases."""
    dilations: Sequence[int] = (1, 2, 4, 1)
    """Of the convolutions over the map, one a block."""
    kernel: int = 5
    """Of these convolutions: bases that they see along either axis; odd."""
    bottleneck: bool = False
    """Whether convolutions are of half as many channels, between linear layers, each of the three
    after a normalisation of its own. At equal cost, plain blocks can be twice as many."""
    dropout: float = 0.0
    """Of whole channels inside a block, for a sequence at a time: a number for each pair of bases
    would take longer to draw than the convolutions take."""
    chunk_pairs: int = 512 * 512
    """The most pairs of bases whose features are in memory at a time; a sequence is never cut."""
    canonical: bool = True
    """See `Scores`."""

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"the kernel must be odd, not {self.kernel}")

    @property
    def receptive_field(self) -> int:
        """Bases on either side of each of two bases that the score of the pair depends on."""
        return 2 * self.reach * bool(self.width) + self.kernel // 2 * sum(self.dilations)


EARLIER = ResNetOptions(
    width=0, channels=32, dilations=(1, 1), bottleneck=True, dropout=0.1, canonical=False
)
"""The head of saved networks that say nothing of its options."""


class ResNetHead(ContactHead):
    """Outer concatenation and product of features of two bases, then 2-D residual blocks.

    Two convolutions along the sequence read states and letters. A linear layer on the concatenation
    of what they give for two bases is the sum of one on each; an elementwise product of two more
    such layers is added, and a vector for each kind of pair of letters. All are taken by
    broadcasting, so that nothing of size length x length x 2 hidden is ever made. Features are
    normalised over the channels of a pair alone, and padding is set to 0 before each convolution,
    as beyond the ends of a sequence: padding changes no logit.

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
        self.options = options = options or ResNetOptions()
        channels, read = options.channels, config.hidden_size
        if options.width:
            self.sequence = _AlongSequence(read + len(BASES), options.width, options.reach)
            read = options.width + len(BASES)
            self.kinds = nn.Linear(len(BASES), len(BASES) * channels, bias=False)
        self.projection = nn.Linear(read, 4 * channels)
        block = _Bottleneck if options.bottleneck else _Block
        self.blocks = nn.ModuleList(block(options, dilation) for dilation in options.dilations)
        self.norm = nn.LayerNorm(channels)
        self.decoder = scores.decoder(channels)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of the states of bases."""
        mask = batch["mask"]
        features = without_padding(features, mask)
        letters = features[..., :0]
        if self.options.width:
            letters = functional.one_hot(batch["letters"], len(BASES) + 1)[..., : len(BASES)]
            letters = letters.to(features.dtype)
            found = self.sequence(torch.cat([features, letters], -1), mask)
            features = torch.cat([found, letters], -1)
        features = self.projection(features)
        sequences, length = mask.shape
        size = max(1, self.options.chunk_pairs // length**2)
        if sequences <= size:
            return self.scores.finished(self._score(features, letters, mask), batch)
        chunks = zip(*(whole.split(size) for whole in (features, letters, mask)), strict=True)
        parts = [checkpoint(self._score, *chunk, use_reentrant=False) for chunk in chunks]
        return self.scores.finished(torch.cat(parts), batch)

    def _score(self, features: Tensor, letters: Tensor, mask: Tensor) -> Tensor:
        """Return logits that are not symmetric yet.

        Args:
            features: of bases, (batch, length, 4 x channels).
            letters: one-hot, (batch, length, 4); of no columns if they are not read.
            mask: bool (batch, length).
        """
        left, right, first, second = features.chunk(4, -1)
        pairs = torch.addcmul(
            left.unsqueeze(2) + right.unsqueeze(1), first.unsqueeze(2), second.unsqueeze(1)
        )
        if self.options.width:  # a vector for each kind of pair of letters
            kinds = self.kinds(letters).unflatten(-1, (len(BASES), -1))
            pairs = pairs + letters.unsqueeze(1) @ kinds
        outside = None if mask.all() else ~pairs_of(mask).unsqueeze(-1)
        for block in self.blocks:
            pairs = block(pairs, outside)
        logits: Tensor = self.decoder(functional.relu(self.norm(pairs)))
        return logits.movedim(-1, 1)


class _AlongSequence(nn.Module):
    """Two convolutions along the sequence, the second with a shortcut."""

    def __init__(self, inputs: int, width: int, reach: int) -> None:
        super().__init__()
        kernel = 2 * reach + 1
        self.near = nn.Conv1d(inputs, width, kernel, padding=reach)
        self.further = nn.Conv1d(width, width, kernel, padding=reach)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, length, width) of features (batch, length, inputs), 0 at padding."""
        inside = mask.unsqueeze(1)
        found = functional.relu(self.near(features.mT)) * inside
        found = found + functional.relu(self.further(found)) * inside
        return found.mT


class _Block(nn.Module):
    """``x + conv(relu(norm(x)))``, a pre-activation block (He et al. 2016) of one convolution."""

    def __init__(self, options: ResNetOptions, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(options.channels)
        self.convolution = _convolution(options.channels, options.kernel, dilation)
        self.dropout = nn.Dropout2d(options.dropout)

    def forward(self, pairs: Tensor, outside: Tensor | None) -> Tensor:
        """Return features of the same shape, (batch, length, length, channels).

        Args:
            pairs: features, channels last, which is how convolutions are quick on a CPU.
            outside: bool (batch, length, length, 1), true at padding; None: there is none.
        """
        found = functional.relu(self.norm(pairs), inplace=True)
        if outside is not None:
            found = found.masked_fill(outside, 0.0)
        found = self.dropout(self.convolution(found.permute(0, 3, 1, 2)))
        kept: Tensor = pairs + found.permute(0, 2, 3, 1)
        return kept


class _Bottleneck(nn.Module):
    """``x + up(conv(down(x)))``, with normalisation and ReLU before each layer."""

    def __init__(self, options: ResNetOptions, dilation: int) -> None:
        super().__init__()
        inner = max(1, options.channels // 2)
        sizes = (options.channels, inner, inner)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in sizes)
        self.down = nn.Linear(options.channels, inner)
        self.convolution = _convolution(inner, options.kernel, dilation)
        self.up = nn.Linear(inner, options.channels)
        self.dropout = nn.Dropout2d(options.dropout)

    def forward(self, pairs: Tensor, outside: Tensor | None) -> Tensor:
        """Return what a `_Block` returns."""
        first, second, third = self.norms
        found = functional.relu(second(self.down(functional.relu(first(pairs)))))
        if outside is not None:
            found = found.masked_fill(outside, 0.0)
        found = self.convolution(found.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        found = self.dropout(functional.relu(third(found)).permute(0, 3, 1, 2))
        kept: Tensor = pairs + self.up(found.permute(0, 2, 3, 1))
        return kept


def _convolution(channels: int, kernel: int, dilation: int) -> nn.Conv2d:
    reach = dilation * (kernel // 2)
    return nn.Conv2d(channels, channels, kernel, padding=reach, dilation=dilation)


def build(config: Any, num_labels: int, problem: Problem, **options: Any) -> ResNetHead:
    """Build the head for a backbone of this `config`.

    Args:
        config: of the backbone.
        num_labels: outputs.
        problem: of the task.
        options: fields of `ResNetOptions`; without any, those are `EARLIER`'s.
    """
    chosen = ResNetOptions(**options) if options else EARLIER
    return ResNetHead(config, chosen, Scores(problem, num_labels, chosen.canonical))


ENTRY = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.resnet:build",
    summary="states and letters -> convolutions along the sequence -> outer concatenation -> "
    "dilated 2-D residual network (after RiNALMo and sinc-lab)",
    fresh=asdict(ResNetOptions()),
)
