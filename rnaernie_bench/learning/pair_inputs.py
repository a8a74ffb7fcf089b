"""What networks read of pairs of sequences: towers of distinct sequences, or joint inputs.

A batch of towers holds each distinct sequence once, however many of its pairs it stands in; an
index says which sequence is whose partner. Where sequences are read as several copies, a pair is
read as all combinations of a copy of either partner, whose share is the product of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

import numpy as np
import torch

from rnaernie_bench.backbones.inference import Batch, TokenIds
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.batching import copy_weights, pad_batch
from rnaernie_bench.data.encoding import Encoded, single
from rnaernie_bench.heads.bases.pair import PARTNERS, letter_codes, places_of
from rnaernie_bench.learning.inputs import (
    SequenceInputs,
    Source,
    StatesOf,
    TokenInputs,
    mask_of,
    refuse_long,
)
from rnaernie_bench.learning.kept import Kept, PaddedStates, lengths_of
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.task.lengths import POLICIES

Pair = tuple[str, str]
"""The sequences of both partners, normalised."""

SPECIALS = 3
"""Special tokens of a pair, for its share of a token budget."""


@dataclass(frozen=True)
class PairInputs(SequenceInputs):
    """Pairs of sequences, each a unit: what towers and joint inputs share."""

    items: Sequence[Pair]  # type: ignore[assignment]

    kept_as: ClassVar[Callable[..., Source]] = PaddedStates
    scored: ClassVar[str | None] = "rnaernie_bench.learning.pair_scores:logits"
    noun: ClassVar[str] = "pair"
    record: ClassVar[str] = "pair {}"

    @classmethod
    def read(  # type: ignore[override]
        cls, items: Sequence[Pair], reader: Reader, kept: Kept | None = None
    ) -> Any:
        """Return what is read of pairs; see `LevelInputs.read`.

        Raises:
            ConfigError: for joint inputs where no token could stand between two sequences.
        """
        remedy = "cut them to the site in question, or set task.length=truncate"
        refuse_long(items, reader, cls, remedy=remedy)
        pairs = [truncated(pair, reader) for pair in items]
        if reader.encoding == "joint":
            return JointInputs.of(pairs, reader)
        sequences = list(dict.fromkeys(sequence for pair in pairs for sequence in pair))
        if kept is not None:
            source: Source = PaddedStates(kept.tables, sequences, kept.weights(sequences))
        else:
            source = TokenIds(reader.encode(sequences), reader.pad_id)
        return TowerInputs(pairs, source, sequences)

    @staticmethod
    def sequences(items: Iterable[Pair], reader: Reader) -> list[str]:  # type: ignore[override]
        """Return the distinct sequences of both partners, sorted."""
        return sorted({sequence for pair in items for sequence in truncated(pair, reader)})

    @classmethod
    def states(cls, network: Any, reader: Reader, sequences: Sequence[str]) -> StatesOf:
        """Return what computes the states of single sequences; see `LevelInputs.states`."""

        def compute(batch: Batch) -> Any:
            states = network.features({PARTNERS[0]: batch})[PARTNERS[0]]
            bases = batch["mask"].sum(1).tolist()
            return [padded[:count] for padded, count in zip(states, bases, strict=True)]

        return StatesOf(TokenInputs.read(sequences, reader), compute)

    @staticmethod
    def size(item: Pair, reader: Reader) -> tuple[int, int, str]:  # type: ignore[override]
        """Return the bases that have to fit, the limit, and what they are of."""
        if reader.encoding == "joint":
            return sum(map(len, item)), joint_limit(reader), "both sequences have"
        return max(map(len, item)), reader.max_bases, "a sequence has"

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each pair."""
        return lengths_of([first + second for first, second in self.items]) + SPECIALS

    @property
    def counts(self) -> np.ndarray | None:
        """One each."""
        return None


