"""Sequences to vectors: the last hidden states of a backbone, pooled or one a nucleotide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from rnaernie_bench.backbones.loading import DEFAULT_MODEL, load_backbone
from rnaernie_bench.backbones.vocabulary import type_tail
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.prediction.sequences import checked

if TYPE_CHECKING:
    from torch import Tensor

    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.precision import Option

Pooling = Literal["cls", "mean", "token"]
"""The state at <cls>; the mean state of the bases; the state of each base."""

TOKEN_BUDGET = 4096
"""Padded tokens in a batch."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors of some sequences, in their order."""

    rows: np.ndarray
    """float32 of shape (rows, hidden): a row a sequence, or a row a nucleotide."""
    offsets: np.ndarray
    """int64 of shape (sequences + 1,): sequence `i` owns ``rows[offsets[i]:offsets[i + 1]]``."""

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the rows of each sequence."""
        return (self.rows[a:b] for a, b in pairwise(self.offsets))


class Embedder:
    """A backbone with the pooling of its states. Special tokens and types are never pooled.

    Args:
        encoder: the backbone; it is moved to the accelerator if there is one.
        pooling: which states are kept.
        rna_type: the type of every sequence (``<cls> bases [IND] [TYPE] <eos>``);
            None leaves the tail out.
        token_budget: the most padded tokens of a batch.
        precision: what the backbone computes in, see `backbones.precision.chosen`.

    Raises:
        ConfigError: for an unknown type, a type where the backbone has no rows for types, or a
            pooling that the backbone has no states for.
    """

    def __init__(
        self,
        encoder: Encoder,
        pooling: Pooling = "mean",
        *,
        rna_type: str | None = None,
        token_budget: int = TOKEN_BUDGET,
        precision: Option = "auto",
    ) -> None:
        from rnaernie_bench.backbones.inference import best_device
        from rnaernie_bench.backbones.precision import chosen
        from rnaernie_bench.data.encoding import special_ends

        self.encoder = encoder
        self.pooling = pooling
        self.tail = () if rna_type is None else type_tail(encoder.tokenizer, rna_type)
        self.token_budget = token_budget
        self.device = best_device()
        self.precision = chosen(precision)
        first, last = special_ends(encoder.tokenizer)
        self._ends = len(first), len(last)
        for wanted, there, what in (
            ("cls", bool(first), "reads no <cls>"),
            ("token", encoder.unit == "base", f"has a state for each {encoder.unit}, not base"),
        ):
            if pooling == wanted and not there:
                raise ConfigError(
                    f"the backbone {what}", where=f"pooling {pooling}", remedy="use mean"
                )
        model: Any = encoder.model
        self._model = model.to(self.device)

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.encoder.model.config.hidden_size)

    def __call__(
        self,
        sequences: Sequence[str],
        progress: Callable[[int], object] = lambda done: None,
    ) -> Embeddings:
        """Embed normalised sequences; bases beyond the encoder's limit are left out.

        Args:
            sequences: upper case, U for T, none of them empty.
            progress: called with the number of sequences of each finished batch.
        """
        from rnaernie_bench.backbones.inference import TokenIds, in_batches
        from rnaernie_bench.data.encoding import Tail, encode

        encoded = encode(
            sequences,
            self.encoder.tokenizer,
            policy="truncate",
            max_bases=self.encoder.max_bases,
            tails=[(Tail(self.tail),)] * len(sequences),
        )
        owned = (
            encoded.lengths - encoded.specials - len(self.tail)
            if self.pooling == "token"
            else np.ones(len(sequences), dtype=np.int64)
        )
        offsets = np.concatenate([[0], np.cumsum(owned)])
        rows = np.empty((offsets[-1], self.width), dtype=np.float32)
        for indices, block in in_batches(
            lambda _, batch: self._pooled(**batch).float().cpu().numpy(),
            TokenIds(encoded, self.encoder.tokenizer.pad_token_id),
            token_budget=self.token_budget,
            device=self.device,
        ):
            places = [np.arange(offsets[index], offsets[index + 1]) for index in indices]
            rows[np.concatenate(places)] = block
            progress(len(indices))
        return Embeddings(rows, offsets)

    def _pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the rows of a batch, of shape (rows, hidden)."""
        import torch

        from rnaernie_bench.backbones.precision import autocast

        with autocast(self.device, self.precision):
            output = self._model(input_ids=input_ids, attention_mask=attention_mask)
        states: Tensor = output.last_hidden_state.float()
        if self.pooling == "cls":
            return states[:, 0]
        positions = torch.arange(states.shape[1], device=states.device)
        end = attention_mask.sum(1, keepdim=True) - self._ends[1] - len(self.tail)
        bases = (positions >= self._ends[0]) & (positions < end)
        if self.pooling == "token":
            return states[bases]
        weights = bases.to(states.dtype).unsqueeze(-1)
        mean: Tensor = (states * weights).sum(1) / weights.sum(1)
        return mean


@overload
def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = ...,
    pooling: Literal["cls", "mean"] = ...,
    rna_type: str | None = ...,
    length: Literal["error", "truncate"] = ...,
    precision: Option = ...,
) -> np.ndarray: ...


@overload
def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = ...,
    pooling: Literal["token"],
    rna_type: str | None = ...,
    length: Literal["error", "truncate"] = ...,
    precision: Option = ...,
) -> list[np.ndarray]: ...


def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = DEFAULT_MODEL,
    pooling: Pooling = "mean",
    rna_type: str | None = None,
    length: Literal["error", "truncate"] = "error",
    precision: Option = "auto",
) -> np.ndarray | list[np.ndarray]:
    """Return vectors of sequences, in any case, with T or U.

    Args:
        sequences: the sequences.
        model: the name of a backbone, a hub id, a local folder, or a loaded backbone
            (`backbones.loading.load_backbone`).
        pooling: ``cls`` or ``mean`` for one vector a sequence, ``token`` for one a nucleotide.
        rna_type: the type of every sequence, one of
            `backbones.vocabulary.RNA_TYPES`.
        length: what happens to a sequence over the limit; ``truncate`` keeps its first bases.
        precision: what the backbone computes in; ``auto`` is bfloat16 where the device has it and
            is the faster for it, ``fp32`` float32.

    Returns:
        float32 of shape (sequences, hidden); with ``token``, a list of arrays (bases, hidden).

    Raises:
        ConfigError: if there is no such model, or it has no rows for types where one is given.
        DataError: for a sequence that is empty, too long, or holds a letter outside the alphabet.
    """
    encoder = load_backbone(model) if isinstance(model, str) else model
    embedder = Embedder(encoder, pooling, rna_type=rna_type, precision=precision)
    limit = encoder.max_bases if length == "error" else None
    remedy = "shorten it, or set length='truncate'"
    found = embedder(
        [
            checked(sequence, f"sequence {number}", limit=limit, remedy=remedy)
            for number, sequence in enumerate(sequences, start=1)
        ]
    )
    return list(found) if pooling == "token" else found.rows
