"""What the recipe learns from and validates on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.inference import in_batches
from rnaernie_bench.data.batching import gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.targets import Targets

Score = Callable[[Any], Mapping[str, float]]
"""Maps what validation gave (see `Material.validate`) to metrics; one of them chooses the epoch."""

Compute = Callable[..., Tensor]
"""The network in evaluation mode: from a batch, by keywords, to logits."""


class Material(Protocol):
    """What is learned from, or validated on."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        ...

    @property
    def costs(self) -> np.ndarray:
        """What each item takes of the token budget, int64 of shape (items,)."""
        ...

    @property
    def counts(self) -> np.ndarray | None:
        """How many inputs each item is read as; None: one each."""
        ...

    @property
    def amounts(self) -> np.ndarray | None:
        """How much each item counts in the mean that is the loss; None: all alike."""
        ...

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return what the network is called with, the truth with it."""
        ...

    def validate(
        self,
        compute: Compute,
        score: Score,
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return the loss of all items, as ``loss``, and their metrics."""
        ...


@dataclass(frozen=True)
class Examples:
    """Encoded sequences with what is to be learned of them, or of their bases."""

    encoded: Encoded
    targets: Targets
    weights: np.ndarray | None = None
    """float32 of the shape of the targets' values: how much each counts; None: all alike."""

    def __len__(self) -> int:
        return len(self.targets.sizes)

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        return index

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each sequence."""
        return self.encoded.lengths

    @property
    def counts(self) -> np.ndarray:
        """Inputs of each sequence."""
        return self.encoded.counts

    @cached_property
    def amounts(self) -> np.ndarray | None:
        """What is known of each item, weighted; None where it is one class each."""
        if self.targets.problem == "multiclass" and (self.targets.sizes == 1).all():
            return None
        return self.targets.amounts(self.weights)

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``labels`` of some sequences, and how much these count, if told."""
        units = self.targets.units(indices)
        batch = gather_batch(self.encoded, indices, pad_id)
        batch["labels"] = torch.from_numpy(self.targets.values[units])
        if self.weights is not None:
            batch["weights"] = torch.from_numpy(self.weights[units])
        return batch

    def validate(
        self,
        compute: Compute,
        score: Score,
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given the scores of all units in item order."""
        logits = in_batches(
            lambda ids, mask: compute(input_ids=ids, attention_mask=mask),
            self.encoded,
            pad_id=pad_id,
            token_budget=token_budget,
            device=device,
            together=True,
            sizes=self.targets.sizes,
        )
        loss = loss_of(
            self.targets.problem,
            torch.from_numpy(logits),
            torch.from_numpy(self.targets.values),
            weights=None if self.weights is None else torch.from_numpy(self.weights),
        )
        return {"loss": float(loss), **score(logits)}
