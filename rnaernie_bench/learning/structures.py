"""What a network learns where pairs of bases are decoded into a structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rnaernie_bench.backbones.inference import Batch, in_batches
from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import Items, evenly
from rnaernie_bench.heads.bases.contact import (
    MIN_DISTANCE,
    can_pair,
    letters_of,
    mirrored,
    pairs_of,
)
from rnaernie_bench.learning.examples import Compute, Examples
from rnaernie_bench.learning.inputs import mask_of_items
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.objective import Part
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.structure.records import CANONICAL
from rnaernie_bench.structure.tuning import Ladder, best_threshold, default_options, ladder

VALIDATED = 300
"""The most sequences of validation that choose while a network is trained, where a map of all pairs
of bases is scored and decoded of each; all of them choose the decoder in the end."""

IGNORED = -100
"""The target of a pair of bases that no loss counts."""


def contact_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    positive_weight: float | None = None,
    focal_gamma: float = 0.0,
    min_distance: int = MIN_DISTANCE,
    average: Literal["bases", "pairs"] = "bases",
) -> Tensor:
    """Return the binary cross-entropy of pairs of bases, a scalar.

    Few pairs of bases are base pairs: one in 2 x length at most. Two remedies, which can be joined:
    `positive_weight` multiplies the terms of base pairs, and `focal_gamma` multiplies each term by
    ``(1 - p)^gamma``, p being the probability given to the truth (Lin et al. 2017, equation 4), so
    that the many easy pairs count less. Neither changes what the sum is divided by.

    With `average` ``bases`` the loss is the sum over the pairs i < j of a sequence divided by its
    bases, then the mean over sequences: so a base pair counts alike in long sequences and short
    ones, which have about half a base pair a base. With ``pairs`` it is the mean over the pairs of
    the batch: with `min_distance` 0, that is the loss of MultiMolecule's contact heads.

    Args:
        logits: symmetric, (batch, length, length).
        targets: symmetric, of the same shape: 1 for base pairs, 0 for others, `IGNORED` for pairs
            not to be counted; see `contact_targets`.
        mask: bool (batch, length), true at bases.
        positive_weight: factor of base pairs, None for 1.
        focal_gamma: 0 for the plain cross-entropy.
        min_distance: pairs of bases that are closer are left out; the default leaves out those
            that no hairpin can turn around between. The mean is over both triangles, which is that
            over one, as they are symmetric.
        average: see above.

    Returns:
        The loss; 0, with gradients of 0, where no pair is to be counted.
    """
    position = torch.arange(mask.shape[1], device=mask.device)
    far = (position - position[:, None]).abs() >= min_distance
    counted = pairs_of(mask) & far & (targets >= 0)
    logits = logits.masked_fill(~counted, 0.0)
    truth = (targets > 0).to(logits.dtype)
    factor = None if positive_weight is None else logits.new_tensor(positive_weight)
    terms = functional.binary_cross_entropy_with_logits(
        logits, truth, pos_weight=factor, reduction="none"
    )
    if focal_gamma:
        terms = terms * torch.sigmoid(logits * (1 - 2 * truth)) ** focal_gamma
    sums = (terms * counted).sum((1, 2))
    if average == "pairs":
        return sums.sum() / counted.sum().clamp_min(1)
    return (sums / 2 / mask.sum(1).clamp_min(1)).mean()


def contact_targets(pairs: Sequence[np.ndarray], lengths: Sequence[int]) -> Tensor:
    """Return the targets of a batch for `contact_loss`.

    Args:
        pairs: the base pairs of each sequence, integers of shape (pairs, 2), 0-based.
        lengths: bases of each sequence.

    Returns:
        int8, symmetric, (batch, longest, longest): 1 for base pairs, 0 for other pairs of bases,
        `IGNORED` for padding.
    """
    longest = max(lengths)
    targets = torch.full((len(lengths), longest, longest), IGNORED, dtype=torch.int8)
    for target, chosen, length in zip(targets, pairs, lengths, strict=True):
        target[:length, :length] = 0
        i, j = torch.from_numpy(np.asarray(chosen, dtype=np.int64).reshape(-1, 2)).T
        target[i, j] = target[j, i] = 1
    return targets


@dataclass(frozen=True)
class StructureTruth:
    """The base pairs of sequences: pairs of bases that cannot pair are not counted.

    No decoder considers them by default, so that to learn them would be of no use.
    """

    items: Items

    @property
    def loss_weights(self) -> None:
        """Sequences count alike in the loss, however long they are."""

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return ``labels`` of some sequences, see `contact_targets`."""
        chosen = [self.items[index] for index in indices]
        lengths = [len(item.sequence) for item in chosen]
        targets = contact_targets([item.pairs for item in chosen], lengths)
        possible = can_pair(letters_of([item.sequence for item in chosen]))
        return {"labels": targets.masked_fill_(~possible, IGNORED)}