@dataclass(frozen=True)
class TowerInputs(PairInputs):
    """Both partners apart, each distinct sequence of a batch once."""

    distinct: Sequence[str] = ()
    """What `source` reads."""

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each sequence stands in `distinct`."""
        return {sequence: place for place, sequence in enumerate(self.distinct)}

    @property
    def counts(self) -> np.ndarray | None:
        """Copies of the partner that has more of them."""
        counts = self.source.counts
        if counts is None:
            return None
        places = [[self.places[sequence] for sequence in pair] for pair in self.items]
        return counts[np.array(places, dtype=np.int64).reshape(-1, 2)].max(axis=1)

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return by partner tokens or features with ``mask``, ``letters`` and ``index``."""
        batch: Batch = {}
        rows, shares = [], []
        for side, partner in enumerate(PARTNERS):
            place: dict[str, int] = {}
            index = [place.setdefault(self.items[i][side], len(place)) for i in indices]
            chosen = [self.places[sequence] for sequence in place]
            read = self.source.gather(chosen)
            weights = read.pop("copy_weights", None)
            counts = np.ones(len(chosen), dtype=np.int64)
            if self.source.counts is not None:
                counts = self.source.counts[chosen]
            ends = np.cumsum(counts)
            mask = mask_of(np.repeat(lengths_of(list(place)), counts))
            letters, _ = pad_batch([letter_codes(sequence) for sequence in place], 0)
            batch[partner] = {
                **read, "mask": mask, "letters": letters[np.repeat(np.arange(len(place)), counts)]
            }  # fmt: skip
            rows.append([range(ends[own] - counts[own], ends[own]) for own in index])
            shares.append(np.ones(ends[-1]) if weights is None else weights.sum(0).numpy())
        combined = [list(product(*ranges)) for ranges in zip(*rows, strict=True)]
        flat = np.array([copies for some in combined for copies in some], dtype=np.int64)
        for side, partner in enumerate(PARTNERS):
            batch[partner]["index"] = torch.from_numpy(flat[:, side].copy())
        if len(flat) > len(combined):
            weighed = shares[0][flat[:, 0]] * shares[1][flat[:, 1]]
            counts = np.array([len(some) for some in combined], dtype=np.int64)
            batch["copy_weights"] = copy_weights(counts, weighed.astype(np.float32))
        return batch


@dataclass(frozen=True)
class JointInputs(PairInputs):
    """Token ids of ``<cls> first <eos> second <eos>``."""

    @classmethod
    def of(cls, pairs: Sequence[Pair], reader: Reader) -> JointInputs:
        """Return joint inputs of pairs that fit.

        Raises:
            ConfigError: where no token could stand between two sequences, or copies are requested.
        """
        tokenizer = reader.tokenizer
        if tokenizer.cls_token_id is None or tokenizer.eos_token_id is None:
            raise ConfigError(
                "the backbone reads bases alone: nothing could stand between two sequences",
                where="task.encoding",
                remedy="use task.encoding=towers",
            )
        if reader.tails is not None:
            raise ConfigError(
                "copies with types are of single sequences, joint inputs are pairs",
                where="task.encoding",
                remedy="use task.encoding=towers",
            )
        firsts, seconds = (
            reader.encode([pair[side] for pair in pairs]) for side in range(len(PARTNERS))
        )
        ids = (np.concatenate((a, b[1:])) for a, b in zip(firsts.ids, seconds.ids, strict=True))
        return cls(pairs, TokenIds(_single(tuple(ids)), reader.pad_id))

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``input_ids`` and ``attention_mask``, and by partner where it stands in them."""
        batch = self.source.gather(indices)
        chosen = [self.items[index] for index in indices]
        bases = (torch.from_numpy(lengths_of(side)) for side in zip(*chosen, strict=True))
        for side, (partner, read) in enumerate(places_of(*bases).items()):
            letters, _ = pad_batch([letter_codes(pair[side]) for pair in chosen], 0)
            batch[partner] = {**read, "letters": letters}
        return batch


def joint_limit(reader: Reader) -> int:
    """Return how many bases of both partners fit one input: one token stands between them."""
    return reader.max_bases - 1


def truncated(pair: Pair, reader: Reader) -> Pair:
    """Return a pair as it is read under a length policy: a piece of each partner that fits.

    Of joint inputs, each partner keeps half of what fits, and the longer one what the shorter
    leaves.
    """
    first, second = pair
    sizes = reader.max_bases, reader.max_bases
    if reader.encoding == "joint":
        limit = joint_limit(reader)
        kept = min(len(first), max(limit // 2, limit - len(second)))
        sizes = kept, limit - kept
    pieces = POLICIES[reader.policy].pieces
    return pieces(first, sizes[0], 0, 1)[0], pieces(second, sizes[1], 0, 1)[0]


def _single(ids: tuple[np.ndarray, ...]) -> Encoded:
    return single(ids, np.zeros(len(ids), dtype=bool))
