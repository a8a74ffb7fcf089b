"""The settings of a sweep, as `configs/sweep/NAME.yaml` and the command line give them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rnaernie_bench.config.options import require
from rnaernie_bench.core.errors import ConfigError

COSTS: Mapping[str, bool] = {"items_per_s": True, "train_s": False, "parameters": False}
"""Goals besides a task's metrics -> whether more is better: throughput, time and size."""


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched, and where."""

    key: str
    """Any setting of a run, as on the command line: `strategy.learning_rate`, or `strategy`."""
    type: Literal["float", "int", "categorical"]
    low: float | None = None
    high: float | None = None
    """Both ends are part of the range."""
    step: float | None = None
    log: bool = False
    """Whether every factor counts the same, not every difference."""
    choices: tuple[Any, ...] | None = None
    """What a categorical one takes: texts, numbers, true, false or null."""
    when: Mapping[str, Any] = field(default_factory=dict)
    """Settings, searched ones or the run's own, with the value (or list of values) that each must
    have for this one to be searched."""

    def __post_init__(self) -> None:
        where = f"sweep.space: {self.key}"
        if self.type == "categorical":
            given = [self.low, self.high, self.step]
            require(given == [None] * 3 and not self.log, where, "choices alone, being categorical")
            choices = self.choices or ()
            require(
                all(value is None or isinstance(value, str | int | float) for value in choices),
                where,
                "texts, numbers, true, false or null",
            )
            shown = [repr(value) for value in choices]
            require(len(set(shown)) == len(shown) >= 2, where, "two or more different choices")
            return
        require(self.choices is None, where, f"a range, being of type {self.type}")
        if self.low is None or self.high is None or not self.low < self.high:
            raise ConfigError(
                f"the range from {self.low} to {self.high} is empty",
                where=where,
                remedy="give low and high, low below high",
            )
        require(not self.log or self.low > 0, where, "above 0 for log: true")
        require(not (self.log and self.step), where, "either log or step")
        require(self.step is None or 0 < self.step <= self.high - self.low, where, "a step inside")
        if self.type == "int":
            whole = all(float(end).is_integer() for end in (self.low, self.high, self.step or 1))
            require(whole, where, "whole numbers, being of type int")

    def allowed(self, key: str) -> tuple[Any, ...]:
        """Return the values of a setting in `when`."""
        value = self.when[key]
        return tuple(value) if isinstance(value, list | tuple) else (value,)

    def examples(self) -> tuple[Any, ...]:
        """Return the choices, or both ends of the range."""
        if self.choices is not None:
            return self.choices
        assert self.low is not None and self.high is not None
        return (int(self.low), int(self.high)) if self.type == "int" else (self.low, self.high)

    def cells(self) -> tuple[Any, ...] | None:
        """Return all values in order, or None where there is no end of them."""
        if self.choices is not None:
            return self.choices
        assert self.low is not None and self.high is not None
        step = self.step or (1.0 if self.type == "int" and not self.log else None)
        if step is None:
            return None
        count = int((self.high - self.low) / step + 1e-9) + 1
        values = [self.low + index * step for index in range(count)]
        return tuple(int(value) if self.type == "int" else value for value in values)


@dataclass(frozen=True)
class SweepOptions:
    """How a search goes, and where it is kept."""

    name: str
    summary: str
    trials: int
    """Trials that end, complete or pruned; a repeated command continues until there are so many."""
    seeds: int
    """Runs of the best settings, each tested: with fresh seeds, those after that of the trials."""
    study: str | None
    """What the storage calls the search; None: a name that follows from the settings."""
    storage: str | None
    """An address, `sqlite:///FILE` or `postgresql://...`; None: `runs_dir/studies.db`."""
    storage_env: str | None
    """The environment variable that has the address: its password then stands in no command."""
    sampler: Literal["tpe", "random", "grid", "cmaes", "nsga2"]
    pruner: Literal["none", "median", "hyperband"]
    goals: tuple[str, ...]
    """One or two: `main`, a metric of the task, or one of `COSTS`."""
    heartbeat: int
    """Seconds between the signs of life of a trial; twice as long without one, and it is dead."""
    space: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        require(self.trials >= 1, "sweep.trials", "1 or more")
        require(self.seeds >= 1, "sweep.seeds", "1 or more")
        require(self.heartbeat >= 1, "sweep.heartbeat", "1 or more")
        if self.storage_env is not None:
            require(self.storage is None, "sweep.storage_env", "null beside sweep.storage")
            there = bool(os.environ.get(self.storage_env))
            require(there, "sweep.storage_env", "the name of an environment variable that is set")
        require(bool(self.space), "sweep.space", "a list of settings to search, not empty")
        require(
            len(set(self.goals)) == len(self.goals) and len(self.goals) in (1, 2),
            "sweep.goals",
            "one goal, or two different ones",
        )
        two = len(self.goals) == 2
        if two and self.pruner != "none":
            raise ConfigError(
                "a trial with two goals cannot be pruned",
                where="sweep.pruner",
                remedy="use sweep.pruner=none, or one goal",
            )
        if two and self.sampler == "cmaes":
            raise ConfigError(
                "CMA-ES knows one goal only", where="sweep.sampler", remedy="use nsga2 or tpe"
            )
        if not two and self.goals[0] in COSTS and self.pruner != "none":
            raise ConfigError(
                f"no epoch has a value of '{self.goals[0]}', by which trials could be pruned",
                where="sweep.pruner",
                remedy="use sweep.pruner=none",
            )
