"""Contact heads: a score for each pair of bases of a sequence.

All share one call: ``head(states, mask, attentions=None) -> logits``, where

- `states`, (batch, length, hidden), are those of the bases alone, without special tokens,
- `mask`, bool (batch, length), is true at bases and false at padding,
- `attentions`, (batch, layers x heads, length, length), is read by the attention head alone,
- ``logits``, (batch, length, length), or (batch, outputs, length, length) unless the problem is
  binary, are symmetric to the bit. Those of two bases do not depend on padding, and no gradient
  reaches padding; logits of padding are finite and mean nothing. `of_pairs` takes out those of the
  pairs of bases.

Weights are kept in a ``decoder`` that starts from `PRIOR`, but for quantities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.structure.records import MIN_LOOP

PRIOR = 0.01
"""The probability of a pair that untrained heads start from (Lin et al. 2017, section 3.3): one in
a hundred pairs of bases is about what short RNAs hold, and the first steps need not learn it."""

IGNORED = -100
"""The target of a pair of bases that no loss counts."""


@dataclass(frozen=True)
class Scores:
    """What a head gives each pair of bases."""

    problem: Problem
    outputs: int = 1

    def decoder(self, features: int) -> nn.Linear:
        """Return the last layer of a head."""
        return start_from_prior(nn.Linear(features, self.outputs), self.problem)

    def shaped(self, logits: Tensor) -> Tensor:
        """Return logits (batch, outputs, length, length); one of a binary head is no axis."""
        return logits.squeeze(1) if self.problem == "binary" else logits


BINARY = Scores("binary")
"""Whether two bases pair."""


@dataclass(frozen=True)
class BilinearOptions:
    """Options of `BilinearHead`."""

    dropout: float = 0.0
    """Of the states."""


class BilinearHead(nn.Module):
    """MultiMolecule's linear contact head: logit ``sum_k w_k h_ik h_jk + b`` of bases i and j.

    There a linear layer reads the products of all pairs of states, a tensor of (length, length,
    hidden). The same sum is the matrix product ``(h * w) @ h^T``. The weights have the names and
    shapes of MultiMolecule's `ContactPredictionHead`, so that either loads those of the other.

    Args:
        hidden: features of a state.
        options: see `BilinearOptions`.
        scores: what is given to each pair of bases.
    """

    def __init__(
        self,
        hidden: int,
        options: BilinearOptions | None = None,
        scores: Scores = BINARY,
    ) -> None:
        super().__init__()
        self.options = options or BilinearOptions()
        self.scores = scores
        self.dropout = nn.Dropout(self.options.dropout)
        self.decoder = scores.decoder(hidden)

    def forward(self, states: Tensor, mask: Tensor, attentions: Tensor | None = None) -> Tensor:
        """Return logits, see the module."""
        states = self.dropout(without_padding(states, mask)).unsqueeze(1)
        weighed = states * self.decoder.weight.unsqueeze(1)  # (batch, outputs, length, hidden)
        logits = weighed @ states.mT + self.decoder.bias[:, None, None]
        return symmetric(self.scores.shaped(logits))


@dataclass(frozen=True)
class AttentionOptions:
    """Options of `AttentionHead`."""

    apc: bool = True
    """Whether maps are corrected by average products, which takes off how much attention a base
    gives or gets at all."""


class AttentionHead(nn.Module):
    """Logistic regression on attention maps: a weight for each layer and head, and a bias.

    Maps are made symmetric by the mean with their transposes and, by option, corrected: from entry
    ij of a map with row sums r and total t, ``r_i r_j / t`` is taken off (Dunn, Wahl & Gloor 2008;
    on attention maps, Rao et al. 2021). As both steps are linear in the map, the weighted sum is
    taken first; no second set of maps is made.

    Args:
        maps: layers x heads.
        options: see `AttentionOptions`.
        scores: what is given to each pair of bases.
    """

    def __init__(
        self, maps: int, options: AttentionOptions | None = None, scores: Scores = BINARY
    ) -> None:
        super().__init__()
        self.options = options or AttentionOptions()
        self.scores = scores
        self.decoder = scores.decoder(maps)

    def forward(self, states: Tensor, mask: Tensor, attentions: Tensor | None = None) -> Tensor:
        """Return logits, see the module.

        Raises:
            ValueError: without `attentions`.
        """
        if attentions is None:
            raise ValueError("the attention head reads attention maps: pass `attentions`")
        maps = attentions.masked_fill(~pairs_of(mask).unsqueeze(1), 0.0)
        weight = self.decoder.weight
        logits = torch.einsum("bmij,km->bkij", maps, weight) + self.decoder.bias[:, None, None]
        if self.options.apc:
            given = ((maps.sum(2) + maps.sum(3)) / 2).unsqueeze(1)
            total = given.sum(-1, keepdim=True).clamp_min(torch.finfo(maps.dtype).eps)
            logits = logits - (given * weight[:, :, None] / total).mT @ given
        return symmetric(self.scores.shaped(logits))


def contact_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    positive_weight: float | None = None,
    focal_gamma: float = 0.0,
    min_distance: int = MIN_LOOP + 1,
    average: Literal["sequences", "pairs"] = "sequences",
) -> Tensor:
    """Return the binary cross-entropy of pairs of bases, a scalar.

    Few pairs of bases are base pairs: one in 2 x length at most. Two remedies, which can be joined:
    `positive_weight` multiplies the terms of base pairs, and `focal_gamma` multiplies each term by
    ``(1 - p)^gamma``, p being the probability given to the truth (Lin et al. 2017, equation 4), so
    that the many easy pairs count less. Neither changes what the sum is divided by.

    With `average` ``sequences`` the loss is the mean over the pairs of a sequence, then over
    sequences, as scores are; those without a pair to count are left out. With ``pairs`` it is the
    mean over the pairs of the batch, in which a sequence counts by its length squared: with
    `min_distance` 0, that is the loss of MultiMolecule's contact heads.

    Args:
        logits: symmetric, (batch, length, length).
        targets: symmetric, of the same shape: 1 for base pairs, 0 for others, `IGNORED` for pairs
            not to be counted; see `contact_targets`.
        mask: bool (batch, length), true at bases.
        positive_weight: factor of base pairs, None for 1.
        focal_gamma: 0 for the plain cross-entropy.
        min_distance: pairs of bases that are closer are left out; the default leaves out those
            that no hairpin can turn around between. The mean is over both triangles, which is that
            over one, as they are symmetric.
        average: see above.

    Returns:
        The loss; 0, with gradients of 0, where no pair is to be counted.
    """
    position = torch.arange(mask.shape[1], device=mask.device)
    far = (position - position[:, None]).abs() >= min_distance
    counted = pairs_of(mask) & far & (targets >= 0)
    logits = logits.masked_fill(~counted, 0.0)
    truth = (targets > 0).to(logits.dtype)
    factor = None if positive_weight is None else logits.new_tensor(positive_weight)
    terms = functional.binary_cross_entropy_with_logits(
        logits, truth, pos_weight=factor, reduction="none"
    )
    if focal_gamma:
        terms = terms * torch.sigmoid(logits * (1 - 2 * truth)) ** focal_gamma
    sums, counts = (terms * counted).sum((1, 2)), counted.sum((1, 2))
    if average == "pairs":
        return sums.sum() / counts.sum().clamp_min(1)
    return (sums / counts.clamp_min(1)).sum() / (counts > 0).sum().clamp_min(1)


def contact_targets(pairs: Sequence[np.ndarray], lengths: Sequence[int]) -> Tensor:
    """Return the targets of a batch for `contact_loss`.

    Args:
        pairs: the base pairs of each sequence, integers of shape (pairs, 2), 0-based.
        lengths: bases of each sequence.

    Returns:
        int8, symmetric, (batch, longest, longest): 1 for base pairs, 0 for other pairs of bases,
        `IGNORED` for padding.
    """
    longest = max(lengths)
    targets = torch.full((len(lengths), longest, longest), IGNORED, dtype=torch.int8)
    for target, chosen, length in zip(targets, pairs, lengths, strict=True):
        target[:length, :length] = 0
        i, j = torch.from_numpy(np.asarray(chosen, dtype=np.int64).reshape(-1, 2)).T
        target[i, j] = target[j, i] = 1
    return targets


def bases_only(
    states: Tensor,
    mask: Tensor,
    attentions: Sequence[Tensor] | None = None,
    *,
    first: int = 1,
) -> tuple[Tensor, Tensor | None]:
    """Take the special tokens off what a backbone returns, for the heads here.

    Args:
        states: (batch, tokens, hidden), of ``<cls>``, bases, perhaps a type, ``<eos>`` and padding.
        mask: bool (batch, length), true at bases.
        attentions: of each layer, (batch, heads, tokens, tokens).
        first: where the first base stands: 0 for networks that know no ``<cls>``.

    Returns:
        States and attentions of the bases, see the module.
    """
    bases = slice(first, first + mask.shape[1])
    maps = torch.cat([layer[..., bases, bases] for layer in attentions], 1) if attentions else None
    return states[:, bases], maps


def pairs_of(mask: Tensor) -> Tensor:
    """Return where both are bases, bool (batch, length, length)."""
    return mask.unsqueeze(1) & mask.unsqueeze(2)


def without_padding(states: Tensor, mask: Tensor) -> Tensor:
    """Return states that are 0 at padding, whatever stood there."""
    return states.masked_fill(~mask.unsqueeze(-1), 0.0)


def symmetric(logits: Tensor) -> Tensor:
    """Return the mean of logits and their transposes, (..., length, length)."""
    return (logits + logits.mT) / 2


def of_pairs(logits: Tensor, mask: Tensor) -> Tensor:
    """Return what is given to each pair i < j of bases, sequence by sequence and row by row.

    Args:
        logits: (batch, outputs, length, length).
        mask: bool (batch, length), true at bases.

    Returns:
        (pairs of bases, outputs).
    """
    return logits.movedim(1, -1)[pairs_of(mask).triu(1)]


def start_from_prior(decoder: nn.Linear, problem: Problem = "binary") -> nn.Linear:
    """Set the bias of a last layer so that pairs start with the probability `PRIOR`.

    Of classes, all but the first start with it, relative to the first, which pairs of bases are of
    unless a data set says otherwise. The bias of quantities is left as it is.
    """
    if problem != "regression":
        nn.init.constant_(decoder.bias, math.log(PRIOR / (1 - PRIOR)))
    if problem == "multiclass":
        nn.init.zeros_(decoder.bias[:1])
    return decoder


def bilinear(
    config: Any, num_labels: int, problem: Problem, options: BilinearOptions | None = None
) -> BilinearHead:
    """Build a `BilinearHead` for a backbone of this `config`."""
    return BilinearHead(config.hidden_size, options, Scores(problem, num_labels))


def attention(
    config: Any, num_labels: int, problem: Problem, options: AttentionOptions | None = None
) -> AttentionHead:
    """Build an `AttentionHead` for a backbone of this `config`."""
    maps = config.num_hidden_layers * config.num_attention_heads
    return AttentionHead(maps, options, Scores(problem, num_labels))
