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


def _check_trains(config: RunConfig, entry: EncoderEntry | BaselineEntry) -> None:
    """Refuse what learns where nothing trains, and to ask a backbone for a head that it lacks.

    Raises:
        ConfigError: naming backbone and strategy.
    """
    if isinstance(entry, BaselineEntry):
        name, trains = f"backbone={config.backbone.name}", entry.trains
    else:
        strategy = STRATEGIES.get(config.strategy.name)
        name, trains = f"strategy={config.strategy.name}", strategy.trains
        if strategy.masked_lm and entry.load_masked_lm is None:
            others = [n for n, o in BACKBONES.working() if getattr(o, "load_masked_lm", None)]
            raise ConfigError(
                f"'{config.backbone.name}' has no head for masked bases, which {name} asks",
                where="backbone",
                remedy=f"use one of {', '.join(others)}",
            )
    if trains and config.protocol == "zero_shot":
        untrained = [n for n, o in BACKBONES.working() if not getattr(o, "trains", True)]
        raise ConfigError(
            f"the split of {config.task.name} has test parts alone, and {name} trains",
            where="split",
            remedy=f"use another split, strategy=zero_shot, one of {', '.join(untrained)}, or "
            f"score a finished run on it: rnaernie-bench evaluate RUN --task {config.task.name}",
        )


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
    _check_trains(config, entry)
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
    encoder, weights = None, None
    if entry.kind == "encoder" and config.backbone.init == "pretrained":
        masked_lm = STRATEGIES.get(config.strategy.name).masked_lm
        encoder = loaders.encoder(entry, config.backbone, config.seed, masked_lm)
        weights = encoder.weights_sha256
    elif entry.kind == "baseline" and entry.weights_sha256:
        weights = resolve(entry.weights_sha256)(config.backbone)
    run_id = run_id_of(identity(config, task, dataset.fingerprint, entry.kind, weights))
    scheme = evaluation_scheme(config.protocol or "clean", task, split)
    return Plan(config, task, dataset, used, scheme, entry, encoder, weights, run_id)
