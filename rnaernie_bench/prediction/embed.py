"""Sequences to vectors: the last hidden states of a backbone, pooled or one a nucleotide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from rnaernie_bench.backbones.loading import DEFAULT_MODEL, load_backbone
from rnaernie_bench.backbones.vocabulary import type_tail
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.prediction.sequences import checked
from rnaernie_bench.task.lengths import placed_windows

if TYPE_CHECKING:
    from torch import Tensor

    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.precision import Option

Pooling = Literal["cls", "mean", "token"]
"""The state at <cls>; the mean state of the bases; the state of each base."""

Length = Literal["error", "truncate", "window"]

TOKEN_BUDGET = 4096
"""Padded tokens in a batch."""
OVERLAP = 100
"""Bases that windows of a sequence over the limit share at least, unless it is said."""
WINDOWS = 64
"""Of a sequence, whose states are held at a time."""


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


@dataclass(frozen=True)
class States:
    """Which states of a backbone are kept, besides how they are pooled."""

    layers: tuple[int, ...] | None = None
    """0 is what enters the first layer; None: the last layer alone."""
    attentions: bool = False
    """The attention of each base to each base instead, by layer and head."""
    overlap: int | None = None
    """Sequences over the limit are read by windows that share so many bases at least; None: they
    are not."""

    def shape(self, config: Any) -> tuple[int, ...]:
        """Return the shape of what is kept of a sequence, a base or a pair of bases."""
        if self.attentions:
            return int(config.num_hidden_layers), int(config.num_attention_heads)
        if self.layers is None:
            return (int(config.hidden_size),)
        several = (len(self.layers),) if len(self.layers) > 1 else ()
        return (*several, int(config.hidden_size))


LAST = States()


def chosen_layers(text: str, encoder: Encoder) -> tuple[int, ...]:
    """Return the layers that ``N`` or ``all`` stands for.

    Raises:
        ConfigError: if the backbone has no such layer.
    """
    count = int(getattr(encoder.model.config, "num_hidden_layers", 0))
    if text == "all":
        return tuple(range(count + 1))
    if not text.isdecimal() or int(text) > count:
        raise ConfigError(
            f"there is no layer '{text}'",
            where="--layer",
            remedy=f"give one of 0 to {count}, or all",
        )
    return (int(text),)


class Embedder:
    """A backbone with the pooling of its states. Special tokens and types are never pooled.

    Args:
        encoder: the backbone; it is moved to the accelerator if there is one.
        pooling: which states are kept.
        rna_type: the type of every sequence (``<cls> bases [IND] [TYPE] <eos>``);
            None leaves the tail out.
        token_budget: the most padded tokens of a batch.
        precision: what the backbone computes in, see `backbones.precision.chosen`.
        states: see `States`.

    Raises:
        ConfigError: for an unknown type, a type where the backbone has no rows for types, or a
            pooling, attention or windows that the backbone has no states for.
    """

    def __init__(
        self,
        encoder: Encoder,
        pooling: Pooling = "mean",
        *,
        rna_type: str | None = None,
        token_budget: int = TOKEN_BUDGET,
        precision: Option = "auto",
        states: States = LAST,
    ) -> None:
        from rnaernie_bench.backbones.inference import best_device
        from rnaernie_bench.backbones.precision import chosen
        from rnaernie_bench.data.encoding import special_ends

        self.encoder = encoder
        self.pooling = pooling
        self.states = states
        self.tail = () if rna_type is None else type_tail(encoder.tokenizer, rna_type)
        self.token_budget = token_budget
        self.device = best_device()
        self.precision = chosen(precision)
        first, last = special_ends(encoder.tokenizer)
        self._ends = len(first), len(last)
        bases = encoder.unit == "base"
        for wanted, there, what in (
            (pooling == "cls", bool(first), "reads no <cls>"),
            (pooling == "token", bases, f"has a state for each {encoder.unit}, not base"),
            (states.attentions, bases, f"attends to each {encoder.unit}, not base"),
        ):
            if wanted and not there:
                place = "--attentions" if states.attentions else f"pooling {pooling}"
                raise ConfigError(f"the backbone {what}", where=place, remedy="use mean")
        limit = encoder.max_bases
        if states.overlap is not None and not 0 <= states.overlap < limit:
            raise ConfigError(
                f"windows of {limit} bases cannot share {states.overlap}",
                where="--overlap",
                remedy=f"give at most {limit - 1}",
            )
        model: Any = encoder.model
        self._model = model.to(self.device)
        if states.attentions:  # fused kernels keep no maps
            self._model.config._attn_implementation = "eager"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is kept of a sequence, a base or a pair of bases."""
        return self.states.shape(self.encoder.model.config)

    @property
    def width(self) -> int:
        """How many numbers that are."""
        return prod(self.shape)

    @property
    def several(self) -> str:
        """What a sequence has several rows of: `states`, `attentions`, or nothing."""
        if self.states.attentions:
            return "attentions"
        return "states" if self.pooling == "token" else ""

    def __call__(
        self,
        sequences: Sequence[str],
        progress: Callable[[int], object] = lambda done: None,
    ) -> Embeddings:
        """Embed normalised sequences; bases beyond the encoder's limit are left out.

        Under windows none are: a base has the mean of its states in the windows it is seen in.

        Args:
            sequences: upper case, U for T, none of them empty.
            progress: called with the number of sequences of each finished batch.
        """
        limit = self.encoder.max_bases
        if self.states.overlap is None or all(len(sequence) <= limit for sequence in sequences):
            return self._whole(sequences, self.pooling, progress)
        short = [place for place, text in enumerate(sequences) if len(text) <= limit]
        rows: dict[int, np.ndarray] = {}
        found = self._whole([sequences[place] for place in short], self.pooling, progress)
        rows.update(zip(short, found, strict=True))
        for place, text in enumerate(sequences):
            if place not in rows:
                rows[place] = self._long(text)
                progress(1)
        owned = [rows[place] for place in range(len(sequences))]
        return Embeddings(np.concatenate(owned), np.cumsum([0, *map(len, owned)]))

    def _long(self, sequence: str) -> np.ndarray:
        """Return the rows of a sequence that is read by windows."""
        step = 3 if self.encoder.unit == "codon" else 1
        overlap = (self.states.overlap or 0) // step * step
        limit = self.encoder.max_bases // step * step
        windows = placed_windows(sequence, limit, overlap, step)
        if self.pooling == "cls" or self.encoder.unit != "base":
            found = self._whole([piece for _, piece in windows], self.pooling)
            return np.asarray(found.rows.mean(axis=0, keepdims=True))
        seen = np.zeros(len(sequence), dtype=np.float32)
        for start, piece in windows:
            seen[start : start + len(piece)] += 1
        whole = self.pooling == "token"
        rows = np.zeros((len(sequence) if whole else 1, self.width), dtype=np.float32)
        for first in range(0, len(windows), WINDOWS):
            some = windows[first : first + WINDOWS]
            found = self._whole([piece for _, piece in some], "token")
            for (start, piece), states in zip(some, found, strict=True):
                place = slice(start, start + len(piece))
                shares = states / seen[place, None]
                if whole:
                    rows[place] += shares
                else:
                    rows[0] += shares.sum(axis=0) / len(sequence)
        return rows

    def _whole(
        self,
        sequences: Sequence[str],
        pooling: Pooling,
        progress: Callable[[int], object] = lambda done: None,
    ) -> Embeddings:
        """Embed sequences, each as one input."""
        from rnaernie_bench.backbones.inference import TokenIds, in_batches
        from rnaernie_bench.data.encoding import Tail, encode

        encoded = encode(
            sequences,
            self.encoder.tokenizer,
            policy="truncate",
            max_bases=self.encoder.max_bases,
            tails=[(Tail(self.tail),)] * len(sequences),
        )
        bases = encoded.lengths - encoded.specials - len(self.tail)
        owned = bases if pooling == "token" else np.ones(len(sequences), dtype=np.int64)
        if self.states.attentions:
            owned = bases**2
        offsets = np.concatenate([[0], np.cumsum(owned)])
        rows = np.empty((offsets[-1], self.width), dtype=np.float32)
        for indices, block in in_batches(
            lambda _, batch: self._pooled(pooling=pooling, **batch).float().cpu().numpy(),
            TokenIds(encoded, self.encoder.tokenizer.pad_token_id),
            token_budget=self.token_budget,
            device=self.device,
        ):
            places = [np.arange(offsets[index], offsets[index + 1]) for index in indices]
            rows[np.concatenate(places)] = block
            progress(len(indices))
        return Embeddings(rows, offsets)

    def _pooled(self, input_ids: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
        """Return the rows of a batch, of shape (rows, width)."""
        import torch

        from rnaernie_bench.backbones.precision import autocast

        wanted = {"output_attentions": True} if self.states.attentions else {}
        if self.states.layers is not None:
            wanted["output_hidden_states"] = True
        with autocast(self.device, self.precision):
            output = self._model(input_ids=input_ids, attention_mask=attention_mask, **wanted)
        states = self._kept(output)
        if pooling == "cls" and not self.states.attentions:
            return states[:, 0]
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        end = attention_mask.sum(1, keepdim=True) - self._ends[1] - len(self.tail)
        bases = (positions >= self._ends[0]) & (positions < end)
        if self.states.attentions:
            pairs = bases.unsqueeze(1) & bases.unsqueeze(2)
            return states[pairs]
        if pooling == "token":
            return states[bases]
        weights = bases.to(states.dtype).unsqueeze(-1)
        mean: Tensor = (states * weights).sum(1) / weights.sum(1)
        return mean

    def _kept(self, output: Any) -> Tensor:
        """Return what is kept of an output: (batch, tokens, width), of attentions twice tokens."""
        import torch

        if self.states.attentions:
            maps = torch.stack([found.float() for found in output.attentions], dim=1)
            return maps.flatten(1, 2).permute(0, 2, 3, 1)
        last: Tensor = output.last_hidden_state.float()
        if self.states.layers is None:
            return last
        known = [*(found.float() for found in output.hidden_states[:-1]), last]
        return torch.cat([known[layer] for layer in self.states.layers], dim=-1)


@overload
def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = ...,
    pooling: Literal["cls", "mean"] = ...,
    rna_type: str | None = ...,
    length: Length = ...,
    layer: int | Literal["all"] | None = ...,
    precision: Option = ...,
) -> np.ndarray: ...


