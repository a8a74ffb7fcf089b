"""What the recipe learns from and validates on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnaernie_bench.data.batching import gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.inference import in_batches

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
    """Encoded sequences with their labels."""

    encoded: Encoded
    labels: np.ndarray
    """int64 of shape (sequences,)."""

    def __len__(self) -> int:
        return len(self.labels)

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

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``labels`` of some sequences."""
        labels = torch.from_numpy(self.labels[list(indices)])
        return {**gather_batch(self.encoded, indices, pad_id), "labels": labels}

    def validate(
        self,
        compute: Compute,
        score: Score,
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return cross-entropy and metrics; `score` is given logits in item order."""
        logits = in_batches(
            lambda ids, mask: compute(input_ids=ids, attention_mask=mask),
            self.encoded,
            pad_id=pad_id,
            token_budget=token_budget,
            device=device,
            together=True,
        )
        labels = torch.from_numpy(self.labels)
        loss = nn.functional.cross_entropy(torch.from_numpy(logits), labels)
        return {"loss": float(loss), **score(logits)}
