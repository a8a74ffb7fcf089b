"""Masking: which bases of a sequence are hidden, and what stands in their place.

Three strategies take the same share of a sequence's bases, after Wang et al. 2024 (RNAErnie):

- ``base``: bases at random;
- ``subsequence``: spans of `min_span` to `max_span` bases that do not touch each other, lengths
  uniform as far as they fill the share, placement uniform over the whole sequence, its tail
  included. A share below `min_span` is one shorter span.
- ``motif``: occurrences of motifs, whole, no two overlapping, in random order, the first list of
  the matcher first, then the next. What no whole motif fits into, a few bases in most sequences
  and everything in one without motifs, is filled up with bases at random.

The share is rounded up or down at random, so that on average exactly `rate` of the bases are
masked; at least one always is. Then each of them, on its own, becomes the mask token, one of the
four bases at random (perhaps the same one) or stays; it is a target in any case. Special tokens
and letters other than A, C, G and U are never touched. A span runs over such a letter and leaves
it as it is, a motif does not.

Behind the bases may stand ``[IND]`` and a type: left out with `untyped_rate`, else the type is
replaced by the mask token and a target with `type_rate`.

Everything about a sequence follows from its own seed: neither the batch it is in nor the number of
processes matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from rnaernie_bench.backbones.vocabulary import INDICATOR
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.pretraining.kernels import (
    MOTIF,
    Rules,
    choose_each,
    hash_each,
    mask_batch,
)
from rnaernie_bench.pretraining.motifs import MotifMatcher

Strategy = Literal["base", "subsequence", "motif"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
"""The strategies; an index into them stands for one in arrays."""
KINDS = (*STRATEGIES, "type")
"""Kinds of targets: bases by strategy, and types; an index into them stands for one in arrays."""
Schedule = Literal["staged", "mixed"]

MAX_RATE = 0.5
"""Up to half of a sequence there is always room for spans that do not touch."""


@dataclass(frozen=True)
class MaskingOptions:
    """Options of `masking`."""

    schedule: Schedule
    """`staged`: base, subsequence, motif, a third of the training each; `mixed`: any of them."""
    rate: float = 0.15
    """Share of a sequence's bases that are targets."""
    mask: float = 0.8
    """Share of the targets that are hidden."""
    random: float = 0.1
    """Share of the targets that a random base replaces; the others are left as they are."""
    min_span: int = 4
    """Bases of the shortest span."""
    max_span: int = 8
    """Bases of the longest span."""
    type_rate: float = 0.5
    """Probability that the type is hidden and a target."""
    untyped_rate: float = 0.0
    """Probability that `[IND]` and the type are left out."""

    def __post_init__(self) -> None:
        _require(0 < self.rate <= MAX_RATE, "rate", f"above 0 and at most {MAX_RATE}")
        for name in ("mask", "random", "type_rate", "untyped_rate"):
            _require(0 <= getattr(self, name) <= 1, name, "from 0 to 1")
        _require(self.mask + self.random <= 1, "random", f"at most {1 - self.mask:g}, 1 - mask")
        _require(self.min_span >= 1, "min_span", "1 or more")
        _require(self.max_span >= self.min_span, "max_span", f"at least min_span={self.min_span}")


@dataclass(frozen=True)
class Masked:
    """A batch, masked and padded."""

    input_ids: np.ndarray
    """int64 of shape (batch, longest)."""
    labels: np.ndarray
    """int64 of the same shape: the token that stood there, -100 where there is no target."""
    strategy: np.ndarray
    """int8 of shape (batch,): an index into `STRATEGIES`."""
    type_masked: np.ndarray
    """bool of shape (batch,): whether the type is hidden and a target."""


