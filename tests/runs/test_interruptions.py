"""What a run that failed or was interrupted leaves, and how the same command goes on with it."""

from __future__ import annotations

import json
import shutil

import pytest
from transformers import Trainer

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.runs import runner
from rnaernie_bench.tracking.tracker import Tracker
from tests.runs.run_kit import FILES, MODELS, failing
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def test_a_failure_leaves_no_folder(task, monkeypatch, capsys):
    def fail(*arguments, **named):
        raise RuntimeError("no more")

    monkeypatch.setattr("rnaernie_bench.evaluation.evaluate.evaluate", fail)
    assert task.cli(settings=MODELS["majority"]) == 1
    assert task.run_folders() == []
    assert "unexpected RuntimeError: no more; --debug shows where" in capsys.readouterr().err


def test_ctrl_c_before_a_checkpoint_leaves_no_folder(task, monkeypatch, capsys):
    def interrupt(self, metrics, step=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Tracker, "log_metrics", interrupt)
    assert task.cli(settings=MODELS["full"]) == 2
    assert task.run_folders() == []
    error = capsys.readouterr().err
    assert "interrupted" in error and "Traceback" not in error


def test_a_training_is_not_lost_to_a_failure_behind_it(task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_save_model", failing(OSError(28, "full")))
        assert task.cli(settings=MODELS["full"]) == 2
    (folder,) = task.run_folders()
    assert list((folder / "checkpoints").glob("checkpoint-*"))
    monkeypatch.setattr(Trainer, "train", failing(AssertionError("trained again")))
    assert task.cli(settings=MODELS["full"]) == 0
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_model_is_not_lost_to_a_record_that_is_refused(task, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "validate_record", failing(ResultError("not valid")))
        assert task.cli(settings=MODELS["majority"]) == 2
    (folder,) = task.run_folders()
    assert (folder / "model" / "predictor.json").is_file()
    assert task.cli(settings=MODELS["majority"]) == 0
    assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.parametrize("where", ["before", "amid", "behind"])
def test_what_a_killed_run_left_is_finished(task, empty_store, monkeypatch, where, capsys):
    """Whether the tracker heard nothing of the record, a part of it, or all but for the files."""
    from mlflow import MlflowClient

    task.runs.mkdir()
    shutil.copyfile(empty_store, task.runs / "mlflow.db")
    settings = (*MODELS["full"], "tracking=mlflow")
    with monkeypatch.context() as patch:
        killed = failing(KeyboardInterrupt())
        if where == "before":
            patch.setattr(runner, "_report", killed)
        elif where == "amid":
            patch.setattr(Tracker, "log_artifact", killed)
        else:
            patch.setattr(runner, "_tidy", killed)
        if where != "behind":
            patch.setattr(Tracker, "close", lambda self, status: None)
        assert task.cli(settings=settings) == 2
    (folder,) = task.run_folders()
    before = (folder / "record.json").read_bytes()
    assert (folder / "checkpoints").is_dir()
    monkeypatch.setattr(runner, "fit", failing(AssertionError("trained again")))
    assert task.cli(settings=(*settings, "tracking=none")) == 0
    assert (folder / "checkpoints").is_dir()  # not all was done
    assert task.cli(settings=settings) == 0
    assert {path.name for path in folder.iterdir()} == FILES
    assert (folder / "record.json").read_bytes() == before
    client = MlflowClient(f"sqlite:///{task.runs / 'mlflow.db'}")
    experiments = [e.experiment_id for e in client.search_experiments()]
    (run,) = client.search_runs(experiments)
    assert run.info.status == "FINISHED"
    f1 = json.loads(before)["tests"]["full"]["metrics"]["macro_f1"]["value"]
    assert run.data.metrics["test/full/macro_f1"] == pytest.approx(f1)
    assert {f.path for f in client.list_artifacts(run.info.run_id)} >= {"record.json", "model"}


def test_a_repetition_that_fails_leaves_the_finished_run(task, monkeypatch):
    assert task.cli(settings=MODELS["majority"]) == 0
    (folder,) = task.run_folders()
    before = (folder / "record.json").read_bytes()
    monkeypatch.setattr(runner, "fit", failing(KeyboardInterrupt()))
    assert task.cli("--repeat", settings=MODELS["majority"]) == 2
    assert task.run_folders() == [folder]
    assert (folder / "record.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_an_interruption_left_of_a_model_is_replaced(task):
    assert task.cli(settings=MODELS["majority"]) == 0
    (folder,) = task.run_folders()
    (folder / "record.json").unlink()
    (folder / ".model").mkdir()
    (folder / ".model" / "half").write_text("")
    assert task.cli(settings=MODELS["majority"]) == 0
    assert {path.name for path in folder.iterdir()} == FILES
    assert not (folder / "model" / "half").exists()
