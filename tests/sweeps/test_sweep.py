"""Sweeps from their settings to the records of the best configuration, on a tiny task."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import optuna
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.evaluation import evaluate as evaluation
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.runs import runner
from rnaernie_bench.sweeps import objective as objective_module
from rnaernie_bench.sweeps import sweep as sweep_module
from rnaernie_bench.sweeps.setup import set_up
from rnaernie_bench.sweeps.storage import StudyStore
from rnaernie_bench.sweeps.sweep import run_sweep
from rnaernie_bench.tracking.tracker import Tracker
from tests.sweeps.sweep_kit import alike, figures, settings, sweep
from tests.training_kit import installed


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Give the task with a finished sweep, and how often test parts were scored meanwhile."""
    with (
        installed(tmp_path_factory.mktemp("finished")) as task,
        pytest.MonkeyPatch.context() as patch,
    ):
        scored = []
        evaluate = evaluation.evaluate
        patch.setattr(evaluation, "evaluate", lambda *a, **k: scored.append(1) or evaluate(*a, **k))
        yield SimpleNamespace(task=task, outcome=sweep(task), scored=len(scored))


@pytest.fixture(scope="module")
def empty_studies(tmp_path_factory):
    """Give a file of studies without any: to make its tables takes a second."""
    file = tmp_path_factory.mktemp("studies") / "studies.db"
    StudyStore(f"sqlite:///{file}", 60)
    return file


@pytest.fixture
def task(tmp_path, empty_studies):
    with installed(tmp_path) as task:
        task.runs.mkdir()
        shutil.copyfile(empty_studies, task.runs / "studies.db")
        yield task


def states(outcome):
    return [trial.state.name for trial in outcome.trials]


def chosen_by(finished):
    """Return the arguments of a run with the settings that a sweep found best."""
    chosen = [s for s in settings(finished.task.runs) if not s.startswith("sweep")]
    return chosen + [f"{key}={value}" for key, value in finished.outcome.best.params.items()]


class TestFinishedSweep:
    def test_the_best_on_validation_is_tested_once_a_fresh_seed(self, finished):
        outcome = finished.outcome
        assert states(outcome) == ["COMPLETE"] * 4
        assert outcome.best.value == max(trial.value for trial in outcome.trials)
        assert [run.record["seed"] for run in outcome.runs] == [1, 2]  # the trials' own is 0
        assert finished.scored == 2
        for run in outcome.runs:
            strategy = run.record["strategy"]
            assert strategy["learning_rate"] == outcome.best.params["strategy.learning_rate"]
            assert strategy["batch_size"] == outcome.best.params["strategy.batch_size"]

    def test_a_run_with_the_trials_seed_is_the_trial(self, finished):
        task, best = finished.task, finished.outcome.best
        assert main(["run", "--task-path", str(task.tasks), *chosen_by(finished), "seed=0"]) == 0
        records = [json.loads(path.read_text()) for path in task.runs.glob("*/*/record.json")]
        [run] = [record for record in records if record["seed"] == 0]
        assert run["validation"]["metrics"]["macro_f1"] == best.value
        assert best.user_attrs["figures"]["macro_f1"] == best.value

    def test_records_say_what_the_selection_cost(self, finished):
        study = finished.outcome.sweep.study
        for run in finished.outcome.runs:
            record = json.loads((run.folder / "record.json").read_text())
            validate_record(record)
            chosen = record["selection"]
            assert (chosen["trials"], chosen["study_trials"], chosen["study"]) == (4, 4, study)

    def test_the_run_id_is_that_of_the_plain_run(self, finished, capsys):
        chosen = [*chosen_by(finished), "seed=1"]
        assert main(["run", "--task-path", str(finished.task.tasks), *chosen]) == 0
        assert "finished before" in capsys.readouterr().out

    def test_features_are_computed_once(self, finished):
        cached = [t.user_attrs["figures"]["embedding_cached"] for t in finished.outcome.trials]
        assert cached == [False, True, True, True]

    def test_repeated_it_does_nothing(self, finished):
        told = []
        again = sweep(finished.task, told=told)
        assert len(again.trials) == 4
        assert all(run.repeated for run in again.runs)
        assert not any(line.startswith("[") for line in told)

    def test_more_trials_top_it_up(self, finished):
        told = []
        more = sweep(finished.task, "sweep.trials=6", told=told)
        assert alike(figures(more.trials)[:4], figures(finished.outcome.trials))
        assert states(more) == ["COMPLETE"] * 6
        assert {run.record["selection"]["trials"] for run in more.runs} == {6}
        card = (more.runs[0].folder / "README.md").read_text()
        assert more.runs[0].folder.name in card
        fewer = sweep(finished.task)  # four are there, and more are no harm
        assert {run.record["selection"]["trials"] for run in fewer.runs} == {6}

    def test_another_space_is_another_study(self, finished):
        name = f"sweep.study={finished.outcome.sweep.study}"
        space = "sweep.space=[{key: trainer.weight_decay, type: float, low: 0.0, high: 0.1}]"
        with pytest.raises(ConfigError, match="another search space"):
            sweep(finished.task, name, space)
        with pytest.raises(ConfigError, match=r"other settings \(recipe\)"):
            sweep(finished.task, name, "trainer.weight_decay=0.5")
        with pytest.raises(ConfigError, match=r"other settings \(sampler\)"):
            sweep(finished.task, name, "sweep.sampler=random")


