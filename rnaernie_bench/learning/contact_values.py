"""What is learned and said of pairs of bases where it is not decoded: classes, labels, quantities.

The units are the pairs i < j of the bases of a sequence, row by row. Their truth and their scores
are held in memory, a few numbers each; states of two bases are never multiplied pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.core import distributed
from rnaernie_bench.heads.contact import of_pairs
from rnaernie_bench.learning.contact_inputs import Inputs, contact_batches, contact_costs, mask_of
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import Targets


def values_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    problem: Problem,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Return the mean loss over the known pairs of bases of a batch, a scalar.

    Args:
        logits: (batch, outputs, length, length).
        targets: of the pairs i < j, see `metrics.losses.loss_of`.
        mask: bool (batch, length), true at bases.
        problem: what is asked.
        class_weights: see `data.targets.class_weights`.
    """
    return loss_of(problem, of_pairs(logits, mask), targets, class_weights=class_weights)


@dataclass(frozen=True)
class ValueExamples:
    """Sequences with what is to be learned of their pairs of bases, as `Material`."""

    inputs: Inputs
    targets: Targets

    def __len__(self) -> int:
        return len(self.targets.sizes)

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

    @cached_property
    def amounts(self) -> np.ndarray:
        """What is known of each sequence."""
        return self.targets.amounts()

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``targets`` of some sequences."""
        values = self.targets.values[self.targets.units(indices)]
        return {**self.inputs.gather(indices), "targets": torch.from_numpy(values)}

    def validate(
        self,
        compute: Callable[..., Tensor],
        score: Callable[[np.ndarray], Mapping[str, float]],
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given the scores of all units in item order."""
        scores = pair_scores(compute, self.inputs, token_budget=token_budget, device=device)
        truth = torch.from_numpy(self.targets.values)
        loss = loss_of(self.targets.problem, torch.from_numpy(scores), truth)
        return {"loss": float(loss), **score(scores)}


def pair_scores(
    compute: Callable[..., Tensor], inputs: Inputs, *, token_budget: int, device: torch.device
) -> np.ndarray:
    """Return what is given to each pair of bases, float32 (units, outputs), in item order.

    All processes of a launch call this: each computes some of the batches, and gets the results of
    all.

    Args:
        compute: maps a batch of `inputs` to logits (sequences, outputs, length, length).
        inputs: what is read.
        token_budget: bounds a batch, see `contact_costs`.
        device: where `compute` wants its inputs.
    """
    batches = list(contact_batches(inputs, token_budget))
    found: dict[int, np.ndarray] = {}
    for number in range(distributed.number(), len(batches), distributed.count()):
        indices = batches[number]
        batch = {name: tensor.to(device) for name, tensor in inputs.gather(indices).items()}
        with torch.inference_mode():
            logits = compute(**batch).float()
            found[number] = of_pairs(logits, mask_of(inputs.lengths[indices]).to(device)).numpy(
                force=True
            )
    sizes = inputs.lengths * (inputs.lengths - 1) // 2
    ends = np.cumsum(sizes)
    blocks = {k: block for some in distributed.gather(found) for k, block in some.items()}
    rows = np.empty((int(ends[-1]), blocks[0].shape[1]), dtype=np.float32)
    for number, block in blocks.items():
        places = [np.arange(ends[i] - sizes[i], ends[i]) for i in batches[number]]
        rows[np.concatenate(places)] = block
    return rows
