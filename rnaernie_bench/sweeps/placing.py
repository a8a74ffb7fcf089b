"""A sampler that is seeded anew for each trial, by the trial's place in the order of proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from rnaernie_bench.sweeps.workers import place_of


class PlacedSampler(BaseSampler):
    """Hands each trial to a sampler of its place.

    The place follows from the trial's number, which the storage gives to no other: two processes
    that ask at the same moment are proposed different settings.

    Args:
        make: from a place to its sampler.
        study: the study, with all of its trials; pruners may show a sampler only some.
    """

    def __init__(self, make: Callable[[int], BaseSampler], study: Study) -> None:
        self._make = make
        self._study = study
        self._sampler = make(0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Take the sampler of the trial's place."""
        self._sampler = self._make(place_of(trial, self._study.get_trials(deepcopy=False)))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Ask the sampler of the trial."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the sampler of the trial."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Ask the sampler of the trial."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the sampler of the trial."""
        self._sampler.after_trial(study, trial, state, values)