def test_a_repeated_run_keeps_what_its_selection_cost(finished, capsys):
    task, run = finished.task, finished.outcome.runs[0]
    before = json.loads((run.folder / "record.json").read_text())["selection"]
    chosen = [*chosen_by(finished), "seed=1"]
    assert main(["run", "--repeat", "--task-path", str(task.tasks), *chosen]) == 0
    after = json.loads((run.folder / "record.json").read_text())["selection"]
    assert (after["trials"], after["study"]) == (before["trials"], before["study"])


def test_labels_of_the_test_set_change_nothing(finished, task):
    content = task.path("test").read_bytes().replace(b" a_rich", b" u_rich")
    task.write({"test": content})
    other = sweep(task, "sweep.seeds=1")
    assert alike(figures(other.trials), figures(finished.outcome.trials)[:4])


class Failing:
    """Fits, but raises `error` in place of the trial whose turn it is."""

    def __init__(self, error, *turns):
        self.error, self.turns, self.calls, self.fit = error, turns, 0, objective_module.fit

    def __call__(self, *arguments):
        self.calls += 1
        if not self.turns or self.calls in self.turns:
            raise self.error
        return self.fit(*arguments)


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_interrupted_it_ends_as_if_nothing_had_happened(finished, task, monkeypatch, sampler):
    more = [f"sweep.sampler={sampler}", "sweep.trials=3", "sweep.seeds=1"]
    if sampler == "grid":
        more += ["sweep.space=[{key: strategy.batch_size, type: int, low: 4, high: 12, step: 4}]"]
    undisturbed = sweep(finished.task, *more, f"sweep.study={sampler}")
    with monkeypatch.context() as patch:
        patch.setattr(objective_module, "fit", Failing(KeyboardInterrupt(), 2))
        with pytest.raises(KeyboardInterrupt):
            sweep(task, *more, f"sweep.study={sampler}")
    resumed = sweep(task, *more, f"sweep.study={sampler}")
    assert states(resumed).count("FAIL") == 1
    assert alike(figures(resumed.trials), figures(undisturbed.trials))
    assert resumed.best.params == pytest.approx(undisturbed.best.params, rel=1e-4)
    assert resumed.runs[0].record["tests"] == undisturbed.runs[0].record["tests"]


def test_a_failed_trial_does_not_end_the_search(task, monkeypatch):
    monkeypatch.setattr(objective_module, "fit", Failing(MemoryError("too large"), 1))
    told = []
    outcome = sweep(task, "sweep.trials=2", "sweep.seeds=1", told=told)
    assert states(outcome) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert outcome.trials[0].user_attrs["error"] == "MemoryError: too large"
    assert any("trial 0: failed: MemoryError" in line for line in told)


def test_a_loss_that_is_no_number_fails_the_trial(task, monkeypatch):
    def diverge(planned, log, loaders):
        log({"loss": float("nan"), "eval_macro_f1": 0.1}, 1)

    monkeypatch.setattr(objective_module, "fit", diverge)
    monkeypatch.setattr(sweep_module, "FAILURES", 2)
    with pytest.raises(ResultError, match=r"2 trials failed one after the other.*loss is nan"):
        sweep(task)


def test_a_trial_can_be_given_up_on_after_any_epoch(task, monkeypatch):
    pruner = optuna.pruners.ThresholdPruner(lower=2.0, n_warmup_steps=2)  # no score is so high
    monkeypatch.setattr(sweep_module, "pruner_of", lambda *_: pruner)
    told = []
    with pytest.raises(ResultError, match="no trial was complete"):
        sweep(task, "trainer.max_epochs=4", "sweep.trials=1", told=told)
    assert "[1/1] trial 0: pruned after epoch 2" in told[-1]


