"""Folds of a split: published ones, which say by id what each trains, and generated ones."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.clusters import clusters_of, counted
from rnaernie_bench.data.items import Clusters, Dataset, Items
from rnaernie_bench.data.sources import locate
from rnaernie_bench.data.text import read_lines
from rnaernie_bench.task.declaration import Folds, SplitDeclaration, parts_of
from rnaernie_bench.task.task import Task


@dataclass(frozen=True)
class Fold:
    """The ids of one fold of a published file."""

    train: frozenset[str]
    test: frozenset[str]


@dataclass(frozen=True)
class Members:
    """The items of one fold."""

    train: frozenset[Any]
    test: frozenset[Any]


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


def fold_of(
    task: Task, split: SplitDeclaration, dataset: Dataset, name: str
) -> tuple[Members, Clusters | None]:
    """Return what a declared fold trains and tests, and the clusters of generated folds.

    Of a published fold, simulated data leave the group of its name out.

    Raises:
        DataError: if the file of folds is missing, damaged, or names other folds or ids; if there
            are fewer clusters than folds are generated.
    """
    assert split.folds is not None
    if split.folds.file is None:
        parts = {part for name in parts_of(split) for part in task.dataset.members(name)}
        items = tuple(item for part in sorted(parts) for item in dataset.parts.get(part, ()))
        folds, clusters = deal(items, split.folds, classes=task.classifies)
        return folds[split.folds.names.index(name)], clusters
    items = tuple(item for part in dataset.parts.values() for item in part)
    if dataset.simulated:
        tested = frozenset(item for item in items if item.group == name)
        return Members(frozenset(items) - tested, tested), None
    path = locate(split.folds.file, task=task.name)
    published = read_folds(path)
    if set(published) != set(split.folds.names):
        raise DataError(
            f"the file has the folds {', '.join(published)}",
            where=path,
            remedy="correct folds.names in the task",
        )
    fold = published[name]
    missing = sorted((fold.train | fold.test) - {item.id for item in items})
    if missing:
        raise DataError(
            f"{len(missing)} ids of the fold '{name}' have no record, the first is '{missing[0]}'",
            where=path,
            remedy="give the records and the folds of one release",
        )
    return Members(
        *(frozenset(item for item in items if item.id in ids) for ids in (fold.train, fold.test))
    ), None


def deal(items: Items, folds: Folds, *, classes: bool) -> tuple[list[Members], Clusters]:
    """Deal whole clusters to folds, so that each holds alike many items of each label.

    The largest cluster comes first, equal ones in an order that the seed draws, and each goes where
    its labels are scarcest. What comes out does not depend on the order of the items.

    Args:
        items: of all parts of a split.
        folds: how many, what clusters are, and what becomes of a class that has one only.
        classes: whether items are of classes; groups of other items are no strata of themselves.

    Returns:
        The folds, each tested on its own clusters and trained on the others; and the clusters.

    Raises:
        DataError: if there are fewer clusters than folds.
    """
    items = tuple(sorted(items, key=lambda item: (item.id, item.sequence)))
    cluster = clusters_of(items, folds.by, folds)
    stratified = classes or folds.by != "group"
    _, stratum = np.unique(
        [str(item.stratum) if stratified else "" for item in items], return_inverse=True
    )
    counts = np.zeros((int(cluster.max()) + 1, int(stratum.max()) + 1))
    np.add.at(counts, (cluster, stratum), 1)
    several = (counts > 0).sum(axis=0) > 1
    testable = np.any((counts > 0) & (several | (not classes)), axis=1)
    if testable.sum() < folds.generate:
        raise DataError(
            f"{testable.sum()} clusters cannot be dealt to {folds.generate} folds",
            where="folds.generate",
            remedy="generate fewer, or give items more groups (simulated ones: group_size)",
        )
    shares = counts / counts.sum(axis=0)
    order = np.random.default_rng(folds.seed).permutation(len(counts))
    order = order[np.argsort(-counts.sum(axis=1)[order], kind="stable")]
    dealt, held = np.full(len(counts), -1), np.zeros((folds.generate, counts.shape[1]))
    for number in order[testable[order]].tolist():
        load = held @ counts[number]
        fold = int(np.lexsort((held.sum(axis=1), load))[0])
        dealt[number] = fold
        held[fold] += shares[number]
    fold_of_item = dealt[cluster]
    kept = (fold_of_item >= 0) | (folds.alone == "train")

    def members(which: NDArray[np.bool_]) -> frozenset[Any]:
        return frozenset(item for item, here in zip(items, which.tolist(), strict=True) if here)

    made = [
        Members(members(kept & (fold_of_item != number)), members(fold_of_item == number))
        for number in range(folds.generate)
    ]
    return made, counted(cluster, folds.by, folds)
