"""Tasks: found in folders, declared in a `task.yaml`, never inferred from data."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnaernie_bench.core import paths, plugins
from rnaernie_bench.core.documents import read_yaml
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.task.checks import faults
from rnaernie_bench.task.declaration import Task as Task


def load_task(name: str, folders: Iterable[Path] = ()) -> Task:
    """Return the task called `name`.

    Args:
        name: the name of a task folder.
        folders: further folders of tasks, searched after the built-in ones.

    Raises:
        ConfigError: if there is no such task, or its declaration is wrong.
    """
    found = find_tasks(folders)
    if name not in found:
        raise ConfigError(
            f"no task is called '{name}'", where="task", remedy=did_you_mean(name, list(found))
        )
    return read_task(found[name] / "task.yaml")


def load_tasks(folders: Iterable[Path] = ()) -> dict[str, Task]:
    """Return all tasks by name, in alphabetical order; wrong ones are warned of and left out."""
    tasks: dict[str, Task] = {}
    for name, folder in find_tasks(folders).items():
        try:
            tasks[name] = read_task(folder / "task.yaml")
        except ConfigError as error:
            log = logging.getLogger(__name__)
            log.warning("the task '%s' is left out: %s", name, error)
    return tasks


def find_tasks(folders: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the folder of each task by name: those that hold a `task.yaml`.

    Built-in ones, those of `folders`, then those of installed packages: of two with one name, that
    of a package is left out.

    Raises:
        ConfigError: if one of `folders` holds no task, or a name stands for two tasks.
    """
    found: dict[str, Path] = {}
    for root in (paths.tasks_folder(), *folders):
        declarations = sorted(root.resolve().glob("*/task.yaml"))
        if not declarations:
            raise ConfigError(
                "this folder has no task", where=root, remedy="name one that contains T/task.yaml"
            )
        for folder in (declaration.parent for declaration in declarations):
            if found.setdefault(folder.name, folder) != folder:
                raise ConfigError(
                    f"there is another task '{folder.name}' in {found[folder.name].parent}",
                    where=folder,
                    remedy="rename folder and task",
                )
    return dict(sorted({**plugins.task_folders(), **found}.items()))


def read_task(path: Path) -> Task:
    """Read and check one declaration.

    Raises:
        ConfigError: naming the file and the key that is wrong, the first of several.
    """
    task, wrong = read_faults(path)
    if task is None or wrong:
        error = wrong[0]
        key = f"{path}: {error.where}" if error.where else path
        raise ConfigError(error.what, where=key, remedy=error.remedy) from error
    return task


def read_faults(path: Path) -> tuple[Task | None, list[ConfigError]]:
    """Read one declaration, and return it, if it is one, with all that is wrong with its keys."""
    try:
        raw: Any = read_yaml(path)
    except (OSError, ValueError) as error:
        return None, [ConfigError(f"the task cannot be read: {error}")]
    if not isinstance(raw, dict):
        return None, [ConfigError("a task is a mapping of keys")]
    try:
        task = build(Task, {**raw, "folder": path.parent})
    except ConfigError as error:
        return None, [error]
    return task, list(faults(task))
