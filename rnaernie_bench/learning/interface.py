"""The contract of everything that learns: its input and its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.data.items import Dataset, Items
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    import numpy as np

    from rnaernie_bench.structure.decoders import DecodingOptions


RANKS = frozenset({"order"})
"""What a score without a unit tells of items, see `metrics.registry.Metric.needs`."""


class Fitted(Protocol):
    """A model that has seen its training data and can score sequences, or pairs of them.

    One whose scores are in no unit of the data has an attribute ``tells``, `RANKS`.
    """

    def logits(self, inputs: Sequence[Any], /) -> np.ndarray:
        """Return unnormalised scores, float32 of shape (units, outputs), of items' inputs."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `restore` of the same entry needs into the existing, empty `folder`."""
        ...


class FittedContacts(Protocol):
    """A model that has seen its training data and can say which bases pair."""

    @property
    def decoding(self) -> DecodingOptions | None:
        """How its probabilities become pairs; None: validation chooses."""
        ...

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and pair probabilities, float32 (bases, bases), in any order.

        A sequence that the model does not read, being too long, is not yielded.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write what `restore` of the same entry needs into the existing, empty `folder`."""
        ...


@dataclass(frozen=True)
class FitContext:
    """What a backbone, baseline or strategy is given to learn from."""

    task: Task
    config: RunConfig
    train: Items
    validation: Items
    """The only items that may select anything: the validation part, or what the protocol puts in
    its place."""
    dataset: Dataset
    """The items of the split, for caches keyed by its fingerprint; the labels of its test parts
    are not to be touched."""
    folder: Path
    """The run's own folder; checkpoints go below it."""
    log: Callable[[Mapping[str, float], int], None] = lambda metrics, step: None
    """Receives curves: metrics by name, those of validation as ``eval_NAME``, and the number of the
    evaluation, from 1. What it raises ends the training: a search gives up on a trial so."""
    notify: Callable[[str], None] = lambda message: None
    """Receives messages for people."""


@dataclass(frozen=True)
class FitReport:
    """What a fit cost and how it ended."""

    parameters: int
    """Number of parameters of backbone and head, trained or not."""
    weights_sha256: str | None
    """Of the backbone's weights before training; None for a baseline."""
    max_bases: int | None
    """The most bases of a sequence that are read; None if all are."""
    train_s: float
    """Wall-clock seconds of fitting, validation counted."""
    items_per_s: float
    """Training items seen a second."""
    epochs: float
    """Passes over train that were made."""
    best_epoch: float
    """The pass whose weights were kept, chosen on validation."""
    ended_by: str
    """`converged`, `steps`, `optimum` for closed problems, or `untrained`."""
    trials: int = 1
    """How many configurations validation has compared."""
    selected: Mapping[str, Any] = field(default_factory=dict)
    """What validation chose besides the epoch, such as the regularisation."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the record should tell of the cost, such as seconds of embedding."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """What predicted the RNA types of sequences, and how well, where they were predicted."""
    curve: Sequence[tuple[int, float]] = ()
    """Optimiser steps and the validation score there, in their order, of what is trained so."""

    @property
    def converged(self) -> bool:
        """Whether fitting ended by itself, not by its budget."""
        return self.ended_by in ("converged", "optimum", "untrained")