def test_settings_that_come_again_are_not_trained_again(task):
    space = "sweep.space=[{key: strategy.batch_size, type: categorical, choices: [4, 8]}]"
    outcome = sweep(task, space, "sweep.sampler=random", "sweep.trials=6", "sweep.seeds=1")
    counts = optuna.trial.TrialState
    complete = [t.params["strategy.batch_size"] for t in outcome.trials if t.state == counts(1)]
    assert sorted(complete) == [4, 8]
    assert states(outcome).count("PRUNED") == 4
    assert outcome.runs[0].record["selection"]["trials"] == 6


def test_two_goals(task):
    space = (
        "sweep.space=[{key: backbone.num_hidden_layers, type: int, low: 1, high: 2},"
        "{key: trainer.weight_decay, type: float, low: 0.0, high: 0.1}]"
    )
    goals = ["sweep.goals=[main,parameters]", "sweep.sampler=nsga2", "sweep.seeds=1"]
    free = [s for s in settings(task.runs) if "num_hidden_layers" not in s]
    outcome = run_sweep(set_up([*free, space, *goals], [task.tasks]), [].append)
    assert outcome.best.values[0] == max(trial.values[0] for trial in outcome.trials)
    smallest = min(trial.values[1] for trial in outcome.trials)
    assert smallest in [trial.values[1] for trial in outcome.front]


class Telling(Tracker):
    """A tracker that remembers."""

    def __init__(self):
        super().__init__()
        self.children, self.pictures = {}, []

    def log_child(self, child):
        self.children.setdefault(child.name, child)

    def log_figure(self, figure, name):
        self.pictures.append(name)


def test_tracking_has_a_child_a_trial_and_the_pictures(task, monkeypatch):
    trackers = []
    monkeypatch.setattr(
        sweep_module, "open_tracker", lambda *_, **__: trackers.append(Telling()) or trackers[-1]
    )
    monkeypatch.setattr(objective_module, "fit", Failing(MemoryError("too large"), 2))
    more = ["tracking=mlflow", "sweep.trials=3", "sweep.seeds=1"]
    monkeypatch.setattr(runner, "open_tracker", lambda *_, **__: Tracker())
    outcome = sweep(task, *more)
    sweep(task, *more)  # nothing is left to be told
    [tracker] = trackers
    assert list(tracker.children) == [f"trial {number}" for number in range(4)]
    assert tracker.children["trial 1"].status == "FAILED"
    child = tracker.children["trial 0"]
    assert child.params == outcome.trials[0].params
    assert child.metrics["macro_f1"] == outcome.trials[0].value
    assert child.curves == {"eval_macro_f1": outcome.trials[0].intermediate_values}
    assert set(child.curves["eval_macro_f1"]) == {1, 2}
    assert {"history.png", "parallel.png"} <= set(tracker.pictures)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["sweep.trials=0"], "sweep.trials: the value must be 1 or more"),
        (["sweep.space=[]"], "sweep.space: the value must be a list"),
        (["sweep=nosuch"], "there is no sweep 'nosuch'"),
        (["sweep.goals=[f2]"], "'f2' is no goal; choose one of"),
        (["sweep.goals=[main,macro_f1]"], "both goals are the same"),
        (["seed=0,1"], "one value of each setting"),
        (["protocol=as_published"], "validation only"),
        (["sweep.sampler=grid"], "a grid needs"),
        (
            [
                "sweep.space=[{key: strategy.batch_size, type: int, low: 4, high: 8, step: 4}]",
                "sweep.sampler=grid",
            ],
            "the grid has 2 configurations, not 4",
        ),
        (["sweep.storage=mysql://host/studies"], "'mysql' is no storage"),
        (["sweep.storage=postgresql://me:secret@127.0.0.1:1/studies"], "127.0.0.1:1/studies: the"),
        (["sweep.storage=sqlite:////proc/nowhere/studies.db"], "/proc/nowhere"),
    ],
)
def test_bad_input_is_refused_in_one_line(task, capsys, more, message):
    chosen = settings(task.runs, *more)
    assert main(["sweep", "--task-path", str(task.tasks), *chosen]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert "secret" not in error
    assert not task.run_folders()


def test_run_refuses_a_sweep(task, capsys):
    assert task.cli(settings=["sweep=default"]) == 2
    assert "`rnaernie-bench sweep` carries sweeps out" in capsys.readouterr().err
