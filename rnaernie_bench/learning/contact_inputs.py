"""What contact models read, batch by batch, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnaernie_bench.core import distributed
from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.heads.contact import contact_loss, contact_targets
from rnaernie_bench.learning.contact_network import Loss
from rnaernie_bench.learning.feature_cache import StateTable
from rnaernie_bench.structure.tuning import Ladder, best_threshold, default_options, ladder

CELLS_A_TOKEN = 128
"""Pairs of bases that take as much of a token budget as one token does."""


class Inputs(Protocol):
    """What a network reads of some sequences."""

    @property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence, int64 of shape (sequences,)."""
        ...

    @property
    def counts(self) -> np.ndarray | None:
        """How many inputs each sequence is read as; None: one each."""
        ...

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return a padded batch, with a ``mask`` of bases, bool (inputs, longest).

        Where a sequence is read as several inputs also ``votes``, see `gather_batch`.
        """
        ...


@dataclass(frozen=True)
class TokenInputs:
    """Token ids, for a `ContactModel`."""

    encoded: Encoded
    pad_id: int
    sequences: Sequence[str]
    """Those that are encoded, whole."""

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence."""
        return _lengths(self.sequences)

    @property
    def counts(self) -> np.ndarray:
        """Inputs of each sequence."""
        return self.encoded.counts

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return ``input_ids``, ``attention_mask``, ``mask`` and perhaps ``votes``."""
        chosen = list(indices)
        batch = gather_batch(self.encoded, chosen, self.pad_id)
        return {**batch, "mask": mask_of(np.repeat(self.lengths[chosen], self.counts[chosen]))}


@dataclass(frozen=True)
class StateInputs:
    """Cached states, for a `HeadOnStates`."""

    tables: Sequence[StateTable]
    """One for each input that a sequence is read as."""
    sequences: Sequence[str]
    shares: np.ndarray | None = None
    """float32 of shape (sequences, tables): how much each input counts, not read if 0; rows sum
    to 1. None: there is one table."""

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence."""
        return _lengths(self.sequences)

    @cached_property
    def counts(self) -> np.ndarray | None:
        """Inputs of each sequence."""
        return None if self.shares is None else (self.shares > 0).sum(axis=1)

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return ``states``, float32 (inputs, longest, hidden), ``mask`` and perhaps ``votes``."""
        shares = np.ones((len(indices), 1), np.float32)
        if self.shares is not None:
            shares = self.shares[list(indices)]
        owners, ranks = np.nonzero(shares)
        mask = mask_of(self.lengths[list(indices)][owners])
        states = np.zeros((*mask.shape, self.tables[0].rows.shape[1]), dtype=np.float32)
        for row, owner, rank in zip(states, owners.tolist(), ranks.tolist(), strict=True):
            sequence = self.sequences[indices[owner]]
            row[: len(sequence)] = self.tables[rank].of(sequence)
        batch = {"states": torch.from_numpy(states), "mask": mask}
        if self.shares is not None:
            votes = np.zeros((len(indices), len(owners)), dtype=np.float32)
            votes[owners, np.arange(len(owners))] = shares[owners, ranks]
            batch["votes"] = torch.from_numpy(votes)
        return batch


def _lengths(sequences: Sequence[str]) -> np.ndarray:
    return np.array([len(sequence) for sequence in sequences], dtype=np.int64)


def mask_of(lengths: np.ndarray) -> Tensor:
    """Return where bases are, bool (inputs, longest)."""
    return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])


@dataclass(frozen=True)
class ContactExamples:
    """Sequences with their pairs, as `learning.examples.Material`."""

    inputs: Inputs
    sequences: Sequence[str]
    pairs: Sequence[np.ndarray]
    loss: Loss = contact_loss
    """What is learned by, for validation."""

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        return index

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each sequence, or what its pairs of bases are worth, if that is more."""
        return contact_costs(self.inputs.lengths)

    @property
    def counts(self) -> np.ndarray | None:
        """Inputs of each sequence."""
        return self.inputs.counts

    @property
    def amounts(self) -> None:
        """Sequences count alike in the loss, however long they are."""

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``targets`` of some sequences."""
        lengths = self.inputs.lengths[list(indices)].tolist()
        targets = contact_targets([self.pairs[index] for index in indices], lengths)
        return {**self.inputs.gather(indices), "targets": targets}

    def validate(
        self,
        compute: Callable[..., Tensor],
        score: Callable[[Any], Any],
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given the `Ladder` of each sequence.

        They are those of the decoder `greedy`, whichever decodes in the end.
        """
        options = default_options("greedy")
        batches = list(contact_batches(self.inputs, token_budget))
        ladders: dict[int, list[Ladder]] = {}
        """By batch; of several processes, each sees to some of them."""
        total = 0.0
        with ThreadPoolExecutor(available_cores()) as pool:
            for number in range(distributed.number(), len(batches), distributed.count()):
                indices = batches[number]
                batch = {k: v.to(device) for k, v in self.batch(indices, pad_id).items()}
                targets = batch.pop("targets")
                mask = mask_of(self.inputs.lengths[indices]).to(device)
                with torch.inference_mode():
                    logits = compute(**batch).float()
                    total += float(self.loss(logits, targets, mask)) * len(indices)
                matrices = _matrices(logits, self.inputs.lengths[indices])
                found = pool.map(
                    lambda index, matrix: ladder(
                        matrix, self.sequences[index], self.pairs[index], options
                    ),
                    indices,
                    matrices,
                )
                ladders[number] = list(found)
        gathered = distributed.gather((total, ladders))
        total = sum(loss for loss, _ in gathered)
        ladders = {number: found for _, some in gathered for number, found in some.items()}
        in_order = [one for number in range(len(batches)) for one in ladders[number]]
        return {"loss": total / len(self), **score(in_order)}


def ladder_score(ladders: Sequence[Ladder]) -> dict[str, float]:
    """Return the best mean F1 over thresholds, and the threshold."""
    threshold, f1 = best_threshold(ladders)
    return {"f1": f1, "threshold": threshold}


def contact_costs(lengths: np.ndarray) -> np.ndarray:
    """Return what sequences take of a token budget, int64 of the shape of `lengths`."""
    return np.maximum(lengths, -(-(lengths**2) // CELLS_A_TOKEN))


def contact_batches(inputs: Inputs, token_budget: int) -> LengthBucketedBatchSampler:
    """Return batches of similar lengths for evaluation, longest sequences first."""
    return LengthBucketedBatchSampler(
        contact_costs(inputs.lengths), token_budget, shuffle=False, seed=0, counts=inputs.counts
    )


def pair_probabilities(
    model: nn.Module, inputs: Inputs, *, token_budget: int, device: torch.device
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield index and pair probabilities of each sequence, float32 (bases, bases).

    Sequences come in the order of batches, the longest first.
    """
    model = model.to(device).eval()
    lengths = inputs.lengths
    for indices in contact_batches(inputs, token_budget):
        batch = {name: tensor.to(device) for name, tensor in inputs.gather(indices).items()}
        with torch.inference_mode():
            logits = model(**batch)["logits"].float()
        yield from zip(indices, _matrices(logits, lengths[indices]), strict=True)


def _matrices(logits: Tensor, lengths: np.ndarray) -> list[np.ndarray]:
    """Return the probabilities of each sequence of a batch, without padding."""
    probabilities = torch.sigmoid(logits).cpu().numpy()
    return [matrix[:n, :n] for matrix, n in zip(probabilities, lengths.tolist(), strict=True)]
