"""The one place that knows where tasks, configurations and results lie.

In a wheel they are folders inside the package; in a checkout (and so in an editable install) they
stand beside it. Nothing else in the project computes such a path.
"""

from __future__ import annotations

import os
from pathlib import Path

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


def cache_folder() -> Path:
    """Return the cache: `$RNAERNIE_BENCH_CACHE`, else the platform's user cache."""
    chosen = os.environ.get("RNAERNIE_BENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("rnaernie-bench")


def data_folders() -> list[Path]:
    """Return the folders of `$RNAERNIE_BENCH_DATA`, searched first for data files, in order."""
    value = os.environ.get("RNAERNIE_BENCH_DATA", "")
    return [Path(part).expanduser() for part in value.split(os.pathsep) if part]
