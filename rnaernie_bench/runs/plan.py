"""A run that is about to start: everything its settings name, looked up, and its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.config.identity import identity
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.items import Dataset
from rnaernie_bench.data.protocols import EvaluationScheme, evaluation_scheme
from rnaernie_bench.results.record import run_id_of
from rnaernie_bench.runs.loaders import UNCACHED, Loaders
from rnaernie_bench.task.catalogue import (
    BACKBONES,
    STRATEGIES,
    BaselineEntry,
    EncoderEntry,
    check_serves,
    levels_of,
    resolve,
)
from rnaernie_bench.task.task import Task, load_task

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


@dataclass(frozen=True)
class Plan:
    """A run that is about to start: its settings with all they name looked up."""

    config: RunConfig
    task: Task
    dataset: Dataset
    used: Dataset
    """The items of the data set that the split uses."""
    scheme: EvaluationScheme
    entry: EncoderEntry | BaselineEntry
    encoder: Encoder | None
    weights_sha256: str | None
    """Of pre-trained weights; None where there are none."""
    run_id: str

    @property
    def folder(self) -> Path:
        """Where the run writes."""
        return self.config.runs_dir / self.task.name / self.run_id

    @property
    def label(self) -> str:
        """Backbone and strategy, for people."""
        name = self.config.backbone.name
        if self.entry.kind == "baseline":
            return str(name)
        init = " (random)" if self.config.backbone.init == "random" else ""
        return f"{name}{init}, {self.config.strategy.name}"


def _baselines(task: Task) -> list[str]:
    """Return the baselines that serve level and problem of a task."""
    return [
        name
        for name, entry in BACKBONES.working()
        if entry.kind == "baseline"
        and task.level in levels_of(entry)
        and task.problem in entry.problems
    ]


def plan(config: RunConfig, task_folders: Iterable[Path] = (), loaders: Loaders = UNCACHED) -> Plan:
    """Look up everything a run needs, and name it.

    Raises:
        ConfigError: if settings do not go together.
        DataError: if the data is missing or wrong.
    """
    task = load_task(config.task.name, task_folders)
    if task.dataset.own and config.task.data == "simulated":
        raise ConfigError(
            "own data are not simulated", where="preset", remedy="add preset=bench or preset=paper"
        )
    entry = BACKBONES.get(config.backbone.name)
    check_serves(config.backbone.name, entry, task.level, config.task.head)
    strategies = [name for name, other in STRATEGIES.working() if task.level in levels_of(other)]
    if entry.kind == "encoder" and config.strategy.name not in strategies:
        raise ConfigError(
            f"'{config.strategy.name}' does not serve the level '{task.level}'",
            where="strategy",
            remedy=did_you_mean(config.strategy.name, strategies),
        )
    if (
        isinstance(entry, EncoderEntry)
        and entry.strategies
        and config.strategy.name not in entry.strategies
    ):
        raise ConfigError(
            f"'{config.backbone.name}' cannot be trained by '{config.strategy.name}'",
            where="strategy",
            remedy="use " + " or ".join(entry.strategies),
        )
    if entry.kind == "baseline" and task.problem not in entry.problems:
        raise ConfigError(
            f"'{config.backbone.name}' does not serve the problem '{task.problem}'",
            where="backbone",
            remedy="use " + " or ".join(_baselines(task)),
        )
    dataset, split, used = loaders.data(task, config)
    if not split.train:
        raise ConfigError(
            f"the split '{split.name}' of {task.name} has test parts alone",
            where="split",
            remedy=f"score a finished run on it: rnaernie-bench evaluate RUN --task {task.name}",
        )
    encoder, weights = None, None
    if entry.kind == "encoder" and config.backbone.init == "pretrained":
        encoder = loaders.encoder(entry, config.backbone, config.seed)
        weights = encoder.weights_sha256
    elif entry.kind == "baseline" and entry.weights_sha256:
        weights = resolve(entry.weights_sha256)(config.backbone)
    run_id = run_id_of(identity(config, task, dataset.fingerprint, entry.kind, weights))
    scheme = evaluation_scheme(config.protocol, task, split)
    return Plan(config, task, dataset, used, scheme, entry, encoder, weights, run_id)
