"""Experiment tracking with MLflow: parameters, curves, metrics, pictures and files of a run.

The result record is what counts; tracking is a view of it. So a tracker that cannot be opened is
an error before training, while trouble later is one warning and training continues. A call that
fails is followed by a silence of ten times what it took, which bounds what a dying server can
cost to a tenth of the run.

All calls go through a client of their own: MLflow's active run and global address stay untouched,
and nothing is written to the working folder.
"""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from rnaernie_bench.core.errors import ConfigError, TrackingError
from rnaernie_bench.tracking.store import (
    check_server,
    first_line,
    local_database,
    set_defaults,
    start_run,
    without_password,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]

SILENCE_FACTOR = 10.0
"""After a failed call, tracking is silent for this many times the call's duration."""

SQLITE = "sqlite:///"
"""What the address of an SQLite database starts with."""

WEB = ("http://", "https://")
"""What the address of a server starts with."""

BATCH = 100
"""Entries a request; MLflow refuses more parameters than that."""

VALUE_LENGTH = 6000
"""The longest parameter MLflow takes; tags may be somewhat longer."""


@dataclass(frozen=True)
class TrackingOptions:
    """Where a run is tracked."""

    name: Literal["mlflow", "server", "none"] = "mlflow"
    """A database, an MLflow server, or nowhere."""
    uri: str | None = None
    """`http://HOST:PORT` of the server; for `mlflow` a database, if not the one in `runs_dir`."""
    experiment: str = "rnaernie-bench"

    def __post_init__(self) -> None:
        if self.name == "server" and not self.uri:
            raise ConfigError(
                "a server needs an address",
                where="tracking.uri",
                remedy="add tracking.uri=http://HOST:PORT, or use tracking=mlflow or none",
            )


@dataclass(frozen=True)
class Child:
    """A part of a run that has come to its end, such as a trial of a search."""

    name: str
    """What MLflow shows; unique within its parent."""
    status: Status
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    curves: Mapping[str, Mapping[int, float]]
    """By name, values by step."""
    tags: Mapping[str, str]
    start_ms: int
    end_ms: int
    """Milliseconds since 1970."""


class Tracker(Protocol):
    """What a run reports to while it runs.

    As a context manager it closes itself: FINISHED at the end, FAILED after an error, KILLED
    after Ctrl-C or an exit.
    """

    ui_command: str | None
    """The shell command that shows the run, if it is kept in a database."""
    run_url: str | None
    """The page that shows the run, if it is kept by a server."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Store settings; nested mappings become dotted names, long values are cut."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Store figures, at a training step if they belong to one."""

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Store a file or a folder, under `folder`."""

    def log_figure(self, figure: Figure, name: str) -> None:
        """Store a picture as the file `name`, which may hold folders and ends in .png or .svg."""

    def log_child(self, child: Child) -> None:
        """Store a part as a run below this one, unless it has one of that name."""

    def close(self, status: Status) -> None:
        """End the run; a second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def check_reachable(options: TrackingOptions) -> None:
    """Ask the tracking server, if there is one, whether it is there; takes 5 s at most.

    Worth a call before anything heavy is imported: a run should not fail after a minute for a
    misspelt address.

    Raises:
        TrackingError: if it does not answer, or has no address.
    """
    uri = options.uri or ""
    if options.name != "none" and uri.startswith(WEB):
        check_server(uri)
    elif options.name == "server":
        raise TrackingError(
            f"'{without_password(uri)}' is no server address",
            where="tracking.uri",
            remedy="give tracking.uri=http://HOST:PORT, or use tracking=none",
        )


def open_tracker(
    options: TrackingOptions,
    *,
    runs_dir: Path,
    run_id: str,
    run_name: str,
    tags: Mapping[str, str],
) -> Tracker:
    """Start tracking a run, or continue an unfinished one of the same `run_id`.

    By default runs are kept in the SQLite database `runs_dir/mlflow.db`, their files in
    `runs_dir/mlflow-artifacts`. Several processes may open trackers at once. MLflow's telemetry
    is off unless `MLFLOW_DISABLE_TELEMETRY` says otherwise.

    Args:
        options: where to track.
        runs_dir: the folder of local runs; made if missing.
        run_id: this project's id of the run.
        run_name: what MLflow shows.
        tags: words to filter by.

    Raises:
        TrackingError: if the server does not answer within 5 s or the store cannot be used.
    """
    if options.name == "none":
        return NullTracker()
    check_reachable(options)
    set_defaults()
    start = partial(
        start_run,
        experiment=options.experiment,
        run_id=run_id,
        run_name=run_name,
        tags={name: _cut(value) for name, value in tags.items()},
    )
    uri = options.uri or f"{SQLITE}{runs_dir.resolve() / 'mlflow.db'}"
    if uri.startswith(WEB):
        # Its retries would be a second voice beside our one warning.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        return MlflowTracker(*start(uri.rstrip("/"), artifacts=None))
    artifacts = (runs_dir.resolve() / "mlflow-artifacts").as_uri()
    if not uri.startswith(SQLITE):
        return MlflowTracker(*start(uri, artifacts=artifacts))
    with local_database(Path(uri.removeprefix(SQLITE)).resolve()) as uri:
        return MlflowTracker(*start(uri, artifacts=artifacts))