@overload
def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = ...,
    pooling: Literal["token"],
    rna_type: str | None = ...,
    length: Length = ...,
    layer: int | Literal["all"] | None = ...,
    precision: Option = ...,
) -> list[np.ndarray]: ...


def embed(
    sequences: Sequence[str],
    *,
    model: str | Encoder = DEFAULT_MODEL,
    pooling: Pooling = "mean",
    rna_type: str | None = None,
    length: Length = "error",
    layer: int | Literal["all"] | None = None,
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
        length: what happens to a sequence over the limit: ``truncate`` keeps its first bases,
            ``window`` reads it by windows (`Embedder`).
        layer: 0 for what enters the first layer, ``all`` for all; None for the last.
        precision: what the backbone computes in; ``auto`` is bfloat16 where the device has it and
            is the faster for it, ``fp32`` float32.

    Returns:
        float32 of shape (sequences, hidden); with ``token``, a list of arrays (bases, hidden). With
        all layers, these stand before the last axis.

    Raises:
        ConfigError: if there is no such model, or it has no rows for types where one is given.
        DataError: for a sequence that is empty, too long, or holds a letter outside the alphabet.
    """
    encoder = load_backbone(model) if isinstance(model, str) else model
    states = States(
        layers=None if layer is None else chosen_layers(str(layer), encoder),
        overlap=min(OVERLAP, encoder.max_bases // 2) if length == "window" else None,
    )
    embedder = Embedder(encoder, pooling, rna_type=rna_type, precision=precision, states=states)
    limit = encoder.max_bases if length == "error" else None
    remedy = "shorten it, or set length='truncate' or 'window'"
    found = embedder(
        [
            checked(sequence, f"sequence {number}", limit=limit, remedy=remedy)
            for number, sequence in enumerate(sequences, start=1)
        ]
    )
    if pooling == "token":
        return [rows.reshape(-1, *embedder.shape) for rows in found]
    return found.rows.reshape(-1, *embedder.shape)
