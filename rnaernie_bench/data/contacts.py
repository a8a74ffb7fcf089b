"""Sequences with their base pairs as items of a task, and the folds they are split by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.items import ContactItem, Dataset, TokenItem
from rnaernie_bench.data.sources import locate
from rnaernie_bench.data.structure_files import read_structures
from rnaernie_bench.data.structure_splits import Fold, read_folds
from rnaernie_bench.structure.records import StructureRecord
from rnaernie_bench.task.declaration import DatasetDeclaration, Folds, SplitDeclaration
from rnaernie_bench.task.task import Task


def read_contacts(path: Path, declaration: DatasetDeclaration) -> tuple[ContactItem, ...]:
    """Read one structure file (`data.structure_files`).

    Args:
        path: the file.
        declaration: whose `header` every id must match in full; its group `group`, if any, is the
            item's.

    Raises:
        DataError: naming file, record and line of an id that does not match or stood before, or of
            whatever else is wrong with a record.
    """
    return tuple(
        ContactItem(record.id, record.sequence, record.pairs, group)
        for record, group in _grouped(path, declaration)
    )


def read_paired(path: Path, declaration: DatasetDeclaration) -> tuple[TokenItem, ...]:
    """Read one structure file for whether each base pairs, 1, or not, 0.

    The arguments and errors are those of `read_contacts`.
    """
    items = []
    for record, group in _grouped(path, declaration):
        labels = np.zeros((len(record.sequence), 1), dtype=np.float32)
        labels[record.pairs.ravel()] = 1
        items.append(TokenItem(record.id, record.sequence, labels, group))
    return tuple(items)


def _grouped(path: Path, declaration: DatasetDeclaration) -> Iterator[tuple[StructureRecord, str]]:
    """Yield the records of a structure file with their groups, ids checked."""
    header = re.compile(declaration.header)
    first: dict[str, str] = {}
    for record in read_structures(path):
        match = header.fullmatch(record.id)
        if not match:
            raise DataError(
                f"the id does not match {declaration.header}",
                where=record.place,
                remedy="correct the header, or dataset.header in the task",
            )
        if record.id in first:
            raise DataError(
                f"the id '{record.id}' stands in {first[record.id]} already",
                where=record.place,
                remedy="ids are unique within a file: rename one",
            )
        first[record.id] = record.place
        yield record, match.groupdict().get("group") or ""


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