class Masker:
    """Masks batches of token ids by the options.

    Args:
        options: what is masked, and by what.
        tokenizer: a MultiMolecule RNA tokenizer, with or without types.
        matcher: finds motifs; without one, motif masking is refused.
    """

    def __init__(
        self, options: MaskingOptions, tokenizer: Any, matcher: MotifMatcher | None = None
    ) -> None:
        self.options = options
        self._has_motifs = matcher is not None
        self._automaton = (matcher or MotifMatcher(())).automaton
        bases = np.array(tokenizer.convert_tokens_to_ids([*"ACGU"]), dtype=np.int64)
        self.base_ids = bases
        self.mask_id = int(tokenizer.mask_token_id)
        codes = np.full(len(tokenizer), -1, dtype=np.int8)
        codes[bases] = range(len(bases))
        self._rules = Rules(
            rate=float(options.rate),
            mask=float(options.mask),
            random=float(options.random),
            min_span=options.min_span,
            max_span=options.max_span,
            type_rate=float(options.type_rate),
            untyped_rate=float(options.untyped_rate),
            codes=codes,
            bases=bases,
            pad_id=tokenizer.pad_token_id,
            mask_id=tokenizer.mask_token_id,
            indicator_id=tokenizer.get_vocab().get(INDICATOR, -1),
        )

    def mask(self, ids: Sequence[np.ndarray], strategies: np.ndarray, seeds: np.ndarray) -> Masked:
        """Mask a batch.

        Args:
            ids: a vector of token ids a sequence, ``<cls> bases <eos>`` or
                ``<cls> bases [IND] [TYPE] <eos>``, at least one.
            strategies: indices into `STRATEGIES`, shape (batch,); see `strategy_of`.
            seeds: uint64 of shape (batch,); see `sequence_seeds`.

        Raises:
            ConfigError: if motifs are to be masked and there is no matcher.
        """
        strategies = np.asarray(strategies, dtype=np.int8)
        if not self._has_motifs and (strategies == MOTIF).any():
            raise ConfigError(
                "motif masking needs lists of motifs", where="masking", remedy="name their files"
            )
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        shape = len(ids), int(lengths.max())
        input_ids, labels = np.empty(shape, np.int64), np.empty(shape, np.int64)
        type_masked = np.empty(len(ids), bool)
        longest = mask_batch(
            np.concatenate(ids).astype(np.int64, copy=False),
            np.cumsum(lengths),
            strategies,
            np.asarray(seeds, dtype=np.uint64),
            self._automaton,
            self._rules,
            input_ids,
            labels,
            type_masked,
        )
        if longest < shape[1]:  # the types of the longest sequences were left out
            input_ids, labels = (np.ascontiguousarray(x[:, :longest]) for x in (input_ids, labels))
        return Masked(input_ids, labels, strategies, type_masked)


def sequence_seeds(seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
    """Return the seed of each record in an epoch: a hash of all three.

    Args:
        seed: of the run.
        epoch: from 0.
        indices: the records' positions in the corpus, shape (batch,).

    Returns:
        uint64 of shape (batch,).
    """
    key = np.uint64(0)
    for part in (seed, epoch):
        key = hash_each(key, np.array([part], dtype=np.int64))[0]
    return hash_each(key, np.asarray(indices, dtype=np.int64))


def strategy_of(schedule: Schedule, progress: float, seeds: np.ndarray) -> np.ndarray:
    """Return how each sequence is masked: the same for all if staged, drawn for each if mixed.

    Args:
        schedule: of the options.
        progress: the share of the training that is done, in [0, 1).
        seeds: of the sequences, uint64 of shape (batch,).

    Returns:
        Indices into `STRATEGIES`, int8 of shape (batch,).
    """
    if schedule == "mixed":
        return choose_each(np.asarray(seeds, dtype=np.uint64), len(STRATEGIES))
    stage = min(int(progress * len(STRATEGIES)), len(STRATEGIES) - 1)
    return np.full(len(seeds), stage, dtype=np.int8)


def _require(holds: bool, key: str, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"the value must be {allowed}", where=f"masking.{key}")
