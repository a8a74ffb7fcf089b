"""What can be set of a run: frozen dataclasses that refuse what is out of range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import added
from rnaernie_bench.data.protocols import Protocol
from rnaernie_bench.levels import Level
from rnaernie_bench.structure.decoders import DECODERS
from rnaernie_bench.structure.pair_probabilities import PAIR_FEATURES
from rnaernie_bench.task.catalogue import HEADS
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.task import Task
from rnaernie_bench.tracking.tracker import TrackingOptions


@dataclass(frozen=True)
class TaskOptions:
    """How the task is run; what it is, its declaration says."""

    name: str
    data: Literal["real", "simulated"]
    """The declared data set, or the stand-in generated in code."""
    head: str
    length: str
    """What happens to a sequence over the limit."""
    train_fraction: float = 1.0
    """Share of the training items that is used, a stratified and nested subset."""
    train_by_seed: bool = added(False)
    """Whether each seed draws that share anew, rather than all seeds the same one."""
    window_overlap: int = 0
    """The least number of bases that neighbouring windows share; 0 makes them adjacent."""
    decoder: str | None = None
    """What makes base pairs of their probabilities; None where the task has no pairs."""
    class_weights: Literal["none", "balanced"] = added("none")
    """Whether classes count in the loss as they occur, or all alike."""
    error_weights: Literal["none", "inverse"] = added("none")
    """Whether measured values count alike, or by the inverse of their variance."""
    positive_weight: float | None = added(None)
    """What the loss of base pairs is multiplied by, as they are few; None: by 1."""
    focal_gamma: float = added(0.0)
    """The exponent of the focal loss, by which easy pairs count less; 0: cross-entropy."""

    flank: int = added(5)
    """Bases on either side that a head reads besides the one in question, if it reads a window."""
    features: tuple[str, ...] = added(())
    """What a head for pairs of bases reads besides letters and states: `bpp`, pair probabilities
    by ViennaRNA."""
    encoding: Literal["towers", "joint"] | None = None
    """Whether both sequences of a pair are read apart or as one input; None without pairs."""

    def __post_init__(self) -> None:
        require(self.window_overlap >= 0, "task.window_overlap", "0 or more")
        require_name(POLICIES, self.length, "task.length")
        if self.window_overlap and not POLICIES[self.length].overlaps:
            others = " or ".join(name for name, policy in POLICIES.items() if policy.overlaps)
            require(False, "task.window_overlap", f"0 without task.length={others}")
        require(self.flank >= 0, "task.flank", "0 or more")
        require(0 < self.train_fraction <= 1, "task.train_fraction", "above 0 and at most 1")
        weight, gamma = self.positive_weight, self.focal_gamma
        require(weight is None or weight > 0, "task.positive_weight", "above 0, or null")
        require(gamma >= 0, "task.focal_gamma", "0 or more")
        if self.decoder is None and (weight is not None or gamma):
            raise ConfigError(
                "the task has no base pairs to weigh: they belong to binary contacts",
                where="task.positive_weight, task.focal_gamma",
                remedy="task.class_weights=balanced weighs classes",
            )
        require_name(HEADS, self.head, "task.head")
        for name in self.features:
            require_name(PAIR_FEATURES, name, "task.features")
        require(len({*self.features}) == len(self.features), "task.features", "different names")
        if self.decoder is not None:
            require_name(DECODERS, self.decoder, "task.decoder")


def task_defaults(task: Task) -> TaskOptions:
    """Return how a task is run while nothing is set."""
    encoding: Any = next(iter(task.level_entry.encodings), None)
    return TaskOptions(
        name=task.name,
        data="real",
        head=task.head,
        length=task.length,
        decoder="greedy" if task.decodes else None,
        encoding=encoding,
    )


@dataclass(frozen=True)
class TrainerOptions:
    """The recipe and its budget."""

    patience: int = 10
    """Evaluations without a better validation score after which training has converged: the
    learning rate then falls to zero, over one step for five so far."""
    evaluate_every: int | None = None
    """The most optimiser steps between two evaluations; every epoch ends with one at the latest;
    null: as many as suit the level."""
    max_epochs: int = 1000
    """The most passes over train; training should converge before."""
    max_steps: int | None = None
    """The most optimiser steps; null: those of max_epochs, or the level's if max_epochs is not set
    either."""
    max_train_minutes: float | None = None
    """Minutes after which the command, validation and test counted, is interrupted; the same
    command goes on."""
    learning_rates: tuple[float, ...] | None = None
    """Rates that validation chooses from; null: a tenth of the model's rate, that, and ten times
    it, and on beyond them if the best is at an edge; []: the model's alone, as where it is set."""
    average: float | None = 0.99
    """The decay, each step, of the moving average of weights that is validated and kept; null:
    the weights themselves are."""
    token_budget: int | None = None
    """Padded tokens in a batch; null: as many as the level learns well with."""
    gradient_accumulation: int = 1
    """Batches an optimiser step."""
    weight_decay: float = 0.01
    warmup_fraction: float = 0.05
    """Of the steps after which training can converge at the earliest: in these the rate rises."""
    max_grad_norm: float = 1.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """What the backbone computes in. `auto`: bf16 on a GPU that has it, and on a CPU that has it
    and is measured to be faster with it; else fp32."""
    fast_dropout: bool = True
    """Draw dropout masks cheaply on a CPU."""
    progress: bool = True
    """Bars in a terminal, a line a minute in logs."""

    def __post_init__(self) -> None:
        for name in ("max_epochs", "patience", "gradient_accumulation"):
            require(getattr(self, name) >= 1, f"trainer.{name}", "1 or more")
        for name in ("evaluate_every", "max_steps", "token_budget"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"trainer.{name}", "1 or more, or null")
        limit = self.max_train_minutes
        require(limit is None or limit > 0, "trainer.max_train_minutes", "above 0, or null")
        rates = self.learning_rates or ()
        require(all(rate > 0 for rate in rates), "trainer.learning_rates", "above 0")
        require(len({*rates}) == len(rates), "trainer.learning_rates", "different rates")
        decay = self.average
        require(decay is None or 0 < decay < 1, "trainer.average", "between 0 and 1, or null")
        require(0 <= self.warmup_fraction < 1, "trainer.warmup_fraction", "from 0 to below 1")
        require(self.weight_decay >= 0, "trainer.weight_decay", "0 or more")
        require(self.max_grad_norm > 0, "trainer.max_grad_norm", "above 0")

    @property
    def batch_tokens(self) -> int:
        """The padded tokens in a batch; settings that were composed have the level's, if null."""
        assert self.token_budget is not None
        return self.token_budget

    @property
    def evaluation_steps(self) -> int:
        """The most steps between two evaluations; settings that were composed have the level's."""
        assert self.evaluate_every is not None
        return self.evaluate_every


