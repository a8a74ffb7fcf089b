"""The contact head of a small structure model: letters, states and thermodynamics on one map.

What a language model adds to the structure of an RNA is what its states add to this head: it learns
from letters alone, and from the pair probabilities of an energy model if it is given them. As in
SPOT-RNA (Singh et al. 2019) and RiNALMo (Penić et al. 2025), dilated residual blocks (Yu & Koltun
2016) read a map of all pairs of bases. Each map is normalised as a whole (Wu & He 2018), so that
pairs compete with all others of their RNA: RNAs are worked through one by one, none is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rnaernie_bench.heads.bases.contact import (
    BASES,
    BINARY,
    ContactHead,
    Scores,
    without_padding,
)
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.metrics.problems import Problem, two_classes
from rnaernie_bench.task.catalogue import HeadEntry

CLEAREST = 1e-4
"""Probabilities this close to 0 or 1 are read as such: half of its log odds is that of `PRIOR`."""

TRUST = 0.5
"""What log odds that are given are multiplied by at first."""

GROUPS = 4
"""Groups of channels that are normalised together."""


@dataclass(frozen=True)
class ResNet2dOptions:
    """Options of `ResNet2dHead`."""

    features: Sequence[str] = ()
    """Pair probabilities of a batch that are read, by name; see `learning.pair_features`."""
    states: int = 32
    """Features that a linear layer makes of the states of a base."""
    width: int = 48
    """Features of a base that convolutions along the sequence make of all that is read of it."""
    reach: int = 4
    """Neighbours on either side that each of the two convolutions along the sequence sees."""
    channels: int = 32
    """Features of a pair of bases."""
    dilations: Sequence[int] = (1, 2, 4, 1)
    """Of the convolutions over the map, one a block."""
    kernel: int = 5
    """Of these convolutions: bases that they see along either axis; odd."""
    canonical: bool = True
    """See `Scores`."""

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"the kernel must be odd, not {self.kernel}")
        if self.channels % (2 * GROUPS):
            raise ValueError(f"channels must be a multiple of {2 * GROUPS}, not {self.channels}")


class ResNet2dHead(ContactHead):
    """Convolutions along the sequence, an outer sum, and dilated bottleneck blocks over the map.

    Two convolutions along the sequence read letters, states and, where pair probabilities are
    given, how likely each base is paired. The features of a pair are the sum of one linear layer on
    each base, of a vector for the kind of its letters, and of a linear layer on the probabilities
    and their log odds. The last layer begins at zero, so that untrained heads give all pairs the
    probability `PRIOR`; where probabilities are given, their log odds, times a weight that is
    learned, are added to what it says: where the head knows nothing, it says what they say. In
    bfloat16, if the network computes in that, all is but the last layer and these log odds.

    Args:
        config: of the backbone.
        options: see `ResNet2dOptions`.
        scores: what is given to each pair of bases.
    """

    autocast = True  # the map takes most of the time of a network

    def __init__(
        self, config: Any, options: ResNet2dOptions | None = None, scores: Scores = BINARY
    ) -> None:
        super().__init__(config, scores)
        self.options = options = options or ResNet2dOptions()
        given, channels, kinds = len(options.features), options.channels, len(BASES) + 1
        self.states = nn.Sequential(
            nn.LayerNorm(config.hidden_size), nn.Linear(config.hidden_size, options.states)
        )
        kernel = 2 * options.reach + 1
        read = kinds + options.states + given
        self.near = nn.Conv1d(read, options.width, kernel, padding=options.reach)
        self.further = nn.Conv1d(options.width, options.width, kernel, padding=options.reach)
        self.left = nn.Linear(options.width, channels)
        self.right = nn.Linear(options.width, channels)
        self.kinds = nn.Linear(kinds, kinds * channels, bias=False)
        if given:
            self.given = nn.Linear(2 * given, channels, bias=False)
            self.trust = nn.Parameter(torch.full((given,), TRUST / given))
        self.blocks = nn.Sequential(*(_Block(options, dilation) for dilation in options.dilations))
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.decoder = scores.decoder(channels)
        nn.init.zeros_(self.decoder.weight)
        self.trusts = bool(given) and two_classes(scores.problem)
        if self.trusts:  # the log odds of what is never likely are those of `PRIOR` then
            nn.init.zeros_(self.decoder.bias)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of the states of bases."""
        mask, options = batch["mask"], self.options
        letters = functional.one_hot(batch["letters"], len(BASES) + 1).to(features.dtype)
        read = [letters, self.states(without_padding(features, mask))]
        given = None
        if options.features:
            given = torch.stack([batch[name] for name in options.features], -1).to(features.dtype)
            read.append(given.sum(2))
        along = self._along(torch.cat(read, -1), mask)
        longest = mask.shape[1]
        maps = []
        for place, bases in enumerate(mask.sum(1).tolist()):
            found = self._score(
                along[place, :bases],
                letters[place, :bases],
                None if given is None else given[place, :bases, :bases],
            )
            maps.append(functional.pad(found, (0, longest - bases) * 2))
        return self.scores.finished(torch.stack(maps), batch)

    def _along(self, read: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, length, width) of what is read of bases, (batch, length, inputs)."""
        inside = mask.unsqueeze(1)
        found = functional.relu(self.near(without_padding(read, mask).mT)) * inside
        return (found + functional.relu(self.further(found)) * inside).mT

    def _score(self, along: Tensor, letters: Tensor, given: Tensor | None) -> Tensor:
        """Return logits of one RNA that are not symmetric yet, (outputs, bases, bases).

        Args:
            along: features of its bases, (bases, width).
            letters: one-hot, (bases, 5).
            given: pair probabilities, (bases, bases, their number), or None.
        """
        bases = len(along)
        kinds = self.kinds(letters).unflatten(-1, (letters.shape[1], -1))
        kinds = kinds + self.left(along).unsqueeze(1)  # a base has one letter: added once
        pairs = torch.baddbmm(
            self.right(along).expand(bases, -1, -1), letters.expand(bases, -1, -1), kinds
        )
        odds = None
        if given is not None:
            odds = torch.logit(given, eps=CLEAREST)
            pairs = pairs + self.given(torch.cat([given, odds / 4], -1))
        pairs = self.blocks(pairs.permute(2, 0, 1).unsqueeze(0))  # channels last in memory
        pairs = functional.relu(self.norm(pairs), inplace=True).squeeze(0).permute(1, 2, 0)
        with torch.autocast(pairs.device.type, enabled=False):  # scores need all their digits
            logits: Tensor = self.decoder(pairs.float())
        if self.trusts and odds is not None:
            logits = logits + (odds * self.trust).sum(-1, keepdim=True)
        return logits.permute(2, 0, 1)


class _Block(nn.Module):
    """``x + up(conv(down(norm(x))))``, with ReLU before each layer: a bottleneck (He et al. 2016).

    The convolution is of half as many channels.
    """

    def __init__(self, options: ResNet2dOptions, dilation: int) -> None:
        super().__init__()
        channels, inner = options.channels, options.channels // 2
        reach = dilation * (options.kernel // 2)
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.down = nn.Conv2d(channels, inner, 1)
        self.convolution = nn.Conv2d(inner, inner, options.kernel, padding=reach, dilation=dilation)
        self.up = nn.Conv2d(inner, channels, 1)

    def forward(self, pairs: Tensor) -> Tensor:
        """Return features of the same shape, (1, channels, bases, bases)."""
        found = self.down(functional.relu(self.norm(pairs), inplace=True))
        found = self.convolution(functional.relu(found, inplace=True))
        kept: Tensor = pairs + self.up(functional.relu(found, inplace=True))
        return kept


def build(config: Any, num_labels: int, problem: Problem, **options: Any) -> ResNet2dHead:
    """Build the head for a backbone of this `config`; `options` are fields of `ResNet2dOptions`."""
    chosen = ResNet2dOptions(**options)
    return ResNet2dHead(config, chosen, Scores(problem, num_labels, chosen.canonical))


_FRESH = asdict(ResNet2dOptions())
_FRESH.pop("features")

ENTRY = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.resnet2d:build",
    summary="letters, states and pair probabilities -> convolutions along the sequence -> outer sum"
    " -> dilated 2-D residual network, normalised over the map",
    reads=("features",),
    fresh=_FRESH,
)
