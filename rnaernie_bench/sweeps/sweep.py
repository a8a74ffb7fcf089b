"""A sweep from its settings to the tested runs of the best configuration.

Any number of processes may work on the same sweep at once. All they share is the study: each asks
it for the next trial until the requested number has ended, then one of them runs the best
settings while the others wait and report the same.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json, write_text
from rnaernie_bench.results.record import Record, validate_record
from rnaernie_bench.results.search import Search, chosen_by, search_of
from rnaernie_bench.runs.card import run_card
from rnaernie_bench.runs.folder import RECORD
from rnaernie_bench.runs.runner import Outcome, execute
from rnaernie_bench.sweeps.objective import FIGURES, NOT_NEEDED, REPEATS, Objective
from rnaernie_bench.sweeps.pictures import pictures
from rnaernie_bench.sweeps.placing import PlacedSampler
from rnaernie_bench.sweeps.search import finished, front, pruner_of, ranked, sampler_of
from rnaernie_bench.sweeps.setup import Sweep
from rnaernie_bench.sweeps.storage import StudyStore
from rnaernie_bench.sweeps.workers import ERROR, WORKER, Worker, revive
from rnaernie_bench.task.task import load_task
from rnaernie_bench.tracking.tracker import (
    Child,
    Tracker,
    check_reachable,
    open_tracker,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

logger = logging.getLogger(__name__)

FAILURES = 10
"""So many trials of a process that fail in a row end it: what ails them is not their settings."""

_PICTURED = "pictured"
"""The attribute of a study that says of how many trials MLflow has its pictures."""


@dataclass(frozen=True)
class SweepOutcome:
    """What came of a sweep."""

    sweep: Sweep
    trials: Sequence[FrozenTrial]
    """All of them, also failed ones."""
    best: FrozenTrial
    """The one whose settings were run, by the first goal."""
    front: Sequence[FrozenTrial]
    """Of two goals, the trials that no other one beats in both."""
    runs: Sequence[Outcome]
    """The best settings, a run for each seed."""


def run_sweep(sweep: Sweep, notify: Callable[[str], None] = logger.info) -> SweepOutcome:
    """Search, then run the best settings on several seeds and test each of these runs once.

    Args:
        sweep: what is searched, see `setup.set_up`.
        notify: is updated, in a sentence, what happens.

    Raises:
        BenchError: for any failure that the user can fix; repeated, the sweep continues.
    """
    check_reachable(sweep.config.tracking)
    store = StudyStore(sweep.address, sweep.options.heartbeat)
    study = store.study(sweep.study, [goal.direction for goal in sweep.goals], sweep.signature)
    notify(f"study {sweep.study} in {store.shown}")
    with _tracker(sweep, study, store) as tracker:
        worker = Worker(sweep.config.runs_dir.resolve())
        try:
            _search(sweep, store, study, worker, tracker, notify)
        finally:
            worker.close()
        trials = study.get_trials(deepcopy=False)
        complete = ranked(trials, sweep.goals)
        if not complete:
            raise ResultError(
                "no trial was complete: there is no best one",
                where=sweep.study,
                remedy="raise sweep.trials, or use sweep.pruner=none",
            )
        best = complete[0]
        with _one_at_a_time(sweep):
            runs = _run_best(sweep, best, len(finished(trials)), notify)
            _report(sweep, store, study, trials, best, tracker)
            shutil.rmtree(sweep.trial_folder, ignore_errors=True)  # what killed trials may leave
    both = front(study) if len(sweep.goals) == 2 else []
    return SweepOutcome(sweep, trials, best, both, runs)


def _search(
    sweep: Sweep,
    store: StudyStore,
    study: Study,
    worker: Worker,
    tracker: Tracker,
    notify: Callable[[str], None],
) -> None:
    """Run trials until the requested number has ended, here or elsewhere."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    options = sweep.options
    study.pruner = pruner_of(options)
    study.sampler = PlacedSampler(
        lambda place: sampler_of(options, sweep.space, sweep.config.seed, place), study
    )
    objective = Objective(
        sweep.space, sweep.configure, sweep.goals, options.trials, worker, sweep.trial_folder,
        sweep.loaders,
    )  # fmt: skip
    log = _Log(sweep, store, tracker, notify)
    waiting = False
    while True:
        with store.exclusive():
            revive(study, worker, sweep.trial_folder, options.heartbeat)
        trials = study.get_trials(deepcopy=False)
        states = [trial.state for trial in trials]
        ended, running = len(finished(trials)), states.count(TrialState.RUNNING)
        if ended >= options.trials:
            return
        if TrialState.WAITING not in states and ended + running >= options.trials:
            if not waiting:
                notify(f"waiting for {running} trials of other processes")
            waiting = True
            time.sleep(min(1.0, options.heartbeat / 4))
            continue
        waiting = False
        try:
            study.optimize(objective, n_trials=1, catch=(Exception,), callbacks=[log])
        except (ValueError, UpdateFinishedTrialError):
            if worker.name in _at_work(study):
                raise
            notify("this process gave no sign of life for a while: its trial is another's now")
        if log.failures >= FAILURES:
            raise ResultError(
                f"{FAILURES} trials failed one after the other, the last: {log.reason}",
                where=sweep.study,
                remedy="fix that and repeat the command",
            )


