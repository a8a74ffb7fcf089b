"""What other installed packages bring along: folders of tasks, settings of what they register.

Files of a package are found where it lies, without importing it: a package that fails to import is
in nobody's way.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from functools import cache, lru_cache
from importlib.metadata import EntryPoints, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rnaernie_bench.core.documents import read_yaml
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import Registry
from rnaernie_bench.core.schema import as_dict

TASKS = "rnaernie_bench.tasks"
"""The group of entry points that name tasks."""


def task_folders() -> dict[str, Path]:
    """Return the folders of the tasks that installed packages bring, by name.

    An entry point of the group `TASKS` has the name of a task, and the dotted name of the folder
    inside its package that holds `task.yaml`, such as ``hairpins = "my_package.hairpins"``. One
    that names no such folder, or a name that is taken, is warned of and left out.
    """
    found: dict[str, Path] = {}
    for entry in _entries(tuple(sys.path)):
        folder = package_folder(entry.value)
        if folder is None or not (folder / "task.yaml").is_file():
            _warn(f"the task '{entry.name}' is left out: {entry.value} has no task.yaml")
        elif folder.name != entry.name:
            _warn(f"the task '{entry.name}' is left out: its folder is called '{folder.name}'")
        elif found.setdefault(entry.name, folder) != folder:
            _warn(f"the task '{entry.name}' of {entry.value} is left out: the name is taken")
    return found


@lru_cache(maxsize=1)
def _entries(places: tuple[str, ...]) -> EntryPoints:
    """Return the entry points that name tasks, from what is installed in these places."""
    return entry_points(group=TASKS)


def package_folder(dotted: str) -> Path | None:
    """Return the folder that a dotted name stands for, or None; nothing of it is imported.

    Args:
        dotted: a top-level package, perhaps with folders inside it.
    """
    top, *inner = dotted.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # a module that was put together by hand has no spec
        return None
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (folder := Path(place, *inner)).is_dir():
            return folder.resolve()
    return None


def default_settings(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Return the settings of what is called `name` while nothing is set, as YAML holds them.

    They are the defaults of its options, then those of its entry, then those of the file
    `configs/KIND/NAME.yaml` in the package of a plug-in. A setting without a default is left out.

    Args:
        registry: of backbones, strategies or launchers.
        name: one of its names.

    Raises:
        ConfigError: if the plug-in or its file cannot be loaded.
    """
    entry = registry.get(name)
    defaults = {
        f.name: f.default if f.default_factory is MISSING else f.default_factory()
        for f in fields(entry.options)
    }
    known = {key: as_dict(value) for key, value in defaults.items() if value is not MISSING}
    own = getattr(entry, "defaults", {})
    values = {"name": name, **known, **own, **_settings_file(registry, name)}
    return values | {"name": name}


def _settings_file(registry: Registry[Any], name: str) -> Mapping[str, Any]:
    """Return what the file of a plug-in says, if it has one.

    Raises:
        ConfigError: if the file cannot be read.
    """
    entry = registry.plugin(name)
    package = package_folder(entry.module.partition(".")[0]) if entry else None
    path = package / "configs" / registry.kind / f"{name}.yaml" if package else None
    if path is None or not path.is_file():
        return {}
    try:
        values = read_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the settings cannot be read: {error}", where=path) from error
    if not isinstance(values, dict):
        raise ConfigError("settings are a mapping of keys", where=path)
    return values


def versions(chosen: Iterable[tuple[Registry[Any], str]]) -> dict[str, str]:
    """Return the packages of the plug-ins among `chosen`, with their versions."""
    entries = (registry.plugin(name) for registry, name in chosen)
    return {entry.dist.name: entry.dist.version for entry in entries if entry and entry.dist}


@cache
def _warn(message: str) -> None:
    """Warn once a process: tasks are looked for more than once in a run."""
    logging.getLogger(__name__).warning(message)
