from __future__ import annotations

import dataclasses
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.errors import TrackingError
from rnaernie_bench.metrics.figures import confusion_matrix_figure
from rnaernie_bench.tracking import store as mlflow_store
from rnaernie_bench.tracking import tracker as tracking
from rnaernie_bench.tracking.tracker import Tracker, TrackingOptions, flatten, open_tracker
from tests.ports import free_port


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests, since making it takes seconds; its name needs quoting."""
    return tmp_path_factory.mktemp("tracking") / "my runs"


@pytest.fixture
def start(runs_dir: Path, request: pytest.FixtureRequest) -> Any:
    """Open a tracker in an experiment named after the test."""
    options = TrackingOptions(experiment=request.node.name)
    return partial(open_tracker, options, runs_dir=runs_dir, run_name="tiny seed 0", tags={})


@pytest.fixture
def client(runs_dir: Path) -> Any:
    from mlflow import MlflowClient

    return lambda: MlflowClient(f"sqlite:///{runs_dir / 'mlflow.db'}")


def test_local_round_trip(
    start: Any, client: Any, runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    (tmp_path / "record.json").write_text("{}")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "head.json").write_text("[]")

    with start(run_id="abc123", tags={"task": "ncrna_cls"}) as tracker:
        tracker.log_params({"trainer": {"lr": 1e-4, "epochs": 3}, "seed": 0, "long": "x" * 9000})
        tracker.log_params({f"p{i}": i for i in range(130)})
        tracker.log_metrics({"loss": 2.5}, step=10)
        tracker.log_metrics({"loss": 1.5}, step=20)
        tracker.log_metrics({"test/full/accuracy": 0.75, "test/full/mcc": float("nan")})
        tracker.log_artifact(tmp_path / "record.json")
        tracker.log_artifact(tmp_path / "model", "saved")
        figure = confusion_matrix_figure(np.eye(2, dtype=int), ("a", "b"), "demo")
        tracker.log_figure(figure, "figures/full.png")

    run = client().get_run(tracker.mlflow_run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "tiny seed 0")
    assert run.data.params["trainer.lr"] == "0.0001"
    assert run.data.params["p129"] == "129"
    assert len(run.data.params["long"]) == 6000
    assert run.data.metrics == {"loss": 1.5, "test/full/accuracy": 0.75}
    curve = client().get_metric_history(tracker.mlflow_run_id, "loss")
    assert [(point.step, point.value) for point in curve] == [(10, 2.5), (20, 1.5)]
    tags = run.data.tags
    assert tags["task"] == "ncrna_cls"
    assert tags["rnaernie_bench.run_id"] == "abc123"

    folder = runs_dir / "mlflow-artifacts" / tracker.mlflow_run_id / "artifacts"
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert kept == {"record.json", "saved/model/head.json", "figures/full.png"}
    assert (folder / "figures/full.png").read_bytes().startswith(b"\x89PNG")
    assert tracker.page == f"mlflow ui --backend-store-uri 'sqlite:///{runs_dir / 'mlflow.db'}'"
    assert list(working.iterdir()) == []
    assert {path.name for path in runs_dir.iterdir()} <= {
        "mlflow.db",
        "mlflow-artifacts",
        ".mlflow.db.lock",
    }


def test_a_child_is_stored_once(start: Any, client: Any) -> None:
    child = tracking.Child(
        name="trial 0", status="FAILED", params={"strategy": {"rank": 8}}, metrics={"f1": 0.5},
        curves={"eval_f1": {1: 0.25, 2: 0.5}}, tags={"error": "too large"}, start_ms=1000,
        end_ms=3000,
    )  # fmt: skip
    tracker, other = start(run_id="sweep-1"), start(run_id="sweep-1")  # of two processes
    for each in (tracker, other, tracker):
        each.log_child(child)
    other.log_child(dataclasses.replace(child, name="trial 1"))
    tracker.log_child(dataclasses.replace(child, name="trial 1"))
    runs = client().search_runs([client().get_run(tracker.mlflow_run_id).info.experiment_id])
    children = [run for run in runs if run.info.run_id != tracker.mlflow_run_id]
    assert sorted(run.info.run_name for run in children) == ["trial 0", "trial 1"]
    [stored] = [run for run in children if run.info.run_name == "trial 0"]
    assert stored.data.tags["mlflow.parentRunId"] == tracker.mlflow_run_id
    assert stored.data.tags["error"] == "too large"
    assert (stored.info.run_name, stored.info.status) == ("trial 0", "FAILED")
    assert (stored.info.start_time, stored.info.end_time) == (1000, 3000)
    assert stored.data.params == {"strategy.rank": "8"}
    assert stored.data.metrics["f1"] == 0.5
    history = client().get_metric_history(stored.info.run_id, "eval_f1")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5)]
    tracker.close("FINISHED")


def test_an_interrupted_run_is_continued_and_a_finished_one_is_not(start: Any, client: Any) -> None:
    with pytest.raises(KeyboardInterrupt), start(run_id="one") as first:
        first.log_params({"workers": 2})
        first.log_metrics({"loss": 2.0}, step=1)
        raise KeyboardInterrupt
    assert client().get_run(first.mlflow_run_id).info.status == "KILLED"

    other = start(run_id="other")
    second = start(run_id="one", tags={"resumed": "yes"})
    assert second.mlflow_run_id == first.mlflow_run_id != other.mlflow_run_id
    run = client().get_run(first.mlflow_run_id)
    assert (run.info.status, run.data.tags["resumed"]) == ("RUNNING", "yes")
    second.log_params({"workers": 4, "seed": 0})
    second.log_metrics({"loss": 1.0}, step=2)
    second.close("FINISHED")
    run = client().get_run(first.mlflow_run_id)
    assert run.data.params == {"workers": "2", "seed": "0"}
    assert len(client().get_metric_history(first.mlflow_run_id, "loss")) == 2

    assert start(run_id="one").mlflow_run_id != first.mlflow_run_id


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (SystemExit, "KILLED"), (None, "FINISHED")]
)
def test_how_a_run_ends_shows_in_its_status(
    start: Any, client: Any, error: type[BaseException] | None, status: str
) -> None:
    try:
        with start(run_id="r") as tracker:
            if error:
                raise error
    except (ValueError, SystemExit):
        pass
    tracker.close("KILLED")
    assert client().get_run(tracker.mlflow_run_id).info.status == status


def test_nothing_is_tracked_on_request(tmp_path: Path) -> None:
    options = TrackingOptions(name="none")
    with open_tracker(options, runs_dir=tmp_path, run_id="r", run_name="r", tags={}) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
        tracker.log_artifact(tmp_path / "missing")
    assert tracker.page is None
    assert list(tmp_path.iterdir()) == []


class Store:
    """Stands for an MLflow client whose server comes and goes."""

    tracking_uri = "http://user:secret@127.0.0.1:5000"

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.down = False
        self.kept: list[int] = []
        self.status = "RUNNING"

    def log_batch(self, run_id: str, metrics: list[Any]) -> None:
        if self.down:
            self.clock[0] += 3.0
            raise OSError("http://user:secret@127.0.0.1:5000 is gone\nwith details")
        self.kept.append(metrics[0].step)

    def set_terminated(self, run_id: str, status: str) -> None:
        self.status = status


def test_trouble_is_one_warning_and_costs_a_tenth_of_the_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(tracking.time, "monotonic", lambda: clock[0])
    store = Store(clock)
    run = SimpleNamespace(info=SimpleNamespace(run_id="r", experiment_id="7"))
    tracker = Tracker(store, run)
    with caplog.at_level(logging.WARNING):
        for step in range(100):
            store.down = 10 <= step < 60
            tracker.log_metrics({"loss": 1.0}, step)
            clock[0] += 1.0
        tracker.close("FINISHED")
    # Two tries of 3 s fail, each followed by 30 s of silence, which end at steps 41 and 72.
    assert store.kept == [*range(10), *range(70, 100)]
    assert clock[0] == 106.0
    assert store.status == "FINISHED"
    first, last = caplog.messages
    assert first == "tracking failed, the run continues: http://127.0.0.1:5000 is gone"
    assert last == "tracking lost 60 calls; the run's record misses none"
    assert tracker.page == "http://127.0.0.1:5000/#/experiments/7/runs/r"


def test_settings_are_flattened() -> None:
    nested = {"a": {"b": {"c": 1}, "d": (1, 2)}, "e": None, "f": {}}
    assert flatten(nested) == {"a.b.c": "1", "a.d": "(1, 2)", "e": "None"}


def test_a_deleted_experiment_says_how_to_restore_it(start: Any, client: Any) -> None:
    tracker = start(run_id="r")
    tracker.close("FINISHED")
    client().delete_experiment(client().get_run(tracker.mlflow_run_id).info.experiment_id)
    with pytest.raises(TrackingError, match="has been deleted; restore it with 'mlflow"):
        start(run_id="r")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real MLflow server on a loopback port."""
    uri = f"http://127.0.0.1:{(port := free_port())}"
    store = ("--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--serve-artifacts")
    files = ("--artifacts-destination", str(tmp_path / "served"))
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *store, *files, *where],
        cwd=tmp_path,
        env={**os.environ, **quiet},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # The server starts workers, which outlive it unless they end as one group.
        start_new_session=True,
    )
    try:
        for _ in range(200):
            try:
                mlflow_store.check_server(uri)
                break
            except TrackingError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.5)
        yield uri, process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


