"""Opening what MLflow keeps runs in, a server or a database, so that errors show at once."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import TrackingError
from rnaernie_bench.core.paths import sqlite_address
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.core.servers import why_unreachable

RUN_ID_TAG = "rnaernie_bench.run_id"
"""The tag by which a resumed run finds its MLflow run again."""

HEALTH_LIMIT_S = 4.0
"""A server must answer `/health` in this time: name look-up, connection and reply together."""

LOCK_LIMIT_S = 120.0
"""How long to wait for another process that is opening the same local store."""

_DEFAULTS = {
    # Read when MLflow is imported.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # Read when a run ends; the command line says itself where the run is shown.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Read at every call. MLflow's own 7 retries of 120 s would stop training for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}


def set_defaults() -> None:
    """Set MLflow's environment variables as this project wants them, where the user has not.

    Must run before MLflow is imported: its telemetry starts with the import.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def check_server(uri: str) -> None:
    """Make sure that an MLflow server answers, without importing MLflow.

    Raises:
        TrackingError: naming `uri`, after `HEALTH_LIMIT_S` at the latest, even where the name
            look-up or the server hangs.
    """
    import threading

    import requests

    # MLflow's own settings for servers behind TLS.
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    trusted = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
    address = f"{uri.rstrip('/')}/health"
    answer: list[int | Exception] = []

    def query() -> None:
        try:
            response = requests.get(
                address, timeout=HEALTH_LIMIT_S, verify=False if insecure else trusted
            )
            answer.append(response.status_code)
        except Exception as error:
            answer.append(error)

    # requests limits each wait for bytes, not their sum, and no name look-up: hence the thread.
    thread = threading.Thread(target=query, name="tracking-health", daemon=True)
    thread.start()
    thread.join(HEALTH_LIMIT_S)
    # 401 and 403 come from a guarded server, to which MLflow will show the user's credentials.
    match answer:
        case [200 | 401 | 403]:
            return
        case [int(code)]:
            reason = f"answers /health with status {code}, as no MLflow server does"
        case [Exception() as error] if not isinstance(error, requests.Timeout):
            reason = f"cannot be reached ({_root_cause(error)})"
        case _:
            reason = f"does not answer within {HEALTH_LIMIT_S:g} s"
    raise _unusable(f"the tracking server {reason}", uri, "start it, correct tracking.uri")


def check_database_server(uri: str) -> None:
    """Make sure that the server of a database answers: MLflow would try for a minute and a half.

    Raises:
        TrackingError: naming `uri`, after seconds.
    """
    reason = why_unreachable(uri)
    if reason:
        problem = f"the tracking database cannot be reached ({reason})"
        raise _unusable(problem, uri, "start it, correct tracking.uri")


@contextmanager
def local_database(database: Path) -> Iterator[str]:
    """Give the address of an SQLite store, made if missing, to one process at a time.

    MLflow's own creation is neither safe against a second process nor against being killed half
    way: the schema is built in a file of another name, which is then renamed.

    Args:
        database: absolute path of the file.

    Raises:
        TrackingError: if the folder or the database cannot be written, or is no database.
    """
    from filelock import FileLock, Timeout

    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock = database.with_name(f".{database.name}.lock")
        with FileLock(lock, timeout=LOCK_LIMIT_S):
            if not database.exists():
                _create(database)
            check_database(database)
            yield (address := sqlite_address(database))
            _remove_folder_of(address, database)
    except Timeout as error:
        problem = f"another process has been opening the store for {LOCK_LIMIT_S:g} s"
        raise _unusable(problem, error.lock_file, "end it and delete this file") from error
    except OSError as error:
        problem = f"the tracking store cannot be written ({error.strerror})"
        raise _unusable(problem, database, "choose a folder that can be written") from error


