"""Where studies are kept: an SQLite file, or a PostgreSQL database that many machines share."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import as_bench_error
from rnaernie_bench.core.paths import sqlite_file
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.core.servers import why_unreachable
from rnaernie_bench.tracking.store import first_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage

SIGNATURE = "rnaernie_bench"
"""The attribute of a study that says what was searched, and from which settings."""

_POSTGRES = "postgresql+psycopg://"
_LOCK = 0x726E6165
"""The number of our advisory lock in a PostgreSQL database."""
_WAIT_S = 60
"""How long a process waits for another one that writes to the same file."""
_CONNECT_S = 4


class StudyStore:
    """A database of studies.

    Args:
        address: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.
        heartbeat: seconds between the signs of life of a trial.

    Raises:
        ConfigError: if the database cannot be reached or the address is another kind's.
    """

    def __init__(self, address: str, heartbeat: int) -> None:
        import sqlalchemy

        self.shown = without_secrets(address)
        scheme, _, rest = address.partition("://")
        local = scheme == "sqlite"
        if not local and scheme.partition("+")[0] not in ("postgresql", "postgres"):
            raise ConfigError(
                f"'{scheme}' is no storage that sweeps are kept in",
                where="sweep.storage",
                remedy="give sqlite:///FILE or postgresql://USER@HOST/DATABASE",
            )
        if reason := None if local else why_unreachable(address):
            raise self._unusable(reason)
        self._file = sqlite_file(address) if local else None
        self._address = address if local else _POSTGRES + rest
        arguments = {"timeout": _WAIT_S} if local else {"connect_timeout": _CONNECT_S}
        try:
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sqlalchemy.create_engine(
                self._address, connect_args=arguments, poolclass=sqlalchemy.pool.NullPool
            )
            with self.exclusive():  # two processes must not make the same tables
                self.database = self._open(arguments, heartbeat)
        except ConfigError:
            raise
        except ImportError as error:
            raise ConfigError(
                "PostgreSQL needs the package psycopg",
                where="sweep.storage",
                remedy="pip install 'rnaernie-bench[postgres]'",
            ) from error
        except Exception as error:
            known = as_bench_error(error, self._file)
            raise known or self._unusable(first_line(error)) from error

    def _unusable(self, reason: str) -> ConfigError:
        return ConfigError(
            f"the storage cannot be used ({reason})",
            where=f"sweep.storage: {self.shown}",
            remedy="start it, correct sweep.storage, or leave it out",
        )

    def _open(self, arguments: Mapping[str, Any], heartbeat: int) -> RDBStorage:
        from optuna.exceptions import ExperimentalWarning
        from optuna.storages import RDBStorage

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                self._address,
                engine_kwargs={"connect_args": dict(arguments), "pool_pre_ping": True},
                heartbeat_interval=heartbeat,
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let one process at a time into the block, on whatever machine.

        An advisory lock of the database, or a lock beside the file; either is released when the
        process dies.
        """
        import sqlalchemy
        from filelock import FileLock

        if self._file is not None:
            with FileLock(self._file.with_name(f".{self._file.name}.lock")):
                yield
            return
        with self._engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({_LOCK})"))
            try:
                yield
            finally:
                connection.execute(sqlalchemy.text(f"SELECT pg_advisory_unlock({_LOCK})"))

    def study(self, name: str, directions: Sequence[str], signature: Mapping[str, Any]) -> Study:
        """Return the study of a name, made if missing, that searches as `signature` says.

        Raises:
            ConfigError: if it searches another space, or from other settings.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        wanted = json.loads(json.dumps(signature))
        with self.exclusive():
            study = optuna.create_study(
                storage=self.database,
                study_name=name,
                directions=list(directions),  # type: ignore[arg-type]
                load_if_exists=True,
            )
            known = study.user_attrs.get(SIGNATURE)
            if known is None and not study.get_trials(deepcopy=False):
                study.set_user_attr(SIGNATURE, wanted)
                known = wanted
        if known != wanted:
            raise ConfigError(
                f"the study '{name}' has {_difference(known or {}, wanted)}",
                where=f"sweep.study, {self.shown}",
                remedy="choose another sweep.study, or leave it out",
            )
        return study


def _difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Say what a study differs in from what is asked for."""
    if not known:
        return "not been made by a sweep"
    if known.get("space") != wanted["space"]:
        return "another search space"
    keys = [key for key in wanted if known.get(key) != wanted[key]]
    if keys == ["run"]:
        one, other = known["run"], wanted["run"]
        keys = [key for key in other if one.get(key) != other[key]] or keys
    return f"other settings ({', '.join(keys) or 'of an older version'})"
