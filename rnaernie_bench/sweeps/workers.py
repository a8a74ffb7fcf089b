"""The processes that work on a study: who is alive, and what becomes of the trials of the dead."""

from __future__ import annotations

import copy
import secrets
import shutil
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from rnaernie_bench.runs.folder import locked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

WORKER, SETTINGS, ERROR, INTERRUPTED = "worker", "settings", "error", "interrupted"
"""Attributes of a trial: who works on it, with which settings, why it failed, if not by Ctrl-C."""

DEATHS = 5
"""Processes that died over the settings of a trial, until these are not tried again."""

_HISTORY = "retry_history"
"""What Optuna calls the numbers of the trials that a trial repeats."""


class Worker:
    """This process, as others see it: alive while it holds its lock.

    Args:
        runs_dir: where the locks of all workers lie that share it; those on other machines are
            known by their heartbeat only.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.name = f"worker-{secrets.token_hex(6)}"
        self._locks = runs_dir / ".locks"
        self._lock = locked(Path(self.name), self._locks, remedy="choose another runs_dir")

    def close(self) -> None:
        """Give the lock up; nothing of this worker remains."""
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def bury(self, name: str) -> bool:
        """Return whether a worker that shared the locks' folder is dead, and forget it then."""
        path = self._locks / f"{name}.lock"
        if name == self.name or not path.exists():
            return False
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        path.unlink(missing_ok=True)
        lock.release()
        return True


def revive(study: Study, worker: Worker, trial_folder: Path, heartbeat: int) -> None:
    """Fail the trials of dead workers, and queue each of them again, up to `DEATHS` times in all.

    To be called by one process at a time. What is to be queued follows from the trials alone, so
    that a process that dies in here leaves nothing undone that the next one does not do.

    Args:
        study: the study.
        worker: this process.
        trial_folder: trials keep their files below it, by number.
        heartbeat: seconds between signs of life.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials
    from optuna.trial import TrialState

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        fail_stale_trials(study)
        queue = RetryHeartbeatStaleTrialCallback()
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        name = trial.user_attrs.get(WORKER)
        if worker.bury(name) if name else _stillborn(trial, heartbeat):
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            shutil.rmtree(trial_folder / str(trial.number), ignore_errors=True)
    trials = study.get_trials(deepcopy=False)
    repeated = {number for trial in trials for number in trial.system_attrs.get(_HISTORY, ())}
    for trial in trials:
        lost = trial.state == TrialState.FAIL and ERROR not in trial.user_attrs
        if lost and trial.number not in repeated and _deaths(trial, trials) < DEATHS:
            again = copy.deepcopy(trial)
            if SETTINGS not in trial.user_attrs:  # died while they were chosen
                again.params, again.distributions = {}, {}
            again.user_attrs = {}
            queue(study, again)


def _deaths(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return how often a process died over the settings of a trial; interruptions do not count."""
    tried = {*trial.system_attrs.get(_HISTORY, ()), trial.number}
    return sum(each.number in tried and INTERRUPTED not in each.user_attrs for each in trials)


def _stillborn(trial: FrozenTrial, heartbeat: int) -> bool:
    """Return whether a trial's process died before it gave the first sign of life."""
    born = trial.datetime_start
    return born is not None and datetime.now() - born > timedelta(seconds=2 * heartbeat)


def place_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return a trial's place in the order of proposals.

    A trial that repeats another has its place, so that interruptions move no other trial's.
    """

    def original(each: FrozenTrial) -> int:
        history: Sequence[int] = each.system_attrs.get(_HISTORY, ())
        return history[0] if history else each.number

    before = [each.number for each in trials if each.number < original(trial)]
    repeats = [each.number for each in trials if original(each) != each.number]
    return len(set(before) - set(repeats))
