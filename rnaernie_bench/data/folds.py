"""Published folds, which say by id what each trains and is tested on."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.items import Dataset
from rnaernie_bench.data.sources import locate
from rnaernie_bench.data.text import read_lines
from rnaernie_bench.task.declaration import Folds, SplitDeclaration
from rnaernie_bench.task.task import Task


@dataclass(frozen=True)
class Fold:
    """The ids of one fold of a published file."""

    train: frozenset[str]
    test: frozenset[str]


def read_folds(path: Path) -> dict[str, Fold]:
    """Read folds from a CSV file with the columns fold, partition (train or test) and id.

    Raises:
        DataError: naming the line, if it is anything else, or names an id twice in a fold.
    """
    parts: dict[str, dict[str, set[str]]] = {}
    lines = read_lines(path)
    header = next(lines, (1, ""))[1]
    if header != "fold,partition,id":
        raise DataError(
            f"the first line is {header[:60]!r}",
            where=f"{path}, line 1",
            remedy="give a CSV file with the columns fold,partition,id",
        )
    for number, line in lines:
        fold, part, name = (*next(csv.reader([line])), "", "", "")[:3]
        chosen = parts.setdefault(fold, {"train": set(), "test": set()})
        if part not in chosen or not name or line.count(",") != 2:
            raise DataError(
                f"the line {line[:60]!r} is not fold, train or test, and an id",
                where=f"{path}, line {number}",
                remedy="correct it",
            )
        if any(name in ids for ids in chosen.values()):
            raise DataError(
                f"the id '{name}' is in the fold already",
                where=f"{path}, line {number}",
                remedy="name it once",
            )
        chosen[part].add(name)
    return {
        fold: Fold(frozenset(ids["train"]), frozenset(ids["test"])) for fold, ids in parts.items()
    }


def first_fold(task: Task, split: str | None, fold: str | None) -> tuple[str | None, str | None]:
    """Return split and fold that are meant: where neither is named, the default split's first."""
    folds = task.splits[task.default_split].folds
    if split is None and fold is None and folds is not None:
        return task.default_split, folds.names[0]
    return split, fold


def check_fold(split: SplitDeclaration, fold: str | None) -> None:
    """Refuse a fold that is missing, unknown, or given where there are none.

    Raises:
        ConfigError: naming the folds there are.
    """
    if split.folds is None:
        if fold is not None:
            raise ConfigError("the value must be left out: the split has no folds", where="fold")
    elif fold is None:
        names = ", ".join(split.folds.names)
        raise ConfigError(
            "the split has folds, and none is chosen",
            where="fold",
            remedy=f"add fold=NAME, one of {names}",
        )
    elif fold not in split.folds.names:
        raise ConfigError(
            f"there is no fold '{fold}'",
            where="fold",
            remedy=did_you_mean(fold, list(split.folds.names)),
        )


def fold_of(task: Task, declared: Folds, dataset: Dataset, name: str) -> Fold:
    """Return the ids of a declared fold; on simulated data, the group of its name is left out.

    Raises:
        DataError: if the file of folds is missing, damaged, or names other folds or ids.
    """
    ids = {item.id: item.group for items in dataset.parts.values() for item in items}
    if dataset.simulated:
        test = frozenset(identity for identity, group in ids.items() if group == name)
        return Fold(frozenset(ids) - test, test)
    path = locate(declared.file, task=task.name)
    folds = read_folds(path)
    if set(folds) != set(declared.names):
        raise DataError(
            f"the file has the folds {', '.join(folds)}",
            where=path,
            remedy="correct folds.names in the task",
        )
    missing = sorted((folds[name].train | folds[name].test) - ids.keys())
    if missing:
        raise DataError(
            f"{len(missing)} ids of the fold '{name}' have no record, the first is '{missing[0]}'",
            where=path,
            remedy="give the records and the folds of one release",
        )
    return folds[name]