def start_run(
    uri: str,
    *,
    artifacts: str | None,
    experiment: str,
    run_id: str,
    run_name: str,
    tags: Mapping[str, str],
    create: bool = True,
) -> tuple[Any, Any]:
    """Continue the unfinished MLflow run tagged `run_id`, or start one.

    A finished run is never continued: the same `run_id` gets a new MLflow run.

    Args:
        uri: the server or database.
        artifacts: where a new experiment keeps files; None leaves it to the server.
        experiment: its name; made if missing.
        run_id: this project's id of the run.
        run_name: what MLflow shows.
        tags: words to filter by.
        create: whether one is started where none is unfinished.

    Returns:
        The `mlflow.MlflowClient` and the `mlflow.entities.Run`; None and None without a run.

    Raises:
        TrackingError: if MLflow refuses the store, regardless of its reason.
    """
    with _refusals(uri):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment_id = _experiment_id(client, experiment, artifacts)
        unfinished = client.search_runs(
            [experiment_id],
            f"tags.`{RUN_ID_TAG}` = '{run_id}' and attributes.status != 'FINISHED'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        if not unfinished and not create:
            return None, None
        if not unfinished:
            return client, client.create_run(
                experiment_id, tags={**tags, RUN_ID_TAG: run_id}, run_name=run_name
            )
        (run,) = unfinished
        client.update_run(run.info.run_id, status="RUNNING", name=run_name)
        for name, value in tags.items():
            client.set_tag(run.info.run_id, name, value)
        return client, run


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    """Turn whatever MLflow raises into an error of one line that names the store."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:
        problem = f"MLflow cannot use this store ({first_line(error)})"
        raise _unusable(problem, place, "correct tracking.uri") from error


def _unusable(problem: str, place: str | Path, remedy: str) -> TrackingError:
    where = without_secrets(str(place))
    return TrackingError(problem, where=where, remedy=f"{remedy}, or use tracking=none")


def settings_to_record(config: Any) -> dict[str, Any]:
    """Return settings as they may be written down: without a password.

    Args:
        config: a dataclass of settings, with the `TrackingOptions` as ``tracking``.
    """
    values: dict[str, Any] = as_dict(config)
    if config.tracking.uri:
        values["tracking"]["uri"] = without_secrets(config.tracking.uri)
    return values


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without passwords, or else its type."""
    lines = str(error).strip().splitlines()
    return without_secrets(lines[0]) if lines else type(error).__name__


def _experiment_id(client: Any, name: str, artifacts: str | None) -> str:
    """Return the id of the experiment, made if missing, even if another process makes it too."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(name)
    if experiment.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the experiment '{name}' has been deleted",
            where="tracking.experiment",
            remedy="restore it with 'mlflow experiments restore', or give another name",
        )
    return str(experiment.experiment_id)


def _create(database: Path) -> None:
    partial = database.with_name(f".{database.name}.partial")
    partial.unlink(missing_ok=True)
    with _refusals(str(database)):
        from mlflow import MlflowClient
        from mlflow.store.db import utils

        # An own file cannot come alive by waiting: neither retries, nor a warning for each.
        utils.MAX_RETRY_COUNT = 1
        logging.getLogger(utils.__name__).setLevel(logging.ERROR)
        MlflowClient(tracking_uri=(address := sqlite_address(partial)))
    _remove_folder_of(address, partial)
    partial.replace(database)


def _remove_folder_of(address: str, database: Path) -> None:
    """Remove the empty folder that MLflow makes of an address as it is written, with %25 for %."""
    made = Path(address.removeprefix("sqlite:///")).parent
    if made != database.parent:
        with suppress(OSError):  # the first parent with content ends it
            os.removedirs(made)


def check_database(database: Path) -> None:
    """Fail at once where MLflow would retry for a minute and a half.

    Raises:
        TrackingError: if the existing file cannot be written, or is no SQLite database.
    """
    import sqlite3

    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        problem = f"the tracking store cannot be used ({error})"
        raise _unusable(problem, database, "move it away, choose another place") from error


def _root_cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return (isinstance(error, OSError) and error.strerror) or first_line(error)
