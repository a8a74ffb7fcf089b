"""One trial: settings are chosen, a model is trained with them, and validation scores it."""

from __future__ import annotations

import gc
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.progress import shown
from rnaernie_bench.evaluation.evaluate import validation_metrics
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.runs.loaders import Loaders
from rnaernie_bench.runs.plan import plan
from rnaernie_bench.runs.runner import fit
from rnaernie_bench.sweeps.search import Goal
from rnaernie_bench.sweeps.space import Configurator, Space
from rnaernie_bench.sweeps.workers import ERROR, INTERRUPTED, SETTINGS, WORKER, Worker

if TYPE_CHECKING:
    from optuna import Trial

REPEATS, FIGURES = "repeats", "figures"
"""Attributes of a trial: the number of the one that had its settings before, and the metrics of its
validation with what it cost."""

NOT_NEEDED = "not needed: other processes were about to finish the requested trials"


class TrialError(BenchError):
    """A trial that came to nothing, for a reason of its own."""


@dataclass(frozen=True)
class Objective:
    """What Optuna calls with a trial."""

    space: Space
    configure: Configurator
    goals: Sequence[Goal]
    trials: int
    """How many are to end; one too many, begun at the same time as the last, is not executed."""
    worker: Worker
    folder: Path
    """Trials keep their files below it, by number, while they run."""
    loaders: Loaders

    def __call__(self, trial: Trial) -> tuple[float, ...]:
        """Return the figures that the goals are about.

        Raises:
            optuna.TrialPruned: if validation prunes it, or it repeats another one.
            Exception: whatever made it fail; its first line is an attribute of the trial.
        """
        from optuna import TrialPruned

        trial.set_user_attr(WORKER, self.worker.name)
        try:
            return self._figures(trial)
        except TrialPruned:
            raise
        except KeyboardInterrupt:
            trial.set_user_attr(INTERRUPTED, True)
            raise
        except Exception as error:
            expected = isinstance(error, BenchError)
            reason = f"{error}" if expected else f"{type(error).__name__}: {error}"
            trial.set_user_attr(ERROR, " ".join(reason.split())[:2000])
            raise
        finally:
            shutil.rmtree(self.folder / str(trial.number), ignore_errors=True)
            _free_memory()

    def _figures(self, trial: Trial) -> tuple[float, ...]:
        from optuna import TrialPruned

        self._refuse_superfluous(trial)
        settings = self.space.suggest(trial)
        trial.set_user_attr(SETTINGS, settings)
        former = _same(trial)
        if former is not None:
            trial.set_user_attr(REPEATS, former)
            raise TrialPruned(f"trial {former} had the same settings")
        config = self.configure(settings)
        planned = plan(
            replace(config, runs_dir=self.folder / str(trial.number)),
            self.configure.base.task_folders,
            self.loaders,
        )
        split = replace(planned.scheme.split, tests={})  # nothing here can be scored on them
        planned = replace(planned, scheme=replace(planned.scheme, split=split))
        reported = self.goals[0].name if len(self.goals) == 1 and self.goals[0].metric else None

        def watch(metrics: Mapping[str, float], number: int) -> None:
            if not math.isfinite(metrics.get("loss", 0.0)):
                raise TrialError(f"the loss is {metrics['loss']} at evaluation {number}")
            value = metrics.get(f"eval_{reported}")
            if value is not None and math.isfinite(value):
                trial.report(value, number)
                if trial.should_prune():
                    raise TrialPruned(f"behind others after {number} evaluations")

        with shown(config.trainer.progress):
            fitted, report = fit(planned, watch, self.loaders)
            metrics = validation_metrics(
                planned.task, planned.config, planned.scheme, fitted, report
            )
        costs = {
            "items_per_s": report.items_per_s,
            "train_s": report.train_s,
            "parameters": float(report.parameters),
        }
        defined = {name: value for name, value in metrics.items() if math.isfinite(value)}
        trial.set_user_attr(FIGURES, {**defined, **costs, **report.details})
        figures = tuple((metrics if goal.metric else costs)[goal.name] for goal in self.goals)
        for goal, figure in zip(self.goals, figures, strict=True):
            if not math.isfinite(figure):
                why = METRICS.get(goal.name).undefined if goal.metric else f"it is {figure}"
                raise TrialError(f"{goal.name} of validation is undefined: {why}")
        return figures

    def _refuse_superfluous(self, trial: Trial) -> None:
        """Refuse the trial if those before it, unless they fail, are all that were requested."""
        from optuna.trial import TrialState

        before = [
            each
            for each in trial.study.get_trials(deepcopy=False)
            if each.number < trial.number and each.state != TrialState.FAIL
        ]
        if len(before) >= self.trials:
            raise TrialError(NOT_NEEDED)


def _same(trial: Trial) -> int | None:
    """Return the number of a trial with the same parameters that ended, or began before, if any."""
    from optuna.trial import TrialState

    for each in trial.study.get_trials(deepcopy=False):
        ended = each.state in (TrialState.COMPLETE, TrialState.PRUNED)
        ended = ended and REPEATS not in each.user_attrs
        begun = each.state == TrialState.RUNNING and each.number < trial.number
        if each.number != trial.number and (ended or begun) and each.params == trial.params:
            return each.number
    return None


def _free_memory() -> None:
    """Give back what a failed trial may still hold on a GPU."""
    import torch

    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
