"""Experiment tracking with MLflow: parameters, curves, metrics, pictures and files of a run.

The result record is what counts; tracking is a view of it. So a tracker that cannot be opened is
an error before training, while trouble later is one warning and training continues. After a call
that fails, calls are dropped for ten times as long as it took, which bounds what a dying server
can cost to a tenth of the run.

All calls go through a client of their own: MLflow's active run and global address stay untouched,
and nothing is written to the working folder.
"""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.paths import sqlite_address, sqlite_file
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.metrics.measuring import WORST
from rnaernie_bench.tracking.store import (
    check_database_server,
    check_server,
    first_line,
    local_database,
    set_defaults,
    start_run,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]

SILENCE_FACTOR = 10.0
"""After a failed call, calls are dropped for this many times its duration."""

SQLITE = "sqlite:///"
"""What the address of an SQLite database starts with."""

WEB = ("http://", "https://")
"""What the address of a server starts with."""

VALUE_LENGTH = 6000
"""The longest parameter MLflow takes; longer ones it would cut with a warning for each."""


@dataclass(frozen=True)
class TrackingOptions:
    """Where a run is tracked."""

    name: Literal["mlflow", "server", "none"] = "mlflow"
    """A database, an MLflow server, or nowhere."""
    uri: str | None = None
    """`http://HOST:PORT` of the server; for `mlflow` a database, if not the one in `runs_dir`."""
    experiment: str = "rnaernie-bench"

    def __post_init__(self) -> None:
        if self.name == "server" and not (self.uri or "").startswith(WEB):
            given = f", not '{without_secrets(self.uri)}'" if self.uri else ""
            raise ConfigError(
                f"a server needs an address{given}",
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


def check_reachable(options: TrackingOptions) -> None:
    """Check that the server or database that tracks, if one does, answers; takes 5 s at most.

    Worth a call before anything heavy is imported: a run should not fail after a minute for a
    misspelt address.

    Raises:
        TrackingError: if it does not answer.
    """
    if options.name == "none" or not options.uri:
        return
    if options.uri.startswith(WEB):
        check_server(options.uri)
    elif not options.uri.startswith(SQLITE):
        check_database_server(options.uri)


def open_tracker(
    options: TrackingOptions,
    *,
    runs_dir: Path,
    run_id: str,
    run_name: str,
    tags: Mapping[str, str],
    create: bool = True,
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
        create: whether one is started where none is unfinished; else nothing is tracked.

    Raises:
        TrackingError: if the server does not answer within 5 s or the store cannot be used.
    """
    if options.name == "none":
        return Tracker()
    check_reachable(options)
    set_defaults()
    start = partial(
        start_run,
        experiment=options.experiment,
        run_id=run_id,
        run_name=run_name,
        tags={name: _cut(value) for name, value in tags.items()},
        create=create,
    )
    uri = options.uri or sqlite_address(runs_dir.resolve() / "mlflow.db")
    if uri.startswith(WEB):
        # The warnings of its retries would stand beside our one.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        return Tracker(*start(uri.rstrip("/"), artifacts=None))
    artifacts = (runs_dir.resolve() / "mlflow-artifacts").as_uri()
    if not uri.startswith(SQLITE):
        return Tracker(*start(uri, artifacts=artifacts))
    with local_database(sqlite_file(uri).resolve()) as uri:
        return Tracker(*start(uri, artifacts=artifacts))


class Tracker:
    """What a run reports to while it runs: an MLflow run, or without a client nothing.

    As a context manager it closes itself: FINISHED at the end, FAILED after an error, KILLED
    after Ctrl-C or an exit.

    Args:
        client: an `mlflow.MlflowClient`; None tracks nothing.
        run: the `mlflow.entities.Run` to report to.
    """

    def __init__(self, client: Any = None, run: Any = None) -> None:
        self.mlflow_run_id: str = run.info.run_id if run else ""
        self.page: str | None = None
        """What shows the run: the address of its page, or the shell command for a database."""
        uri = without_secrets(client.tracking_uri) if client else ""
        if uri.startswith(WEB):
            self.page = f"{uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        elif uri:
            self.page = f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
        self._client = client
        self._lost = 0
        self._silent_until = 0.0

    @property
    def tracks(self) -> bool:
        """Whether anything is kept of what is reported."""
        return self._client is not None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Store settings; nested mappings become dotted names, long values are cut.

        Settings that the run already has keep their first value: MLflow's parameters cannot
        change, and a resumed run may differ in workers or paths.
        """

        def send(client: Any) -> None:
            known = client.get_run(self.mlflow_run_id).data.params
            new = {k: v for k, v in flatten(params).items() if k not in known}
            client.log_batch(self.mlflow_run_id, params=_params(new))

        self._attempt(send)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Store figures, at a training step if they belong to one; none that are undefined."""
        points = {name: {step or 0: v} for name, v in metrics.items() if abs(v) < WORST}
        now = time.time_ns() // 1_000_000
        self._attempt(
            lambda client: client.log_batch(self.mlflow_run_id, metrics=_metrics(points, now))
        )

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Store a file or a folder, under `folder`."""
        self._attempt(lambda client: client.log_artifact(self.mlflow_run_id, str(path), folder))

    def log_figure(self, figure: Figure, name: str) -> None:
        """Store a picture as the file `name`, which may hold folders and ends in .png or .svg."""
        self._attempt(lambda client: client.log_figure(self.mlflow_run_id, figure, name))

    def log_child(self, child: Child) -> None:
        """Store a part as a run below this one, unless it has one of that name.

        Of several processes that might store the same, one at a time may call this.
        """

        def send(client: Any) -> None:
            from mlflow.entities import RunTag
            from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

            experiment = client.get_run(self.mlflow_run_id).info.experiment_id
            own = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.mlflow_run_id}'"
            named = f"attributes.run_name = '{child.name}'"
            known = client.search_runs([experiment], f"{own} and {named}", max_results=1)
            if known and known[0].info.status != "RUNNING":
                return
            tags = {MLFLOW_PARENT_RUN_ID: self.mlflow_run_id}
            # A process that was killed in here left one running.
            begun = known or [client.create_run(experiment, child.start_ms, tags, child.name)]
            run_id = begun[0].info.run_id
            points = {**{name: {0: v} for name, v in child.metrics.items()}, **child.curves}
            client.log_batch(
                run_id,
                metrics=_metrics(points, child.end_ms),
                params=_params(flatten(child.params)),
                tags=[RunTag(name, _cut(value)) for name, value in child.tags.items()],
            )
            client.set_terminated(run_id, child.status, child.end_ms)

        self._attempt(send)

    def close(self, status: Status) -> None:
        """End the run, and say how many calls were lost; a second call does nothing."""
        self._silent_until = 0.0
        self._attempt(lambda client: client.set_terminated(self.mlflow_run_id, status))
        if self._client and self._lost:
            log.warning("tracking lost %d calls; the run's record misses none", self._lost)
        self._client = None

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

    def _attempt(self, send: Callable[[Any], object]) -> None:
        """Call `send` with the client; after a failure, warn the first time and pause calls."""
        begun = time.monotonic()
        if self._client is None:
            return
        if begun < self._silent_until:
            self._lost += 1
            return
        try:
            send(self._client)
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


def _params(flat: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, value) for name, value in flat.items()]


def _metrics(points: Mapping[str, Mapping[int, float]], time_ms: int) -> list[Any]:
    """Return the points of curves, by name and step, as MLflow's entities."""
    from mlflow.entities import Metric

    return [
        Metric(name, float(value), time_ms, step)
        for name, values in points.items()
        for step, value in values.items()
    ]