@dataclass(frozen=True)
class StructureObjective:
    """The base pairs of sequences, judged by the mean F1 of their structures."""

    train: Part
    validation: Part
    positive_weight: float | None
    """See `contact_loss`."""
    focal_gamma: float
    details: Mapping[str, Any] = field(default_factory=dict)
    scaling: None = None

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of the pairs of bases that can pair, a base, then the mean."""
        return contact_loss(
            logits.float(),
            batch["labels"],
            mask_of_items(batch),
            positive_weight=self.positive_weight,
            focal_gamma=self.focal_gamma,
        )

    def score(self, ladders: Sequence[Ladder]) -> dict[str, float]:
        """Return the best mean F1 over thresholds, and the threshold."""
        threshold, f1 = best_threshold(ladders)
        return {"f1": f1, "threshold": threshold}

    def validate(
        self, examples: Examples, compute: Compute, *, token_budget: int, device: torch.device
    ) -> dict[str, float]:
        """Return loss and metrics, those of the decoder `greedy`, whichever decodes in the end."""
        truth: Any = examples.truth
        options = default_options("greedy")

        def rungs(index: int, matrix: np.ndarray) -> Ladder:
            item = truth.items[index]
            return ladder(matrix, item.sequence, item.pairs, options)

        with ThreadPoolExecutor(available_cores()) as pool:

            def work(indices: list[int], batch: Batch) -> tuple[float, list[Ladder]]:
                logits = compute(batch).float()
                known = {**batch, "labels": truth.batch(indices)["labels"].to(device)}
                loss = float(self.loss(logits, known)) * len(indices)
                return loss, list(pool.map(rungs, indices, probabilities_of(logits, batch)))

            found = list(
                in_batches(
                    work, examples.inputs, token_budget=token_budget, device=device, together=True
                )
            )
        total = sum(loss for _, (loss, _) in found)
        ladders = [one for _, (_, some) in found for one in some]
        return {"loss": total / len(examples), **self.score(ladders)}


def probabilities_of(logits: Tensor, batch: Batch) -> list[np.ndarray]:
    """Return the pair probabilities of the items of a batch, float32 (bases, bases), symmetric.

    Args:
        logits: of the items, (items, longest, longest).
        batch: tells their bases.
    """
    lengths = mask_of_items(batch).sum(1).tolist()
    found = mirrored(torch.sigmoid(logits)).cpu().numpy()
    return [matrix[:n, :n] for matrix, n in zip(found, lengths, strict=True)]


def objective(context: FitContext, kind: type[Any], reader: Reader) -> StructureObjective:
    """Return what the structures of `context` teach; what the reader leaves out teaches nothing.

    Raises:
        ConfigError: if base pairs are to be weighed by a number and by how rare they are.
        DataError: if train has no base pair.
    """
    options = context.config.task
    learned, known = (
        tuple(i for i in items if not reader.leaves_out or len(i.sequence) <= reader.max_bases)
        for items in (context.train, context.validation)
    )
    if not any(len(item.pairs) for item in context.train):
        raise DataError(
            "no sequence of the train part has a base pair",
            where=f"data set {context.dataset.name}",
            remedy="give it structures with pairs",
        )
    held_out = evenly(known, VALIDATED)
    weight = options.positive_weight
    if options.class_weights == "balanced":
        if weight is not None:
            raise ConfigError(
                "base pairs are weighed by how rare they are already",
                where="task.positive_weight",
                remedy="leave it out, or use task.class_weights=none",
            )
        weight = negatives_per_pair(learned)
    return StructureObjective(
        Part(learned, StructureTruth(learned)),
        Part(held_out, StructureTruth(held_out)),
        weight,
        options.focal_gamma,
        {"n_train_pairs_impossible": impossible_pairs(learned)},
    )


def impossible_pairs(items: Items) -> int:
    """Return how many base pairs of some items no loss counts, as such bases cannot pair."""
    return sum(
        item.sequence[i] + item.sequence[j] not in CANONICAL or abs(j - i) < MIN_DISTANCE
        for item in items
        for i, j in item.pairs.tolist()
    )


def negatives_per_pair(items: Items) -> float:
    """Return how many counted pairs of bases of some items are no base pairs, for each that is one.

    Args:
        items: with base pairs; 1 is returned where none is counted.
    """
    positives = counted = 0
    for item in items:
        possible = can_pair(letters_of([item.sequence]))[0].triu().numpy()
        counted += int(possible.sum())
        positives += int(possible[item.pairs[:, 0], item.pairs[:, 1]].sum())
    return (counted - positives) / positives if positives else 1.0