def _at_work(study: Study) -> set[str]:
    from optuna.trial import TrialState

    running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    return {trial.user_attrs.get(WORKER, "") for trial in running}


@dataclass
class _Log:
    """Tells what became of each trial of this process."""

    sweep: Sweep
    store: StudyStore
    tracker: Tracker
    notify: Callable[[str], None]
    failures: int = 0
    """Trials that have failed in a row."""
    reason: str = field(default="", init=False)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Be updated of a trial that has ended."""
        with self.store.exclusive():  # whoever finishes the sweep reports what is missing
            self.tracker.log_child(child_of(trial, self.sweep))
        error = trial.user_attrs.get(ERROR)
        if error is None:
            self.failures = 0
        elif error != NOT_NEEDED:
            self.failures += 1
            self.reason = error
        if error != NOT_NEEDED:
            ended = len(finished(study.get_trials(deepcopy=False)))
            self.notify(f"[{ended}/{self.sweep.options.trials}] {describe(trial, self.sweep)}")


def describe(trial: FrozenTrial, sweep: Sweep) -> str:
    """Return what became of a trial, and its settings, in one line."""
    settings = sweep.space.settings(trial.params)
    shown = " ".join(f"{key}={_short(value)}" for key, value in settings.items())
    if ERROR in trial.user_attrs:
        what = f"failed: {trial.user_attrs[ERROR]}"
    elif REPEATS in trial.user_attrs:
        what = f"the settings of trial {trial.user_attrs[REPEATS]} again"
    elif trial.state.name == "PRUNED":
        what = f"pruned after epoch {trial.last_step}"
    elif not trial.values:
        what = f"{trial.state.name.lower()}, without a value"
    else:
        pairs = zip(sweep.goals, trial.values, strict=True)
        what = ", ".join(f"{goal.name} {_short(value)}" for goal, value in pairs)
    return f"trial {trial.number}: {what}; {shown}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def child_of(trial: FrozenTrial, sweep: Sweep) -> Child:
    """Return a trial as tracking shows it, below the run of the sweep."""
    state = trial.state.name
    attributes = trial.user_attrs
    start, end = (
        int(1000 * moment.timestamp()) if moment else 0
        for moment in (trial.datetime_start, trial.datetime_complete or trial.datetime_start)
    )
    figures = {k: v for k, v in attributes.get(FIGURES, {}).items() if not isinstance(v, bool)}
    curve = {f"eval_{sweep.goals[0].name}": trial.intermediate_values}
    reasons = {key: str(attributes[key]) for key in (ERROR, REPEATS) if key in attributes}
    return Child(
        name=f"trial {trial.number}",
        status="FINISHED" if state in ("COMPLETE", "PRUNED") else "FAILED",
        params=sweep.space.settings(trial.params),
        metrics=figures,
        curves=curve if trial.intermediate_values else {},
        tags={"trial": str(trial.number), "state": state.lower(), **reasons},
        start_ms=start,
        end_ms=end,
    )


def _tracker(sweep: Sweep, study: Study, store: StudyStore) -> Tracker:
    """Open the run of the sweep, unless all of it has been updated already."""
    done = len(finished(study.get_trials(deepcopy=False)))
    if done >= sweep.options.trials and study.user_attrs.get(_PICTURED) == done:
        return Tracker()
    task = sweep.config.task.name
    with store.exclusive():  # one run, however many processes
        return open_tracker(
            sweep.config.tracking,
            runs_dir=sweep.config.runs_dir,
            run_id=f"sweep-{sweep.study}",
            run_name=f"{task}, sweep {sweep.study}",
            tags={"task": task, "study": sweep.study},
        )


def _report(
    sweep: Sweep,
    store: StudyStore,
    study: Study,
    trials: Sequence[FrozenTrial],
    best: FrozenTrial,
    tracker: Tracker,
) -> None:
    """Report the whole search to tracking: trials that their process could not report, pictures."""
    done = len(finished(trials))
    if sweep.config.tracking.name == "none" or study.user_attrs.get(_PICTURED) == done:
        return
    for trial in trials:
        if trial.state.is_finished():
            with store.exclusive():
                tracker.log_child(child_of(trial, sweep))
    tracker.log_params({"sweep": dict(sweep.signature), "best": sweep.space.settings(best.params)})
    figures = zip(sweep.goals, best.values, strict=True)
    tracker.log_metrics({"trials": done, **{f"best/{g.name}": value for g, value in figures}})
    for name, figure in pictures(study, sweep.goals):
        tracker.log_figure(figure, name)
    study.set_user_attr(_PICTURED, done)


def _one_at_a_time(sweep: Sweep) -> Any:
    """Return a lock under which the best settings are run; others wait for it."""
    from filelock import FileLock

    locks = sweep.config.runs_dir.resolve() / ".locks"
    return FileLock(locks / f"sweep-{sweep.study}.lock")


def _run_best(
    sweep: Sweep, best: FrozenTrial, trials: int, notify: Callable[[str], None]
) -> list[Outcome]:
    """Run the best settings with each seed, unless that has been done, and test the runs.

    The seeds are those after the seed of the trials, with which the settings were chosen: the best
    of many trials was also lucky with it.
    """
    settings, first = sweep.space.settings(best.params), sweep.config.seed + 1
    search = Search(sweep.study, trials)
    runs = []
    for seed in range(first, first + sweep.options.seeds):
        config = sweep.base.config({**settings, "seed": seed})
        notify(f"the best settings with seed {seed}")
        outcome = execute(
            config, task_folders=sweep.base.task_folders, notify=notify, search=search
        )
        runs.append(_credited(outcome, search, sweep, notify))
    return runs


def _credited(
    outcome: Outcome, search: Search, sweep: Sweep, notify: Callable[[str], None]
) -> Outcome:
    """Update the cost of selection in the record of an earlier run; it never decreases."""
    record: Record = outcome.record
    former = search_of(record)
    if former == search or (former is not None and former.trials >= search.trials):
        return outcome
    updated = chosen_by(search, record)
    validate_record(updated)
    task = load_task(sweep.config.task.name, sweep.base.task_folders)
    whole = (outcome.folder / "model" / "config.json").is_file()
    write_text(outcome.folder / "README.md", run_card(task, updated, whole=whole))
    write_json(outcome.folder / RECORD, updated)
    before, after = record["selection"]["trials"], updated["selection"]["trials"]
    notify(f"{outcome.folder}: its selection has cost {after} trials by now, not {before}")
    return Outcome(updated, outcome.folder, outcome.repeated, outcome.page)
