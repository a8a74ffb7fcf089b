"""What a search looks for, and Optuna's samplers and pruners as a sweep asks for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.sweeps.options import COSTS, SweepOptions
from rnaernie_bench.sweeps.space import Space
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

STARTUP = 5
"""Complete trials that the median is taken of at least; those before are not pruned."""


@dataclass(frozen=True)
class Goal:
    """A figure of a trial."""

    name: str
    more_is_better: bool
    metric: bool
    """Whether it is a metric of validation, else a cost."""

    @property
    def direction(self) -> str:
        """Optuna's word."""
        return "maximize" if self.more_is_better else "minimize"


def goals_of(options: SweepOptions, task: Task) -> tuple[Goal, ...]:
    """Return what a sweep looks for; `main` is the task's main metric.

    Raises:
        ConfigError: for a goal that is none.
    """
    goals = []
    main, metrics = task.main_metric, task.measured
    for name in options.goals:
        named = main.name if name == "main" else name
        if named in COSTS:
            goals.append(Goal(named, COSTS[named], metric=False))
        elif named in metrics:
            goals.append(Goal(named, METRICS.get(named).higher_is_better, metric=True))
        else:
            known = ["main", *metrics, *COSTS]
            raise ConfigError(
                f"'{name}' is no goal", where="sweep.goals", remedy=did_you_mean(name, known)
            )
    if len({goal.name for goal in goals}) < len(goals):
        raise ConfigError("both goals are the same", where="sweep.goals", remedy="leave one out")
    return tuple(goals)


def sampler_of(options: SweepOptions, space: Space, seed: int, place: int) -> BaseSampler:
    """Return what chooses the settings of the trial at `place` in the order of proposals.

    It is seeded by its place, so that what a trial is proposed depends on the trials before it
    alone, not on which process proposes it or how often the search was interrupted.

    Raises:
        ConfigError: if a package is missing, or the space has no grid.
    """
    import numpy as np
    from optuna import samplers

    drawn = int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
    if options.sampler == "random":
        return samplers.RandomSampler(seed=drawn)
    if options.sampler == "grid":
        return samplers.GridSampler(space.grid(), seed=seed)  # its order is that of all trials
    if options.sampler == "nsga2":
        return samplers.NSGAIISampler(population_size=20, seed=drawn)
    if options.sampler == "cmaes":
        try:
            import cmaes  # noqa: F401
        except ImportError as error:
            raise ConfigError(
                "CMA-ES needs the package cmaes",
                where="sweep.sampler",
                remedy="pip install 'rnaernie-bench[cmaes]', or use sweep.sampler=tpe",
            ) from error
        return samplers.CmaEsSampler(seed=drawn, warn_independent_sampling=False)
    return samplers.TPESampler(seed=drawn)


def pruner_of(options: SweepOptions) -> BasePruner:
    """Return the pruner of trials by their evaluations on validation."""
    from optuna import pruners

    if options.pruner == "median":
        return pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=2)
    if options.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=1)  # as many as the first trial needs
    return pruners.NopPruner()


def finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that came to an end: complete, or pruned."""
    from optuna.trial import TrialState

    return [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]


def ranked(trials: Sequence[FrozenTrial], goals: Sequence[Goal]) -> list[FrozenTrial]:
    """Return the complete trials, the best by the first goal, then by the second, first.

    The order of equal ones depends on their settings alone: numbers differ where searches were
    interrupted.
    """
    from optuna.trial import TrialState

    def rank(trial: FrozenTrial) -> tuple[Any, ...]:
        signs = [-1 if goal.more_is_better else 1 for goal in goals]
        costs = [sign * value for sign, value in zip(signs, trial.values, strict=True)]
        return (*costs, json.dumps(trial.params, sort_keys=True))

    return sorted((t for t in trials if t.state == TrialState.COMPLETE), key=rank)


def front(study: Study) -> list[FrozenTrial]:
    """Return the complete trials that no other one beats in all goals, in their order."""
    return sorted(study.best_trials, key=lambda trial: trial.number)