def settled(trainer: TrainerOptions, level: Level) -> TrainerOptions:
    """Return trainer options with what is left to the level."""
    unbounded = trainer.max_steps is None and trainer.max_epochs == TrainerOptions.max_epochs
    return replace(
        trainer,
        max_steps=level.max_steps if unbounded else trainer.max_steps,
        token_budget=trainer.token_budget or level.token_budget,
        evaluate_every=trainer.evaluate_every or level.evaluate_every,
    )


LIMITS = frozenset(
    f"trainer.{name}"
    for name in ("max_epochs", "max_steps", "max_train_minutes", "patience", "token_budget")
)
"""Bounds that the runs of a comparison share: a model that needs less stays within them."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that one run is made of."""

    task: TaskOptions
    backbone: Any
    """The options of the chosen backbone or baseline: a dataclass with a `name`."""
    strategy: Any
    """The options of the chosen strategy: a dataclass with a `name`."""
    trainer: TrainerOptions
    tracking: TrackingOptions
    launcher: Any
    """The options of what carries suites and sweeps out: a dataclass with ``n_processes``."""
    preset: Literal["demo", "bench", "paper"]
    split: str | None
    fold: str | None
    seed: int
    protocol: Protocol | None
    """None until the split is known (`data.protocols.protocol_of`)."""
    runs_dir: Path
    results_dir: Path
    sweep: Any = None
    suite: Any = None

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**32, "seed", "from 0 to 4294967295")
        require(self.suite is None, "suite", "left out: `rnaernie-bench suite` carries suites out")
        predicted = getattr(self.strategy, "types", "predicted") == "predicted"
        slot = getattr(self.strategy, "slot", "pad") if predicted else "pad"
        require(
            self.protocol != "as_published" or slot == "pad",
            "strategy.slot",
            "pad, as the authors' code has it, under protocol=as_published",
        )


def require(condition: bool, where: str, allowed: str) -> None:
    """Refuse a value that is out of range.

    Raises:
        ConfigError: unless `condition` holds, saying what is `allowed`.
    """
    if not condition:
        raise ConfigError(f"the value must be {allowed}", where=where)


def require_name(known: Iterable[str], name: str, where: str) -> None:
    """Refuse a name that is not known.

    Raises:
        ConfigError: with the nearest names.
    """
    if name not in (names := list(known)):
        raise ConfigError(f"'{name}' is not allowed", where=where, remedy=did_you_mean(name, names))
