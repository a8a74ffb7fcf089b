"""What the recipe learns from and validates on: inputs with what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.learning.inputs import LevelInputs
from rnaernie_bench.metrics.problems import several_classes
from rnaernie_bench.metrics.targets import Targets

Compute = Callable[[Batch], Tensor]
"""The network in evaluation mode: from a batch to the scores of its items."""


class Truth(Protocol):
    """What is known of some items."""

    @property
    def loss_weights(self) -> np.ndarray | None:
        """How much each item counts in the mean that is the loss; None: all alike."""
        ...

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return what is known of some of the items, ``labels`` among it."""
        ...


@dataclass(frozen=True)
class UnitTruth:
    """Classes, labels or quantities of units."""

    targets: Targets
    weights: np.ndarray | None = None
    """float32 of the shape of the targets' values: how much each counts; None: all alike."""

    @property
    def loss_weights(self) -> np.ndarray | None:
        """What is known of each item, weighted; None where it is one class each."""
        if several_classes(self.targets.problem) and (self.targets.sizes == 1).all():
            return None
        return self.targets.amounts(self.weights)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return ``labels`` of the units of some items, and ``weights`` if there are any."""
        units = self.targets.units(indices)
        batch = {"labels": torch.from_numpy(self.targets.values[units])}
        if self.weights is not None:
            batch["weights"] = torch.from_numpy(self.weights[units])
        return batch


@dataclass(frozen=True)
class Examples:
    """Inputs with what is known of them, as a data set of indices: the collator calls `batch`."""

    inputs: LevelInputs
    truth: Truth

    def __len__(self) -> int:
        return len(self.inputs.costs)

    def __getitem__(self, index: int) -> int:
        """Return the index itself."""
        return index

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return what the network is called with, and what is known."""
        return {**self.inputs.gather(indices), **self.truth.batch(indices)}