class NullTracker:
    """Tracks nothing."""

    ui_command: str | None = None
    run_url: str | None = None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Do nothing."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Do nothing."""

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Do nothing."""

    def log_figure(self, figure: Figure, name: str) -> None:
        """Do nothing."""

    def log_child(self, child: Child) -> None:
        """Do nothing."""

    def close(self, status: Status) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


class MlflowTracker:
    """One MLflow run.

    Args:
        client: an `mlflow.MlflowClient`.
        run: the `mlflow.entities.Run` to report to.
    """

    def __init__(self, client: Any, run: Any) -> None:
        self.mlflow_run_id: str = run.info.run_id
        self.ui_command: str | None = None
        self.run_url: str | None = None
        uri = without_password(client.tracking_uri)
        if uri.startswith("http"):
            self.run_url = f"{uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        else:
            self.ui_command = f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
        self._client = client
        self._children: set[str] = set()
        self._lost = 0
        self._silent_until = 0.0
        self._open = True

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Store settings; those the run already has keep their first value.

        MLflow's parameters cannot change, and a resumed run may differ in workers or paths.
        """
        from mlflow.entities import Param

        def send() -> None:
            known = self._client.get_run(self.mlflow_run_id).data.params
            flat = flatten(params)
            self._log_batches("params", [Param(k, v) for k, v in flat.items() if k not in known])

        self._attempt(send)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Store figures, at a training step if they belong to one."""
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        entries = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        self._attempt(lambda: self._log_batches("metrics", entries))

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Store a file or a folder, under `folder`."""
        self._attempt(lambda: self._client.log_artifact(self.mlflow_run_id, str(path), folder))

    def log_figure(self, figure: Figure, name: str) -> None:
        """Store a picture as the file `name`, which may hold folders and ends in .png or .svg."""
        self._attempt(lambda: self._client.log_figure(self.mlflow_run_id, figure, name))

    def log_child(self, child: Child) -> None:
        """Store a part as a run below this one, unless it has one of that name."""
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        def send() -> None:
            parent = self._client.get_run(self.mlflow_run_id).info
            if not self._children:
                found = self._client.search_runs(
                    [parent.experiment_id],
                    f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.mlflow_run_id}'",
                    max_results=1000,
                )
                self._children |= {run.info.run_name for run in found}
            if child.name in self._children:
                return
            run_id = self._client.create_run(
                parent.experiment_id,
                start_time=child.start_ms,
                run_name=child.name,
                tags={MLFLOW_PARENT_RUN_ID: self.mlflow_run_id},
            ).info.run_id
            points = {**{k: {0: v} for k, v in child.metrics.items()}, **child.curves}
            self._client.log_batch(
                run_id,
                metrics=[
                    Metric(name, float(value), child.end_ms, step)
                    for name, values in points.items()
                    for step, value in values.items()
                ][-1000:],
                params=[Param(k, v) for k, v in flatten(child.params).items()][:BATCH],
                tags=[RunTag(k, _cut(v)) for k, v in child.tags.items()],
            )
            self._client.set_terminated(run_id, child.status, child.end_ms)
            self._children.add(child.name)

        self._attempt(send)

    def close(self, status: Status) -> None:
        """End the run, and say how many calls were lost; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._silent_until = 0.0
        self._attempt(lambda: self._client.set_terminated(self.mlflow_run_id, status))
        if self._lost:
            log.warning("tracking lost %d calls; the run's record misses none", self._lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close("FINISHED")
        else:
            self.close("FAILED" if issubclass(kind, Exception) else "KILLED")

    def _log_batches(self, kind: str, entries: Sequence[Any]) -> None:
        for start in range(0, len(entries), BATCH):
            self._client.log_batch(self.mlflow_run_id, **{kind: entries[start : start + BATCH]})

    def _attempt(self, action: Callable[[], object]) -> None:
        """Do `action`; if it fails, warn the first time and fall silent for a while."""
        begun = time.monotonic()
        if begun < self._silent_until:
            self._lost += 1
            return
        try:
            action()
        except Exception as error:
            if not self._lost:
                log.warning("tracking failed, the run continues: %s", first_line(error))
            self._lost += 1
            ended = time.monotonic()
            self._silent_until = ended + SILENCE_FACTOR * (ended - begun)


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings as dotted names and texts no longer than MLflow takes."""
    flat: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = _cut(value)
    return flat


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[: VALUE_LENGTH - 1]}…"
