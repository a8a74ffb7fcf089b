"""What networks read of the items of a level: token ids, or features that are kept.

A `Source` gives what is read of single sequences. The inputs of a level lay it out for the head:
which batches and masks, how the scores of an item follow from those of the copies it is read as,
and which of them are those of units. `learning.pair_inputs` holds those of pairs of sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.inference import Batch, Inputs, TokenIds
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.heads.bases.contact import letters_of, of_pairs, symmetric
from rnaernie_bench.learning.kept import BaseRows, Kept, PaddedStates, Rows, lengths_of
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.structure.pair_probabilities import PAIR_FEATURES, dense
from rnaernie_bench.task.lengths import POLICIES

CELLS_A_TOKEN = 128
"""Pairs of bases that take as much of a token budget as one token does."""

Source = Inputs
"""What is read of single sequences; a batch may hold the ``copy_weights`` of their copies."""


class LevelInputs(Inputs, Protocol):
    """What a network reads of some items of a level, and what the level does with scores."""

    kept_as: ClassVar[Callable[..., Source]]
    """How features of known sequences are read, see `learning.kept`."""

    @property
    def sizes(self) -> np.ndarray:
        """The units of each item, int64 of shape (items,)."""
        ...

    @classmethod
    def read(cls, items: Sequence[Any], reader: Reader, kept: Kept | None = None) -> LevelInputs:
        """Return what is read of items: token ids, or features if they are kept.

        Raises:
            DataError: for an item over the limit under the policy ``error``.
        """
        ...

    @staticmethod
    def sequences(items: Iterable[Any], reader: Reader) -> list[str]:
        """Return the sequences that are read for some items, each once."""
        ...

    states: ClassVar[Callable[..., StatesOf] | None]
    """Called with network, reader and sequences, returns what computes the features that are kept
    of each of their bases; None where a row is kept of each sequence."""
    scored: ClassVar[str | None]
    """``module:function`` that scores items by a fitted network in another way than all of their
    batches, called with it and the items; None: there is no better way."""

    @staticmethod
    def size(item: Any, reader: Reader) -> tuple[int, int, str]:
        """Return bases and limit of an item, and what messages call it."""
        ...

    @staticmethod
    def average(logits: Tensor, batch: Batch) -> Tensor:
        """Return the scores of items from those of the copies that they are read as."""
        ...

    @staticmethod
    def rows(logits: Tensor, batch: Batch) -> Tensor:
        """Return scores of items as rows of units, (units, outputs)."""
        ...


@dataclass(frozen=True)
class StatesOf:
    """A way to compute features of the bases of sequences, batch by batch."""

    inputs: Inputs
    compute: Callable[[Batch], Sequence[Tensor]]
    """Maps a batch to the features of each of its sequences, (bases, width)."""


@dataclass(frozen=True)
class SequenceInputs:
    """Sequences: each is a unit."""

    items: Sequence[str]
    source: Source

    kept_as: ClassVar[Callable[..., Source]] = Rows
    states: ClassVar[Any] = None
    scored: ClassVar[str | None] = None
    noun: ClassVar[str] = "sequence"
    record: ClassVar[str] = "record '{}'"
    """How messages call an item by its id."""

    @classmethod
    def read(cls, items: Sequence[str], reader: Reader, kept: Kept | None = None) -> Any:
        """Return what is read of sequences; see `LevelInputs.read`."""
        if kept is not None:
            return cls(items, cls.kept_as(kept.tables, items, kept.weights(items)))
        return cls(items, TokenIds(reader.encode(items), reader.pad_id))

    @staticmethod
    def sequences(items: Iterable[str], reader: Reader) -> list[str]:
        """Return distinct sequences in the order of the items."""
        return list(dict.fromkeys(items))

    @staticmethod
    def size(item: str, reader: Reader) -> tuple[int, int, str]:
        """Return its bases, the limit of an input, and what it is called."""
        return len(item), reader.max_bases, "the sequence has"

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each sequence."""
        return self.source.costs

    @property
    def counts(self) -> np.ndarray | None:
        """Copies of each sequence."""
        return self.source.counts

    @property
    def sizes(self) -> np.ndarray:
        """One unit each."""
        return np.ones(len(self.items), dtype=np.int64)

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return tokens or features of some sequences."""
        return self.source.gather(indices)

    @staticmethod
    def average(logits: Tensor, batch: Batch) -> Tensor:
        """Return (items, outputs) of (copies, outputs)."""
        weights = batch.get("copy_weights")
        return logits if weights is None else weights.to(logits.dtype) @ logits

    @staticmethod
    def rows(logits: Tensor, batch: Batch) -> Tensor:
        """Return scores as they are."""
        return logits


@dataclass(frozen=True)
class TokenInputs(SequenceInputs):
    """Sequences: each of their bases is a unit."""

    kept_as: ClassVar[Callable[..., Source]] = BaseRows

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence, int64 of shape (sequences,)."""
        return lengths_of(self.items)

    @property
    def sizes(self) -> np.ndarray:
        """Their bases."""
        return self.lengths

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return the same with a ``mask`` of bases, bool (copies, longest)."""
        lengths = self.lengths[list(indices)]
        if self.counts is not None:
            lengths = np.repeat(lengths, self.counts[list(indices)])
        return {**self.source.gather(indices), "mask": mask_of(lengths)}

    @classmethod
    def states(cls, network: Any, reader: Reader, sequences: Sequence[str]) -> StatesOf:
        """Return what computes the states of bases; see `LevelInputs.states`."""

        def compute(batch: Batch) -> Sequence[Tensor]:
            features: Tensor = network.features(batch)
            bases = batch["mask"].sum(1).tolist()
            if features.dim() == 2:
                return features.split(bases)
            return [padded[:count] for padded, count in zip(features, bases, strict=True)]

        return StatesOf(cls.read(sequences, replace(reader, features=())), compute)

    @staticmethod
    def average(logits: Tensor, batch: Batch) -> Tensor:
        """Return (bases of items, outputs) of (bases of copies, outputs)."""
        weights = batch.get("copy_weights")
        if weights is None:
            return logits
        mask = batch["mask"]
        padded = logits.new_zeros((*mask.shape, logits.shape[1]))
        padded[mask] = logits
        averaged = torch.tensordot(weights.to(logits.dtype), padded, dims=1)
        return averaged[mask_of_items(batch)]


@dataclass(frozen=True)
class SequenceStates(TokenInputs):
    """Sequences, each a unit, for heads that read the states of all their bases."""

    kept_as: ClassVar[Callable[..., Source]] = PaddedStates

    @classmethod
    def read(cls, items: Sequence[str], reader: Reader, kept: Kept | None = None) -> Any:
        """Return what is read of sequences; see `LevelInputs.read`.

        Raises:
            ConfigError: under a policy that reads a sequence in several pieces.
        """
        if POLICIES[reader.policy].overlaps:
            raise ConfigError(
                "the head reads the states of all bases of a sequence at once, windows are pieces",
                where="task.length",
                remedy="use another head, or a policy that reads one piece",
            )
        refuse_long(items, reader, cls)
        return super().read([_first_piece(item, reader) for item in items], reader, kept)

    @staticmethod
    def sequences(items: Iterable[str], reader: Reader) -> list[str]:
        """Return the distinct sequences that are read, in the order of the items."""
        return list(dict.fromkeys(_first_piece(item, reader) for item in items))

    @property
    def sizes(self) -> np.ndarray:
        """One unit each."""
        return np.ones(len(self.items), dtype=np.int64)

    @staticmethod
    def average(logits: Tensor, batch: Batch) -> Tensor:
        """Return (items, outputs) of (copies, outputs)."""
        return SequenceInputs.average(logits, batch)


def _first_piece(sequence: str, reader: Reader) -> str:
    """Return what is read of a sequence as one piece."""
    if POLICIES[reader.policy].refuses:  # what is too long is refused where it is named
        return sequence
    return POLICIES[reader.policy].pieces(sequence, reader.max_bases, 0, 1)[0]


@dataclass(frozen=True)
class ContactInputs(TokenInputs):
    """Sequences: each pair i < j of their bases is a unit, row by row."""

    given: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    """Pair probabilities of each sequence by their name, see `structure.pair_probabilities`."""

    kept_as: ClassVar[Callable[..., Source]] = PaddedStates

    @classmethod
    def read(cls, items: Sequence[str], reader: Reader, kept: Kept | None = None) -> Any:
        """Return what is read of sequences, see `LevelInputs.read`, pair probabilities and all."""
        found = super().read(items, reader, kept)
        return replace(found, given={name: PAIR_FEATURES[name](items) for name in reader.features})

    @property
    def costs(self) -> np.ndarray:
        """Bases of each sequence, or what its pairs of bases are worth, if that is more."""
        return np.maximum(self.lengths, -(-(self.lengths**2) // CELLS_A_TOKEN))

    @property
    def sizes(self) -> np.ndarray:
        """The pairs of their bases."""
        return self.lengths * (self.lengths - 1) // 2

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return the same with ``letters``, int64 (copies, longest), see `letters_of`.

        Pair probabilities are added by their names, float32 (copies, longest, longest).
        """
        batch = super().gather(indices)
        copies = torch.ones(len(indices), dtype=torch.int64)
        if self.counts is not None:
            copies = torch.from_numpy(self.counts[list(indices)])
        added = {"letters": letters_of([self.items[index] for index in indices])}
        for name, pairs in self.given.items():
            longest = int(self.lengths[list(indices)].max())
            maps = [dense(pairs[index], longest) for index in indices]
            added[name] = torch.from_numpy(np.stack(maps))
        return {**batch, **{k: v.repeat_interleave(copies, 0) for k, v in added.items()}}

    @staticmethod
    def average(logits: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of items from those of copies, (..., longest, longest)."""
        weights = batch.get("copy_weights")
        if weights is None:
            return logits
        return symmetric(torch.tensordot(weights.to(logits.dtype), logits, dims=1))

    @staticmethod
    def rows(logits: Tensor, batch: Batch) -> Tensor:
        """Return the scores of pairs of bases, (pairs of bases, outputs)."""
        maps = logits.unsqueeze(1) if logits.dim() == 3 else logits
        return of_pairs(maps, mask_of_items(batch))


def mask_of(lengths: np.ndarray) -> Tensor:
    """Return where bases are, bool (inputs, longest)."""
    return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])


def mask_of_items(batch: Batch) -> Tensor:
    """Return where the bases of items are, bool (items, longest): all copies have the same."""
    mask: Tensor = batch["mask"]
    weights = batch.get("copy_weights")
    return mask if weights is None else mask[weights.argmax(dim=1)]


def refuse_unreadable(
    head: Any, sequences: Sequence[str], reader: Reader, names: Sequence[str] | None = None
) -> None:
    """Refuse a sequence that a head cannot read, such as one of another length than all others.

    Args:
        head: may have a method ``refuses``: called with how many states a sequence has, it returns
            why it cannot be read, or None.
        sequences: none over the limit under the policy ``error``.
        reader: how they are read.
        names: what messages call them; by their places, from 1, if None.

    Raises:
        DataError: naming the first of those that cannot be read.
    """
    refuses = getattr(head, "refuses", None)
    if refuses is None or not sequences:
        return
    for place, states in enumerate(states_read(sequences, reader)):
        if reason := refuses(states):
            raise DataError(
                reason,
                where=names[place] if names else f"sequence {place + 1}",
                remedy="leave it out, or use another head (task.head)",
            )


def states_read(sequences: Sequence[str], reader: Reader) -> list[int]:
    """Return how many states a network has of each sequence; of the first piece, where several."""
    encoded = replace(reader, tails=None).encode(sequences)
    return [len(encoded.ids[start]) - encoded.specials for start in encoded.starts.tolist()]


def refuse_long(
    items: Sequence[Any],
    reader: Reader,
    kind: type[Any],
    *,
    names: Sequence[str] | None = None,
    remedy: str = "cut it",
) -> None:
    """Refuse an item over the limit under a policy that refuses it.

    Args:
        items: sequences, or pairs of them.
        reader: how they are read.
        kind: the inputs of their level.
        names: what messages call the items; by their places, from 1, if None.
        remedy: what can be done.

    Raises:
        DataError: naming the first of those that do not fit.
    """
    if not POLICIES[reader.policy].refuses:
        return
    for place, item in enumerate(items):
        bases, limit, what = kind.size(item, reader)
        if bases > limit:
            raise DataError(
                f"{what} {bases} bases, {limit} fit",
                where=names[place] if names else f"{kind.noun} {place + 1}",
                remedy=remedy,
            )
