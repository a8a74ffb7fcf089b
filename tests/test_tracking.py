from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnaernie_bench import mlflow_store, tracking
from rnaernie_bench.errors import TrackingError
from rnaernie_bench.plots import confusion_matrix_figure
from rnaernie_bench.tracking import MlflowTracker, TrackingOptions, flatten, open_tracker

LIMIT_S = 6.0
"""The contract says 5 s; the rest is for a busy machine."""


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


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


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
        tracker.log_metrics({"test/full/accuracy": 0.75})
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
    assert tracker.ui_command == (
        f"mlflow ui --backend-store-uri 'sqlite:///{runs_dir / 'mlflow.db'}'"
    )
    assert tracker.run_url is None
    assert list(working.iterdir()) == []
    assert {path.name for path in runs_dir.iterdir()} <= {
        "mlflow.db",
        "mlflow-artifacts",
        ".mlflow.db.lock",
    }


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
    assert tracker.ui_command is None
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
    tracker = MlflowTracker(store, run)
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
    assert first == "tracking failed, the run goes on: http://127.0.0.1:5000 is gone"
    assert last == "tracking lost 60 calls; the run's record misses none"
    assert tracker.run_url == "http://127.0.0.1:5000/#/experiments/7/runs/r"


def test_settings_are_flattened() -> None:
    nested = {"a": {"b": {"c": 1}, "d": (1, 2)}, "e": None, "f": {}}
    assert flatten(nested) == {"a.b.c": "1", "a.d": "(1, 2)", "e": "None"}


def refused(options: TrackingOptions, runs_dir: Path) -> str:
    """Return the message of an opening that must fail within the limit."""
    begun = time.monotonic()
    with pytest.raises(TrackingError) as caught:
        open_tracker(options, runs_dir=runs_dir, run_id="r", run_name="r", tags={})
    assert time.monotonic() - begun < LIMIT_S
    assert not any(runs_dir.iterdir())
    return str(caught.value)


def test_no_server(tmp_path: Path) -> None:
    uri = f"http://me:secret@127.0.0.1:{free_port()}"
    message = refused(TrackingOptions("server", uri), tmp_path)
    assert message == (
        f"{uri.replace('me:secret@', '')}: the tracking server cannot be reached (Connection "
        "refused); start it, correct tracking.uri, or use tracking=none"
    )


def test_a_server_name_that_does_not_exist(tmp_path: Path) -> None:
    message = refused(TrackingOptions("server", "http://mlflow.invalid:5000"), tmp_path)
    assert message.startswith("http://mlflow.invalid:5000: the tracking server ")


def test_a_name_look_up_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(mlflow_store, "HEALTH_LIMIT_S", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30))
    message = refused(TrackingOptions("server", "http://mlflow.example"), tmp_path)
    released.set()
    assert "does not answer within 0.2 s" in message


def test_a_server_that_accepts_and_never_answers(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        message = refused(TrackingOptions("server", uri), tmp_path)
    assert message.startswith(f"{uri}: the tracking server does not answer within 4 s")


def test_a_server_of_another_kind(tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}/"
        assert "answers /health with status 404" in refused(
            TrackingOptions("server", uri), tmp_path
        )


@pytest.mark.parametrize("uri", [None, "localhost:5000", "sqlite:///mlflow.db"])
def test_a_server_needs_an_address(uri: str | None, tmp_path: Path) -> None:
    message = refused(TrackingOptions("server", uri), tmp_path)
    assert message.startswith(f"tracking.uri: '{uri or ''}' is no server address")


def test_a_damaged_database_is_an_error_at_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "mlflow.db").write_text("this is no database, and longer than any header of one" * 9)
    with pytest.raises(TrackingError, match=r"mlflow\.db: .*file is not a database"):
        open_tracker(TrackingOptions(), runs_dir=runs, run_id="r", run_name="r", tags={})


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = TrackingOptions()
    with pytest.raises(TrackingError, match="the tracking store cannot be written"):
        open_tracker(options, runs_dir=tmp_path / "file", run_id="r", run_name="r", tags={})


def test_a_deleted_experiment_says_how_to_restore_it(start: Any, client: Any) -> None:
    tracker = start(run_id="r")
    tracker.close("FINISHED")
    client().delete_experiment(client().get_run(tracker.mlflow_run_id).info.experiment_id)
    with pytest.raises(TrackingError, match="has been deleted; restore it with 'mlflow"):
        start(run_id="r")


def test_an_experiment_that_another_process_makes_meanwhile_is_used() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, RESOURCE_ALREADY_EXISTS

    class Racing:
        refusal = RESOURCE_ALREADY_EXISTS
        found: Any = None

        def get_experiment_by_name(self, name: str) -> Any:
            return self.found

        def create_experiment(self, name: str, artifact_location: str | None) -> str:
            self.found = SimpleNamespace(experiment_id="42", lifecycle_stage="active")
            raise MlflowException("no", self.refusal)

    client = Racing()
    assert mlflow_store._experiment_id(client, "nightly", None) == "42"
    client.refusal, client.found = INTERNAL_ERROR, None
    with pytest.raises(MlflowException):
        mlflow_store._experiment_id(client, "nightly", None)


def test_what_the_user_has_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    mlflow_store.set_defaults()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"


OPEN_ONCE = """
import sys
from pathlib import Path
from rnaernie_bench.tracking import TrackingOptions, open_tracker
runs = Path(sys.argv[1])
with open_tracker(TrackingOptions(), runs_dir=runs, run_id=sys.argv[2], run_name="n", tags={}):
    import mlflow.telemetry
    assert mlflow.telemetry.get_telemetry_client() is None, "telemetry is on"
"""


@pytest.mark.services
def test_processes_share_a_fresh_store_quietly_and_without_telemetry(tmp_path: Path) -> None:
    # Neither pytest's nor a CI's variables may switch telemetry off in our place.
    hints = ("PYTEST_", "MLFLOW_", "CI", "GITHUB_", "BUILD", "JENKINS_", "RUNBOT_")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(hints)}
    plain["PYTHONPATH"] = str(Path(tracking.__file__).parents[1])
    working = tmp_path / "working"
    working.mkdir()
    runs = tmp_path / "runs"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_ONCE, str(runs), f"run{i}"],
            cwd=working,
            env=plain,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(2)
    ]
    assert [(p.communicate()[0], p.returncode) for p in started] == [("", 0)] * 2
    assert list(working.iterdir()) == []

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("rnaernie-bench")
    found = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {run.data.tags["rnaernie_bench.run_id"] for run in found} == {"run0", "run1"}


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
    assert tracker.run_url.startswith(f"{uri}/#/experiments/")
    assert not runs.exists()

    with caplog.at_level(logging.WARNING), start(run_id="def") as tracker:
        end(process)
        for step in range(5):
            tracker.log_metrics({"loss": 0.5}, step)
    ours = [r.getMessage() for r in caplog.records if r.name == "rnaernie_bench.tracking"]
    assert len(ours) == len(caplog.records) == 2
    assert ours[0].startswith("tracking failed, the run goes on: ")
    assert capsys.readouterr() == ("", "")