@pytest.mark.services
def test_a_real_server_keeps_a_run_and_its_death_stops_nothing(
    server: tuple[str, subprocess.Popen[bytes]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    uri, process = server
    runs = tmp_path / "runs"
    (tmp_path / "record.json").write_text('{"schema": 1}')
    options = TrackingOptions("server", f"{uri}/", experiment="nightly")
    start = partial(open_tracker, options, runs_dir=runs, run_name="n", tags={"task": "demo"})
    with start(run_id="abc") as tracker:
        tracker.log_params({"seed": 1})
        tracker.log_metrics({"loss": 0.5}, step=3)
        tracker.log_artifact(tmp_path / "record.json")
    client = MlflowClient(uri)
    run = client.get_run(tracker.mlflow_run_id)
    assert (run.info.status, run.data.params) == ("FINISHED", {"seed": "1"})
    assert (run.data.metrics, run.data.tags["task"]) == ({"loss": 0.5}, "demo")
    assert [file.path for file in client.list_artifacts(tracker.mlflow_run_id)] == ["record.json"]
    assert tracker.page.startswith(f"{uri}/#/experiments/")
    assert not runs.exists()

    with caplog.at_level(logging.WARNING), start(run_id="def") as tracker:
        end(process)
        for step in range(5):
            tracker.log_metrics({"loss": 0.5}, step)
    ours = [r.getMessage() for r in caplog.records if r.name == "rnaernie_bench.tracking.tracker"]
    assert len(ours) == len(caplog.records) == 2
    assert ours[0].startswith("tracking failed, the run continues: ")
    assert capsys.readouterr() == ("", "")
