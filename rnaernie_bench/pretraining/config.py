"""The settings of a pre-training: composed from a root of their own, checked, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions
from rnaernie_bench.backbones.vocabulary import MAX_TOKENS
from rnaernie_bench.config.compose import Root, compose_root, group_choices
from rnaernie_bench.config.options import require
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import build
from rnaernie_bench.pretraining.corpus import CorpusOptions
from rnaernie_bench.pretraining.masking import MaskingOptions
from rnaernie_bench.pretraining.objective import ObjectiveOptions
from rnaernie_bench.task.catalogue import BACKBONES
from rnaernie_bench.tracking.tracker import TrackingOptions

ROOT = "pretrain"
"""The file of the root in `configs/`."""


@dataclass(frozen=True)
class PretrainerOptions:
    """The recipe and its budget."""

    max_steps: int
    """Optimiser steps; masking stages and learning rate follow them."""
    max_train_minutes: float | None
    """A second limit, after which training ends as it is."""
    token_budget: int
    """Padded tokens of a batch, over all processes."""
    gradient_accumulation: int
    learning_rate: float
    min_learning_rate: float
    warmup_fraction: float
    cooldown_fraction: float
    cooldown: Literal["linear", "cosine"]
    weight_decay: float
    max_grad_norm: float
    dropout: float
    positions: Literal["normal", "sinusoidal"]
    """How the position embeddings of random weights begin."""
    initialisation: Literal["declared", "width"]
    """How random matrices begin: as the backbone declares, or with one over the root of the width
    of a state as their standard deviation."""
    type_weight: float
    precision: Literal["auto", "fp32", "bf16"]
    fast_dropout: bool
    workers: int
    log_steps: int
    eval_steps: int
    eval_records: int
    checkpoint_steps: int
    progress: bool

    def __post_init__(self) -> None:
        whole = ("max_steps", "gradient_accumulation", "log_steps", "eval_steps", "eval_records")
        for name in (*whole, "checkpoint_steps"):
            require(getattr(self, name) >= 1, f"trainer.{name}", "1 or more")
        limit = self.max_train_minutes
        require(limit is None or limit > 0, "trainer.max_train_minutes", "above 0, or null")
        # One sequence of any length always fits.
        require(self.token_budget >= MAX_TOKENS, "trainer.token_budget", f"{MAX_TOKENS} or more")
        require(self.learning_rate > 0, "trainer.learning_rate", "above 0")
        allowed = f"from 0 to trainer.learning_rate={self.learning_rate:g}"
        lowest = self.min_learning_rate
        require(0 <= lowest <= self.learning_rate, "trainer.min_learning_rate", allowed)
        for name in ("warmup_fraction", "cooldown_fraction"):
            require(0 <= getattr(self, name) <= 1, f"trainer.{name}", "from 0 to 1")
        allowed = f"at most {1 - self.warmup_fraction:g}, what the warm-up leaves"
        both = self.warmup_fraction + self.cooldown_fraction
        require(both <= 1, "trainer.cooldown_fraction", allowed)
        require(self.weight_decay >= 0, "trainer.weight_decay", "0 or more")
        require(self.max_grad_norm > 0, "trainer.max_grad_norm", "above 0")
        require(0 <= self.dropout < 1, "trainer.dropout", "from 0 to below 1")
        require(self.type_weight >= 0, "trainer.type_weight", "0 or more")
        require(self.workers >= 0, "trainer.workers", "0 or more")
        # A checkpoint keeps no half of a log line, so that a resumed curve is the same.
        for name in ("eval_steps", "checkpoint_steps"):
            whole_lines = getattr(self, name) % self.log_steps == 0
            allowed = f"a multiple of trainer.log_steps={self.log_steps}"
            require(whole_lines, f"trainer.{name}", allowed)


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that one pre-training is made of."""

    corpus: CorpusOptions
    backbone: RnaErnieOptions
    masking: MaskingOptions
    objective: ObjectiveOptions
    motifs: tuple[str, ...] | None
    """Files of motifs, the most important first; None for the authors' lists."""
    trainer: PretrainerOptions
    tracking: TrackingOptions
    seed: int
    runs_dir: Path
    """Where the tracking store lies."""
    out: Path
    """The folder to make."""

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**32, "seed", "from 0 to 4294967295")
        require(self.motifs != (), "motifs", "a list of one file or more, or null")
        deepest = self.backbone.num_hidden_layers
        begins = self.trainer.initialisation == "declared" or self.backbone.init == "random"
        require(begins, "trainer.initialisation", "declared: a checkpoint's weights stay")
        if self.backbone.init == "random":
            require(self.objective.layer <= deepest, "objective.layer", f"at most {deepest}, or -1")


def compose(overrides: Sequence[str]) -> PretrainConfig:
    """Return the checked settings of a pre-training.

    Args:
        overrides: ``key=value`` settings, without comma lists; ``schedule=`` is short for
            ``masking.schedule=``.

    Raises:
        ConfigError: naming the key or value that is unknown, of a wrong type or out of range.
    """
    if not any(text.startswith("out=") for text in overrides):
        raise ConfigError("no folder is chosen", where="out", remedy="add out=FOLDER")
    overrides = [f"masking.{o}" if o.startswith("schedule=") else o for o in overrides]
    choices = {group: group_choices(group) for group in ("corpus", "tracking")}
    # What is trained here has the typed vocabulary, by whatever name a plug-in gives it.
    backbones = [name for name in BACKBONES if BACKBONES.get(name).options is RnaErnieOptions]
    raw = compose_root(Root(ROOT, {**choices, "backbone": backbones}), overrides)
    config: PretrainConfig = build(PretrainConfig, raw)
    return config
