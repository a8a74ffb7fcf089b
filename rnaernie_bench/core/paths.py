"""The one place that knows where tasks, configurations and results lie.

In a wheel they are folders inside the package; in a checkout (and so in an editable install) they
stand beside it. Nothing else in the project computes such a path.
"""

from __future__ import annotations

import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def tasks_folder() -> Path:
    """Return the folder of the built-in tasks, one sub-folder a task."""
    return _folder("tasks")


def configs_folder() -> Path:
    """Return the folder of the configuration groups."""
    return _folder("configs")


def results_folder() -> Path:
    """Return the folder of the records that were published with this version."""
    inside = _PACKAGE / "records"  # `results` is the name of a module there
    return inside if inside.is_dir() else _PACKAGE.parent / "results"


def embedded_weights(backbone: str) -> Path | None:
    """Return the folder of the weights of `backbone` that come with the package, if there are."""
    folder = _PACKAGE / "backbones" / "weights" / backbone
    return folder if folder.is_dir() else None


def ready_models_folder() -> Path:
    """Return the folder of the fitted models that come with the package, one sub-folder each."""
    return _PACKAGE / "prediction" / "models"


def cache_folder() -> Path:
    """Return the cache: `$RNAERNIE_BENCH_CACHE`, else the platform's user cache.

    Where the latter cannot be written, as in containers, it is a temporary folder, with a warning.
    """
    chosen = os.environ.get("RNAERNIE_BENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return _writable(user_cache_path("rnaernie-bench"))


@cache
def _writable(folder: Path) -> Path:
    """Return a folder, or a temporary one where it cannot be made or written into."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return folder
    user = os.getuid() if hasattr(os, "getuid") else "user"
    other = Path(tempfile.gettempdir()) / f"rnaernie-bench-{user}"
    logging.getLogger(__name__).warning(
        "the cache %s cannot be written: %s takes its place; RNAERNIE_BENCH_CACHE names another",
        folder,
        other,
    )
    return other


def own_tasks_folder(runs_dir: Path) -> Path:
    """Return where the tasks of data without a task file are declared."""
    return runs_dir / "own_tasks"


def own_tasks(runs_dir: Path) -> list[Path]:
    """Return that folder of tasks, if there is any in it."""
    folder = own_tasks_folder(runs_dir)
    return [folder] if next(folder.glob("*/task.yaml"), None) else []


def sqlite_address(file: Path) -> str:
    """Return the address of a database for SQLAlchemy, which takes ``%``, ``?`` and ``#`` apart."""
    return (
        f"sqlite:///{quote(file.as_posix(), safe='/: ')}"
        if set(str(file)) & set("%?#")
        else (f"sqlite:///{file.as_posix()}")
    )


def sqlite_file(address: str) -> Path:
    """Return the file that the address of a database names."""
    return Path(unquote(address.removeprefix("sqlite:///")))


def data_folders() -> list[Path]:
    """Return the folders of `$RNAERNIE_BENCH_DATA`, searched first for data files, in order."""
    value = os.environ.get("RNAERNIE_BENCH_DATA", "")
    return [Path(part).expanduser() for part in value.split(os.pathsep) if part]
