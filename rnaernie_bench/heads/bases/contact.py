"""Contact heads: scores for each pair of bases of a sequence (`heads.bases.contract` says how).

Logits of two bases do not depend on padding, and no gradient reaches padding; logits of padding are
finite and mean nothing. `of_pairs` takes out those of the pairs of bases.

The last layer, ``decoder``, starts from `PRIOR`, but for quantities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from multimolecule.modules import HeadConfig
from torch import Tensor, nn
from torch.nn import functional

from rnaernie_bench.heads.bases.contract import Batch, first_base, states_alone, states_of_bases
from rnaernie_bench.metrics.problems import Problem, quantitative, several_classes, two_classes
from rnaernie_bench.structure.records import CANONICAL, MIN_LOOP

PRIOR = 0.01
"""The probability of a pair that untrained heads start from (Lin et al. 2017, section 3.3): one in
a hundred pairs of bases is about what short RNAs hold, and the first steps need not learn it."""

BASES = "ACGU"
"""The letters that are told apart, by their places here (`letters_of`)."""

MIN_DISTANCE = MIN_LOOP + 1
"""Bases that are closer cannot pair: no hairpin can turn around between them."""

IMPOSSIBLE = -30.0
"""The logit of a pair of bases that cannot pair."""


@dataclass(frozen=True)
class Scores:
    """What a head gives each pair of bases."""

    problem: Problem
    outputs: int = 1
    canonical: bool = False
    """Whether bases that cannot pair (`can_pair`) get the logit `IMPOSSIBLE`; the loss of base
    pairs does not count them. Where the question is another one, all pairs are scored."""

    def decoder(self, features: int) -> nn.Linear:
        """Return the last layer of a head."""
        return start_from_prior(nn.Linear(features, self.outputs), self.problem)

    def finished(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits as a head gives them, of any (batch, outputs, length, length).

        The one output of a binary head is no axis.
        """
        if not two_classes(self.problem):
            return symmetric(logits)
        found = symmetric(logits.squeeze(1))
        if not self.canonical:
            return found
        return found.masked_fill(~can_pair(batch["letters"]), IMPOSSIBLE)


BINARY = Scores("binary")
"""Whether two bases pair."""


class ContactHead(nn.Module):
    """What contact heads share: they read the states of the bases, and are configured alike.

    Args:
        config: of the backbone.
        scores: what is given to each pair of bases.
    """

    reads_pooler = False
    reads_attentions = False

    def __init__(self, config: Any, scores: Scores = BINARY) -> None:
        super().__init__()
        self.scores = scores
        self.first = first_base(config)

    @property
    def config(self) -> HeadConfig:
        """What MultiMolecule's heads are configured by."""
        return HeadConfig(num_labels=self.scores.outputs, problem_type=self.scores.problem)

    @states_alone
    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states of the bases, (inputs, length, hidden)."""
        return states_of_bases(outputs, batch, self.first)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits, see `heads.bases.contract`."""
        raise NotImplementedError


def letters_of(sequences: Sequence[str]) -> Tensor:
    """Return the place in `BASES` of each letter; other letters and padding have the next number.

    Returns:
        int64 (sequences, longest).
    """
    longest = max(map(len, sequences))
    padded = "".join(sequence.ljust(longest) for sequence in sequences)
    codes = torch.frombuffer(bytearray(padded, "ascii"), dtype=torch.uint8)
    return _PLACES[codes.long()].view(len(sequences), longest)


def can_pair(letters: Tensor) -> Tensor:
    """Return which bases can pair: AU, GC and GU, with room for a hairpin between them.

    Args:
        letters: see `letters_of`.

    Returns:
        bool (sequences, longest, longest), symmetric.
    """
    place = torch.arange(letters.shape[1], device=letters.device)
    far = (place - place[:, None]).abs() >= MIN_DISTANCE
    partners = _PARTNERS.to(letters.device)[letters]  # (sequences, longest, letters)
    own = functional.one_hot(letters, len(BASES) + 1).to(partners.dtype)
    return (partners @ own.mT > 0) & far


def pairs_of(mask: Tensor) -> Tensor:
    """Return where both are bases, bool (batch, length, length)."""
    return mask.unsqueeze(1) & mask.unsqueeze(2)


def without_padding(states: Tensor, mask: Tensor) -> Tensor:
    """Return states that are 0 at padding, whatever stood there."""
    return states.masked_fill(~mask.unsqueeze(-1), 0.0)


def symmetric(logits: Tensor) -> Tensor:
    """Return the mean of logits and their transposes, (..., length, length)."""
    return (logits + logits.mT) / 2


def mirrored(values: Tensor) -> Tensor:
    """Return the upper triangle of matrices (..., length, length), and its mirror image below.

    What is computed entry by entry from a symmetric matrix, such as a sigmoid, differs in the last
    bits with the place in memory on some processors.
    """
    return values.triu() + values.triu(1).mT


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
    if not quantitative(problem):
        nn.init.constant_(decoder.bias, math.log(PRIOR / (1 - PRIOR)))
    if several_classes(problem):
        nn.init.zeros_(decoder.bias[:1])
    return decoder


def _table() -> tuple[Tensor, Tensor]:
    """Return the place of each ASCII code, int64 (128,), and which places pair, float32 (5, 5)."""
    places = torch.full((128,), len(BASES))
    partners = torch.zeros(len(BASES) + 1, len(BASES) + 1)
    for place, letter in enumerate(BASES):
        places[ord(letter)] = place
    for pair in CANONICAL:
        partners[BASES.index(pair[0]), BASES.index(pair[1])] = 1
    return places, partners


_PLACES, _PARTNERS = _table()
