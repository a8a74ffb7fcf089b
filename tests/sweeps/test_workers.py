from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from rnaernie_bench.sweeps.placing import PlacedSampler
from rnaernie_bench.sweeps.workers import DEATHS, Worker, place_of, revive


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def begun(study: optuna.Study, by: str | None, *, chosen: bool = True) -> optuna.Trial:
    """Begin a trial as a worker does."""
    trial = study.ask()
    if by:
        trial.set_user_attr("worker", by)
    trial.suggest_float("rate", 0, 1)
    if chosen:
        trial.set_user_attr("settings", {})
    return trial


def dead(folder: Path) -> str:
    """Return the name of a worker whose lock nobody holds any more."""
    other = Worker(folder)
    other._lock.release()
    (folder / ".locks" / f"{other.name}.lock").touch()
    return other.name


def revived(study: optuna.Study, worker: Worker, folder: Path) -> list[optuna.trial.FrozenTrial]:
    revive(study, worker, folder / "trials", 60)
    return study.get_trials(states=[TrialState.WAITING])


def test_the_trial_of_a_dead_worker_is_queued_again(study, worker, tmp_path):
    lost = begun(study, dead(tmp_path))
    (tmp_path / "trials" / "0" / "checkpoints").mkdir(parents=True)
    [again] = revived(study, worker, tmp_path)
    assert study.trials[0].state == TrialState.FAIL
    assert again.params == lost.params
    assert again.user_attrs == {}
    assert not (tmp_path / "trials" / "0").exists()
    assert len(revived(study, worker, tmp_path)) == 1  # not once more
    for number in range(1, DEATHS):
        retried = begun(study, dead(tmp_path))
        assert (retried.number, retried.params) == (number, lost.params)
        assert len(revived(study, worker, tmp_path)) == (number + 1 < DEATHS)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * DEATHS


def test_interruptions_are_no_deaths(study, worker, tmp_path):
    for number in range(2 * DEATHS):
        trial = begun(study, worker.name)
        trial.set_user_attr("interrupted", True)
        study.tell(trial, state=TrialState.FAIL)
        assert len(revived(study, worker, tmp_path)) == 1
        assert number == trial.number
    begun(study, dead(tmp_path))
    assert len(revived(study, worker, tmp_path)) == 1


def test_trials_of_the_living_go_on(study, worker, tmp_path):
    other = Worker(tmp_path)
    for name in (worker.name, other.name, "worker-of-another-machine", None):
        begun(study, name)
    assert revived(study, worker, tmp_path) == []
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}
    other.close()


def test_a_trial_that_died_before_it_had_a_worker_is_found_by_its_age(study, worker, tmp_path):
    born = datetime.now() - timedelta(seconds=121)
    old = optuna.create_trial(state=TrialState.RUNNING)
    old.datetime_start = born
    study.add_trial(old)
    assert len(revived(study, worker, tmp_path)) == 1


def test_what_died_while_it_was_chosen_is_chosen_again(study, worker, tmp_path):
    begun(study, dead(tmp_path), chosen=False)
    [again] = revived(study, worker, tmp_path)
    assert again.params == {}


def test_what_failed_for_a_reason_is_not_queued(study, worker, tmp_path):
    trial = begun(study, worker.name)
    trial.set_user_attr("error", "out of memory")
    study.tell(trial, state=TrialState.FAIL)
    assert revived(study, worker, tmp_path) == []


def test_a_repeated_trial_has_the_place_of_the_first(study, worker, tmp_path):
    study.tell(begun(study, worker.name), 1.0)
    begun(study, dead(tmp_path))
    revived(study, worker, tmp_path)
    for _ in range(2):
        study.tell(begun(study, worker.name), 1.0)
    assert [trial.system_attrs.get("retry_history") for trial in study.trials] == [
        None, None, [1], None,
    ]  # fmt: skip
    assert [place_of(trial, study.trials) for trial in study.trials] == [0, 1, 1, 2]


def test_two_processes_that_ask_at_once_are_proposed_different_settings(study):
    def worker() -> PlacedSampler:
        return PlacedSampler(lambda place: optuna.samplers.RandomSampler(seed=place), study)

    rates = []
    for sampler in (worker(), worker()):
        study.sampler = sampler
        trial = study.ask()
        rates.append(trial.suggest_float("rate", 0, 1))
    assert rates == [optuna.samplers.RandomSampler(seed=s)._rng.rng.uniform() for s in (0, 1)]


def test_a_worker_leaves_nothing(worker, tmp_path):
    worker.close()
    assert list((tmp_path / ".locks").iterdir()) == []
