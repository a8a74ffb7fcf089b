"""Tasks: declared in a `task.yaml`, never inferred from data."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core import paths, plugins
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.levels import LEVELS, Level
from rnaernie_bench.metrics.problems import Problem, categorical
from rnaernie_bench.metrics.registry import metrics_of
from rnaernie_bench.task.declaration import (
    DataFile,
    DatasetDeclaration,
    Metric,
    ResamplingUnit,
    Simulation,
    SplitDeclaration,
)
from rnaernie_bench.task.levels import LengthPolicy, check_declared, decodes
from rnaernie_bench.task.single_table import check_cut, check_pairs

if TYPE_CHECKING:
    from rnaernie_bench.metrics.answers.base import Answer


@dataclass(frozen=True)
class Task:
    """A benchmark task, as its `task.yaml` declares it."""

    name: str
    version: int
    """A fix that changes numbers is a new version."""
    title: str
    level: str
    """A name in `levels.LEVELS`."""
    problem: Problem
    labels: tuple[str, ...]
    """In their frozen order: a label's index is its class, or its column where there are several
    numbers. Binary contacts have none."""
    main_metric: Metric
    metrics: tuple[str, ...]
    """Further metrics to show."""
    head: str
    """The default head."""
    length: LengthPolicy
    """What happens to a sequence over the limit, unless the run says otherwise."""
    dataset: DatasetDeclaration
    splits: Mapping[str, SplitDeclaration]
    default_split: str
    default_test_part: str
    """The test part a leaderboard shows first."""
    simulation: Simulation
    resampling: ResamplingUnit = "item"
    """What paired tests draw: items, or groups of relatives as a whole."""
    types: Mapping[str, str] = field(default_factory=dict)
    """The RNA type (`backbones.vocabulary.RNA_TYPES`) of each label, where labels tell it."""
    caveats: tuple[str, ...] = ()
    """What the figures do not show, printed under every table of this task."""
    shortcuts: tuple[str, ...] = ()
    """Baselines that a model must beat: what it gains over the best is told under every table."""
    folder: Path = Path()
    """Where the task was found."""

    @property
    def key(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def data_files(self) -> dict[str, DataFile]:
        """All files that the task reads, by name: those of its parts and of folds."""
        folds = {f"{n}_folds": s.folds.file for n, s in self.splits.items() if s.folds}
        tables = {
            name: DataFile(table.source, table.sha256, table.records, table.url)
            for name, table in self.dataset.tables.items()
            if table.sha256
        }
        return {**self.dataset.files, **tables, **folds}

    @property
    def level_entry(self) -> Level:
        """How items of its level are read, learned and written."""
        return LEVELS.get(self.level)

    @property
    def answer(self) -> Answer:
        """What is predicted: how it is learned, tuned, scored, stored and shown."""
        from rnaernie_bench.metrics.answers import ANSWERS  # NumPy, which a list of tasks needs not

        return ANSWERS[self.level_entry.answers[self.problem]]

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics of its records: all built-in ones of its answer, and those it declares."""
        declared = (self.main_metric.name, *self.metrics)
        return metrics_of(self.level_entry.answers[self.problem], declared)

    @property
    def draws_groups(self) -> bool:
        """Whether the intervals of its records draw groups as a whole."""
        return self.resampling == "group" and self.problem not in self.level_entry.draws_items

    @property
    def classifies(self) -> bool:
        """Whether each label is a class of whole sequences."""
        return self.level_entry.labelled and categorical(self.problem)

    @property
    def decodes(self) -> bool:
        """Whether the answer is the base pairs of a sequence, decoded into a structure."""
        return decodes(self.level, self.problem)

    @property
    def card(self) -> Path:
        """The task card."""
        return self.folder / "README.md"


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
                "no task lies in this folder", where=root, remedy="name one that holds T/task.yaml"
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
        ConfigError: naming the file and the key that is wrong.
    """
    import yaml

    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"the task cannot be read: {error}", where=path) from error
    if not isinstance(raw, dict):
        raise ConfigError("a task is a mapping of keys", where=path)
    try:
        task = build(Task, {**raw, "folder": path.parent})
        _check(task)
    except ConfigError as error:
        key = f"{path}: {error.where}" if error.where else path
        raise ConfigError(error.what, where=key, remedy=error.remedy) from error
    return task


def _check(task: Task) -> None:
    """Raise a ConfigError for whatever the types of a declaration cannot say."""
    if task.name != task.folder.name:
        raise ConfigError(f"the task is called '{task.name}', its folder otherwise", where="name")
    if len(set(task.labels)) != len(task.labels):
        twice = sorted({label for label in task.labels if task.labels.count(label) > 1})
        raise ConfigError("labels stand twice: " + ", ".join(twice), where="labels")
    if task.level not in LEVELS:
        remedy = did_you_mean(task.level, list(LEVELS))
        raise ConfigError(f"'{task.level}' is not allowed", where="level", remedy=remedy)
    named = {"main_metric.name": task.main_metric.name}
    named |= {f"metrics[{place}]": name for place, name in enumerate(task.metrics)}
    check_declared(task.level, task.problem, len(task.labels), task.length, named)
    if task.version < 1:
        raise ConfigError("versions count from 1", where="version")
    _check_files(task)
    _check_tables(task)
    _check_splits(task)
    check_pairs(
        task.level_entry, task.problem, task.labels, task.dataset.pairs, task.dataset.negatives
    )
    _check_header(task.dataset, labelled=task.level_entry.labelled)
    if task.classifies and set(task.simulation.families) != set(task.labels):
        raise ConfigError("each label needs one family", where="simulation.families")
    for name, split in task.splits.items():
        if split.folds and not set(split.folds.names) <= set(task.simulation.families):
            raise ConfigError(f"each fold of '{name}' needs one", where="simulation.families")
    _check_sizes(task)
    if task.types and set(task.types) != set(task.labels):
        raise ConfigError("each label needs one type, or none of them has any", where="types")


def _check_files(task: Task) -> None:
    level, dataset = task.level_entry, task.dataset
    for kind, declared, problems, other in (
        ("files", dataset.files, level.files, "tables"),
        ("tables", dataset.tables, level.tables, "files"),
    ):
        if declared and task.problem not in problems:
            raise ConfigError(
                f"the data of a {task.problem} task of the level '{level.name}' are read from "
                f"`{other}`, not from `{kind}`",
                where=f"dataset.{kind}",
                remedy=f"declare them under `{other}`",
            )
    for name, file in task.dataset.files.items():
        where = f"dataset.files.{name}"
        if not re.fullmatch("[0-9a-f]{64}", file.sha256):
            raise ConfigError("a SHA-256 has 64 digits of 0-9 and a-f", where=f"{where}.sha256")
        if file.records < 1:
            raise ConfigError("a part has 1 record or more", where=f"{where}.records")
        if file.label and (not task.classifies or file.label not in task.labels):
            raise ConfigError(
                f"the task has no label '{file.label}'",
                where=f"{where}.label",
                remedy=did_you_mean(file.label, list(task.labels)),
            )


def _check_tables(task: Task) -> None:
    for name, table in task.dataset.tables.items():
        where = f"dataset.tables.{name}"
        if table.sha256 and not re.fullmatch("[0-9a-f]{64}", table.sha256):
            raise ConfigError("a SHA-256 has 64 digits of 0-9 and a-f", where=f"{where}.sha256")
        if table.sha256 and table.records < 1:
            raise ConfigError("a part has 1 record or more", where=f"{where}.records")
        spelt = categorical(task.problem)
        if set(table.labels) != (set() if spelt else set(task.labels)):
            raise ConfigError(
                "classes stand in one column, `label`; other labels need one each",
                where=f"{where}.labels",
            )
        told = not spelt and task.level_entry.errors
        if table.errors and not (told and set(table.errors) == set(task.labels)):
            raise ConfigError("each label of a base needs one column", where=f"{where}.errors")


def _check_sizes(task: Task) -> None:
    used = set[str]().union(*map(_parts, task.splits.values()))
    for part in sorted(used):
        if task.simulation.sizes.get(part, 0) < 1:
            raise ConfigError(f"part '{part}' needs 1 item or more", where="simulation.sizes")
    if task.simulation.group_size is not None and task.simulation.group_size < 1:
        raise ConfigError("a group has 1 item or more", where="simulation.group_size")


def _parts(split: SplitDeclaration) -> set[str]:
    """Return the parts of the data set that a split names."""
    named = {split.train, split.validation}
    for test in split.tests.values():
        named |= {test.part, *test.without_identical_to, *test.without_groups_of}
    return named


def _check_splits(task: Task) -> None:
    parts = {*task.dataset.file_parts, *task.dataset.tables}
    if task.default_split not in task.splits:
        raise ConfigError(
            f"there is no split '{task.default_split}'",
            where="default_split",
            remedy=did_you_mean(task.default_split, list(task.splits)),
        )
    for name, split in task.splits.items():
        for unknown in sorted(_parts(split) - parts):
            raise ConfigError(
                f"the data set has no part '{unknown}'",
                where=f"splits.{name}",
                remedy=did_you_mean(unknown, list(parts)),
            )
        if task.default_test_part not in split.tests:
            raise ConfigError(
                f"there is no test part '{task.default_test_part}'", where=f"splits.{name}.tests"
            )
        for test, part in split.tests.items():
            if not 0 < part.fraction <= 1:
                raise ConfigError(
                    "the value must be above 0 and at most 1",
                    where=f"splits.{name}.tests.{test}.fraction",
                )
        if split.cut is not None:
            check_cut(split.cut, _parts(split), task.level_entry, where=f"splits.{name}.cut")
        cut = split.held_out or split.cut
        if (split.train == split.validation) != (cut is not None):
            raise ConfigError(
                "validation is a part of its own, or train's name with held_out beside it",
                where=f"splits.{name}.validation",
            )
        if split.held_out is not None and not 0 < split.held_out.fraction < 1:
            raise ConfigError(
                "the value must be above 0 and below 1", where=f"splits.{name}.held_out.fraction"
            )


def _check_header(dataset: DatasetDeclaration, *, labelled: bool) -> None:
    try:
        groups = set(re.compile(dataset.header).groupindex)
    except re.error as error:
        raise ConfigError(f"not a regular expression: {error}", where="dataset.header") from error
    if "id" not in groups:
        raise ConfigError("the named group id is needed", where="dataset.header")
    unlabelled = not all(file.label for file in dataset.files.values())
    if labelled and unlabelled and "label" not in groups:
        raise ConfigError(
            "the named groups id and label are needed, or a label of each file",
            where="dataset.header",
        )
