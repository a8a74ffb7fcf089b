"""What networks read of pairs: towers of distinct sequences, or joint inputs.

A batch of towers holds each distinct sequence once, however many of its pairs it stands in; an
index says which sequence is whose partner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, pad_batch
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.heads.pair import PARTNERS, letter_codes, pad_towers
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.targets import Targets

Pair = tuple[str, str]
"""The sequences of both partners, normalised."""

Batch = dict[str, Any]
"""What a pair network is called with: tensors, or towers of tensors by partner."""


class States(Protocol):
    """States of sequences by their bases, such as a `learning.feature_cache.StateTable`."""

    def of(self, sequence: str) -> np.ndarray:
        """Return the states of a sequence, (bases, hidden)."""
        ...


class PairInputs(Protocol):
    """What a network reads of some pairs."""

    @property
    def pairs(self) -> Sequence[Pair]:
        """The pairs."""
        ...

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return a batch of some of them."""
        ...


def lengths_of(pairs: Sequence[Pair]) -> np.ndarray:
    """Return the bases of both partners together, int64 of shape (pairs,)."""
    return np.array([len(first) + len(second) for first, second in pairs], dtype=np.int64)


@dataclass(frozen=True)
class TowerTokens:
    """Token ids of each distinct sequence, for a `PairModel` of two towers."""

    pairs: Sequence[Pair]
    tokenizer: Any
    max_bases: int

    @cached_property
    def ids(self) -> dict[str, np.ndarray]:
        """Token ids by sequence: ``<cls> bases <eos>``."""
        distinct = list(dict.fromkeys(sequence for pair in self.pairs for sequence in pair))
        encoded = encode(distinct, self.tokenizer, policy="error", max_bases=self.max_bases)
        return dict(zip(distinct, encoded.ids, strict=True))

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return towers of ``input_ids``, ``attention_mask``, ``letters`` and ``index``."""
        pad_id = int(self.tokenizer.pad_token_id)

        def tower(sequences: Sequence[str]) -> dict[str, Tensor]:
            ids, mask = pad_batch([self.ids[sequence] for sequence in sequences], pad_id)
            return {"input_ids": ids, "attention_mask": mask}

        return _towers([self.pairs[index] for index in indices], tower)


@dataclass(frozen=True)
class TowerStates:
    """States of each distinct sequence, for a head alone."""

    pairs: Sequence[Pair]
    states: States

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return towers of ``states``, ``mask``, ``letters`` and ``index``."""

        def tower(sequences: Sequence[str]) -> dict[str, Tensor]:
            rows = [self.states.of(sequence) for sequence in sequences]
            lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
            states, mask = pad_towers(rows, lengths, rows[0].shape[1])
            return {"states": states, "mask": mask}

        return _towers([self.pairs[index] for index in indices], tower)


@dataclass(frozen=True)
class JointTokens:
    """Token ids of ``<cls> first <eos> second <eos>``, for a `PairModel` of joint inputs."""

    pairs: Sequence[Pair]
    tokenizer: Any
    max_bases: int
    """Of both partners together: what fits one sequence, but for the mark between them."""

    def __post_init__(self) -> None:
        if self.tokenizer.cls_token_id is None or self.tokenizer.eos_token_id is None:
            raise ConfigError(
                "the backbone reads bases alone: nothing could stand between two sequences",
                where="task.encoding",
                remedy="use task.encoding=towers",
            )

    @cached_property
    def ids(self) -> tuple[np.ndarray, ...]:
        """Token ids of each pair."""
        firsts, seconds = (
            encode(
                [pair[side] for pair in self.pairs],
                self.tokenizer,
                policy="error",
                max_bases=self.max_bases,
            ).ids
            for side in (0, 1)
        )
        return tuple(np.concatenate((a, b[1:])) for a, b in zip(firsts, seconds, strict=True))

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``input_ids``, ``attention_mask`` and ``letters``, and bases of each partner."""
        chosen = [self.pairs[index] for index in indices]
        ids, mask = pad_batch(
            [self.ids[index] for index in indices], int(self.tokenizer.pad_token_id)
        )
        letters = torch.zeros_like(ids)
        for row, (first, second) in zip(letters, chosen, strict=True):
            codes = np.concatenate([letter_codes(first), [0], letter_codes(second)])
            row[1 : 1 + len(codes)] = torch.from_numpy(codes)
        bases = torch.tensor([[len(first), len(second)] for first, second in chosen])
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "letters": letters,
            "first_bases": bases[:, 0],
            "second_bases": bases[:, 1],
        }


def _towers(pairs: Sequence[Pair], tower: Callable[[Sequence[str]], dict[str, Tensor]]) -> Batch:
    """Return both towers of a batch, each with ``letters`` and the ``index`` of its pairs."""
    batch: Batch = {}
    for side, partner in enumerate(PARTNERS):
        place: dict[str, int] = {}
        index = [place.setdefault(pair[side], len(place)) for pair in pairs]
        letters, _ = pad_batch([letter_codes(sequence) for sequence in place], 0)
        batch[partner] = {**tower(list(place)), "letters": letters, "index": torch.tensor(index)}
    return batch


@dataclass(frozen=True)
class PairExamples:
    """Pairs with what is to be learned of them, as `learning.examples.Material`."""

    inputs: PairInputs
    targets: Targets

    def __len__(self) -> int:
        return len(self.targets.sizes)

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        return index

    @cached_property
    def costs(self) -> np.ndarray:
        """Tokens of each pair."""
        return lengths_of(self.inputs.pairs) + 3

    @property
    def counts(self) -> None:
        """Every pair is one input."""
        return None

    @cached_property
    def amounts(self) -> np.ndarray | None:
        """What is known of each pair; None where it is one class each."""
        return None if self.targets.problem == "multiclass" else self.targets.amounts()

    def batch(self, indices: Sequence[int], pad_id: int) -> Batch:
        """Return inputs and ``labels`` of some pairs."""
        return {
            **self.inputs.gather(indices),
            "labels": torch.from_numpy(self.targets.values[list(indices)]),
        }

    def validate(
        self,
        compute: Callable[..., Tensor],
        score: Callable[[Any], Any],
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given logits in item order."""
        logits = pair_logits(compute, self.inputs, token_budget=token_budget, device=device)
        loss = loss_of(
            self.targets.problem, torch.from_numpy(logits), torch.from_numpy(self.targets.values)
        )
        return {"loss": float(loss), **score(logits)}


def pair_logits(
    compute: Callable[..., Tensor],
    inputs: PairInputs,
    *,
    token_budget: int,
    device: torch.device,
) -> np.ndarray:
    """Return the logits of all pairs, float32 of shape (pairs, outputs), in their order.

    Args:
        compute: maps a batch, by keywords, to logits (pairs, outputs).
        inputs: the pairs.
        token_budget: the most padded tokens of a batch.
        device: where `compute` wants its inputs.
    """
    logits: np.ndarray | None = None
    sampler = LengthBucketedBatchSampler(
        lengths_of(inputs.pairs) + 3, token_budget, shuffle=False, seed=0
    )
    for indices in sampler:
        batch = moved(inputs.gather(indices), device)
        with torch.inference_mode():
            found = compute(**batch).float().cpu().numpy()
        if logits is None:
            logits = np.empty((len(inputs.pairs), found.shape[1]), dtype=np.float32)
        logits[indices] = found
    return np.empty((0, 1), dtype=np.float32) if logits is None else logits


def moved(batch: Batch, device: torch.device) -> Batch:
    """Return a batch on `device`."""
    return {
        name: moved(value, device) if isinstance(value, dict) else value.to(device)
        for name, value in batch.items()
    }
