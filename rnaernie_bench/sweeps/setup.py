"""A sweep before it begins: settings read, checked against each other, and named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.config.compose import compose, expand
from rnaernie_bench.config.identity import identity
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.paths import sqlite_address
from rnaernie_bench.core.schema import build
from rnaernie_bench.results.record import run_id_of
from rnaernie_bench.runs.loaders import Loaders, cached_loaders
from rnaernie_bench.runs.plan import plan
from rnaernie_bench.sweeps.options import SweepOptions
from rnaernie_bench.sweeps.search import Goal, goals_of, sampler_of
from rnaernie_bench.sweeps.space import Base, Configurator, Space, open_space
from rnaernie_bench.task.task import load_task


@dataclass(frozen=True)
class Sweep:
    """A search that is about to begin or continue."""

    options: SweepOptions
    config: RunConfig
    """The settings that it starts from."""
    base: Base
    configure: Configurator
    space: Space
    goals: tuple[Goal, ...]
    loaders: Loaders
    signature: Mapping[str, Any]
    """What its trials have in common: another one is another study."""
    study: str
    """The name of its study."""

    @property
    def address(self) -> str:
        """The storage."""
        file = (self.config.runs_dir / "studies.db").resolve()
        named = self.options.storage_env
        return (os.environ[named] if named else self.options.storage) or sqlite_address(file)

    @property
    def trial_folder(self) -> Path:
        """Where trials keep their files while they run."""
        return self.config.runs_dir.resolve() / ".trials" / self.study


def set_up(overrides: Sequence[str], task_folders: Iterable[Path] = ()) -> Sweep:
    """Return the sweep that settings stand for, after everything about them has been checked.

    Args:
        overrides: ``key=value`` settings of a run, and of the sweep: `sweep=NAME` (`default` where
            it is left out) and `sweep.KEY=VALUE`.
        task_folders: further folders of tasks.

    Raises:
        ConfigError: if a setting is wrong, or the search space empty or contradictory.
        DataError: if the data is missing or wrong.
    """
    folders = tuple(task_folders)
    own = [text for text in overrides if text.partition("=")[0].partition(".")[0] == "sweep"]
    rest = tuple(text for text in overrides if text not in own)
    if not any(text.startswith("sweep=") for text in own):
        own.append("sweep=default")
    expanded = list(expand([*rest, *own]))
    if len(expanded) != 1:
        raise ConfigError(
            "a sweep has one value of each setting",
            remedy="give one value, or put the setting into the search space",
        )
    config = compose(expanded[0], folders)
    options = build(SweepOptions, config.sweep or {}, where="sweep")
    if config.protocol != "clean":
        raise ConfigError(
            "a search chooses on validation only", where="protocol", remedy="use protocol=clean"
        )
    base = Base(rest, folders)
    configure = Configurator(base)
    config = configure({})
    task = load_task(config.task.name, folders)
    goals = goals_of(options, task)
    space = open_space(options.space, base, configure)
    if options.sampler == "grid" and options.trials > space.size():
        raise ConfigError(
            f"the grid has {space.size()} configurations, not {options.trials}",
            where="sweep.trials",
            remedy=f"give at most {space.size()}",
        )
    sampler_of(options, space, config.seed, 0)
    loaders = cached_loaders()
    planned = plan(config, folders, loaders)
    signature = {
        "space": space.describe(),
        "goals": [goal.name for goal in goals],
        "sampler": options.sampler,
        "pruner": options.pruner,
        "run": identity(
            config, task, planned.dataset.fingerprint, planned.entry.kind, planned.weights_sha256
        ),
    }
    study = options.study or f"{task.name}-{options.name}-{run_id_of(signature)[:8]}"
    return Sweep(options, config, base, configure, space, goals, loaders, signature, study)
