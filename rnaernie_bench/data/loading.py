"""From a task declaration to a data set, and from a data set to a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean, resolve
from rnaernie_bench.data.cuts import by_digest, cut_split, hold_out, unrelated
from rnaernie_bench.data.folds import check_fold, fold_of
from rnaernie_bench.data.items import Clusters, Dataset, Items, Split
from rnaernie_bench.data.negatives import with_negatives
from rnaernie_bench.data.sources import locate
from rnaernie_bench.data.text import refuse_repeated
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.task.declaration import DataFile, TestPart, of_fold
from rnaernie_bench.task.task import Task


def load_dataset(task: Task, *, simulated: bool) -> Dataset:
    """Return the data of `task`: its files, or the simulated set that stands in for them.

    Raises:
        DataError: if a file is missing, damaged, or does not say what the task declares.
    """
    if simulated:
        from rnaernie_bench.data.simulated import simulated_dataset

        return simulated_dataset(task)
    parts: dict[str, Items] = {
        part: _read_files(files, task) for part, files in task.dataset.file_parts.items()
    }
    for name, table in task.dataset.tables.items():
        from rnaernie_bench.data.tables import read_table

        parts[name] = read_table(table, task)
    made, added = task.dataset.negatives, task.dataset.added_parts
    if made is None:
        return Dataset(task.dataset.name, parts, added=added)
    whole = {name: with_negatives(items, made) for name, items in parts.items()}
    return Dataset(f"{task.dataset.name}, {made}", whole, added=added)


def _read_files(files: Mapping[str, DataFile], task: Task) -> Items:
    """Return the items of a part's files, one file after the other."""
    items: list[Any] = []
    files_of: dict[str, str] = {}
    read = resolve(task.level_entry.read_file)
    for name, file in files.items():
        path = locate(file, task=task.name)
        found = read(path, file, task)
        if len(found) != file.records:
            raise DataError(
                f"the file has {len(found)} records, the task declares {file.records}",
                where=path,
                remedy=f"correct dataset.files.{name}.records in the task",
            )
        for item in found:
            refuse_repeated(
                item.id, file.path, files_of, path, "ids are unique within a part: rename one"
            )
        items += found
    return tuple(items)


def make_split(
    task: Task,
    dataset: Dataset,
    name: str,
    *,
    fold: str | None = None,
    train_fraction: float = 1.0,
    train_seed: int | None = None,
) -> Split:
    """Return the split called `name` of `dataset`.

    Args:
        task: declares the splits.
        dataset: holds the parts they name.
        name: one of `task.splits`.
        fold: one of the split's folds, where it has any.
        train_fraction: how much of train to keep, in (0, 1], see `subset`.
        train_seed: what that share is drawn by; None: the same for all.

    Raises:
        ConfigError: if there is no such split or fold, or the fraction is out of range.
        DataError: if the data set lacks a part, a part of the split is left empty, or knows nothing
            of one of several labels, or if train has one class.
    """
    if name not in task.splits:
        raise ConfigError(
            f"the task {task.name} has no split '{name}'",
            where="split",
            remedy=did_you_mean(name, list(task.splits)),
        )
    check_fold(task.splits[name], fold)
    declared = of_fold(task.splits[name], fold)
    chosen, clusters = None, dict[str, Clusters]()
    if fold is not None and not declared.by_parts:
        chosen, dealt = fold_of(task, declared, dataset, fold)
        clusters |= {"test": dealt} if dealt else {}
    part = partial(_part, task, dataset, name)
    where = f"{task.name}, split {name}"
    if declared.cut is not None:
        found = cut_split(name, declared, part(declared.train), where=where)
        kept = {key: subset(found.tests[key], t.fraction) for key, t in declared.tests.items()}
        train = subset(found.train, train_fraction, train_seed)
        return _checked(replace(found, train=train, tests=kept, fold=fold), task, where)
    tests: dict[str, Items] = {}
    for key, test in declared.tests.items():
        items = tuple(
            item
            for item in part(test.part)
            if (chosen is None or item in chosen.test)
            and (not test.length or dataset.simulated or len(item.sequence) == test.length)
        )
        tests[key] = subset(_apart(items, test, part), test.fraction)
        if not tests[key]:
            similar = test.without_similar_to.parts if test.without_similar_to else ()
            others = (*test.without_identical_to, *test.without_groups_of, *similar)
            raise DataError(
                f"every sequence of the test part '{key}', its group or a relative, also occurs in"
                f" {', '.join(dict.fromkeys(others))}",
                where=where,
                remedy="a test part needs sequences of its own",
            )
    _check_ids(tests, where=where)
    if not declared.train:
        return _checked(Split(name, (), (), tests, fold, clusters), task, where)
    train, validation = part(declared.train), part(declared.validation)
    if chosen is not None:
        train, validation = (
            tuple(item for item in part if item in chosen.train) for part in (train, validation)
        )
    if declared.train_without is not None:
        whole = [item for key in declared.train_without.parts for item in part(key)]
        train = unrelated(train, whole, declared.train_without)
    if declared.held_out is not None:
        train, validation, clusters["validation"] = hold_out(train, declared.held_out)
        if not validation:
            raise DataError(
                "no validation part can be cut from train: each label is of one cluster",
                where=where,
                remedy="declare a validation part of its own",
            )
    kept_train = subset(train, train_fraction, train_seed)
    found = Split(name, kept_train, validation, tests, fold, clusters)
    return _checked(found, task, where)


def _part(task: Task, dataset: Dataset, split: str, key: str) -> Items:
    """Return the items of a part, or of the parts that are taken together under its name.

    Raises:
        DataError: if one is missing or empty.
    """
    parts, members = dataset.parts, task.dataset.members(key)
    for member in members:
        if not parts.get(member):
            raise DataError(
                f"the part '{member}' that the split '{split}' needs is missing or empty",
                where=f"{task.name}, data set {dataset.name}",
                remedy="give it items" if member in parts else did_you_mean(member, list(parts)),
            )
    return parts[key] if members == (key,) else _together([parts[m] for m in members])


def _apart(items: Items, test: TestPart, part: Callable[[str], Items]) -> Items:
    """Return the items of a test part that are no relatives of those it is to be apart from."""
    sequences = {item.sequence for other in test.without_identical_to for item in part(other)}
    groups = {item.group for other in test.without_groups_of for item in part(other)} - {""}
    kept = tuple(i for i in items if i.sequence not in sequences and i.group not in groups)
    similar = test.without_similar_to
    if similar is None:
        return kept
    relatives = [item for other in similar.parts for item in part(other)]
    return _without_similar(kept, relatives, similar.identity)


def _together(parts: Iterable[Items]) -> Items:
    """Return the items of several parts, of equal inputs the first."""
    first: dict[Any, Any] = {}
    for item in (item for items in parts for item in items):
        first.setdefault(item.input, item)
    return tuple(first.values())


def _without_similar(items: Items, others: Sequence[Any], identity: float) -> Items:
    """Return the items whose sequence has no relative of at least `identity` among `others`."""
    from rnaernie_bench.data.leakage import nearest_identity

    if not items:
        return items
    known = list(dict.fromkeys(other.sequence for other in others))
    queries = [item.sequence for item in items]
    _, index = nearest_identity(queries, known, threshold=identity)
    return tuple(item for item, found in zip(items, index.tolist(), strict=True) if found < 0)


def _checked(split: Split, task: Task, where: str) -> Split:
    """Return `split`: train has two classes, or each part knows something of all labels.

    Of labels that are not scored, a test part may know nothing.

    Raises:
        DataError: naming part and label.
    """
    if task.decodes:
        return split
    if categorical(task.problem):
        if split.train and len(set().union(*(item.classes for item in split.train))) < 2:
            raise DataError(
                "the train part has one class, two are needed",
                where=where,
                remedy="give it examples of another",
            )
        return split
    parts = {"train": split.train, "validation": split.validation} if split.train else {}
    parts |= {f"test part '{name}'": items for name, items in split.tests.items()}
    for part, items in parts.items():
        known = np.any([item.known for item in items], axis=0)
        learned = items is split.train or items is split.validation
        for place, label in enumerate(task.labels):
            if not known[place] and (learned or not task.scored or label in task.scored):
                raise DataError(
                    f"nothing is known of '{label}' in {part}",
                    where=where,
                    remedy="add items of which it is known, or take the label out of the task",
                )
    if quantitative(task.problem) and split.train:
        _check_varied(split.train, task, where)
    return split


def _check_varied(train: Items, task: Task, where: str) -> None:
    """Refuse a quantity that is the same in all of train: nothing can be learned of it."""
    values = np.concatenate([item.listed() for item in train])
    for place, label in enumerate(task.labels):
        known = values[~np.isnan(values[:, place]), place]
        if (known == known[0]).all():
            raise DataError(
                f"'{label}' is {known[0]:g} in all items of train",
                where=where,
                remedy="give it items that differ, or take the label out of the task",
            )


def unlearned(split: Split, task: Task) -> list[str]:
    """Return a line for each part with classes of items that train has none of."""
    if not task.classifies:
        return []
    learned = set().union(*(item.classes for item in split.train))
    lines = []
    for part, items in {"validation": split.validation, **split.tests}.items():
        counts = Counter(label for item in items for label in item.classes - learned)
        if counts:
            named = ", ".join(f"{task.labels[int(k)]} ({n})" for k, n in sorted(counts.items()))
            lines.append(f"no model can learn classes that stand in {part} alone: {named}")
    return lines


def used_by(split: Split, dataset: Dataset) -> Dataset:
    """Return `dataset` without the items that `split` neither learns from nor is tested on."""
    parts = (split.train, split.validation, *split.tests.values())
    used = {item for part in parts for item in part}
    kept = {
        name: tuple(item for item in items if item in used) for name, items in dataset.parts.items()
    }
    return Dataset(dataset.name, kept, dataset.simulated)


def _check_ids(tests: Mapping[str, Items], where: str) -> None:
    """Refuse test parts in which one id stands for two items: predictions are kept by id."""
    first: dict[str, Any] = {}
    for name, items in tests.items():
        for item in items:
            if first.setdefault(item.id, item) != item:
                raise DataError(
                    f"the id '{item.id}' of test part '{name}' is the id of another item as well",
                    where=where,
                    remedy="give the items of all test parts ids of their own",
                )


def subset(items: Items, fraction: float, seed: int | None = None) -> Items:
    """Return a stratified share of `items`, in their order.

    Of the n items of a label (of contacts: of a group), `round(fraction * n)`, but one at least,
    are kept: those whose ids have the smallest SHA-256, after the seed if there is one. So a
    smaller share of a seed is contained in every larger one, whatever the order of the file.

    Raises:
        ConfigError: if the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ConfigError(
            f"{fraction} is not in (0, 1]",
            where="task.train_fraction",
            remedy="give the share of the training part to use, 1 for all of it",
        )
    strata: dict[Any, list[Any]] = {}
    for item in items:
        strata.setdefault(item.stratum, []).append(item)
    kept: set[str] = set()
    salt = "" if seed is None else f"{seed}\n"
    for members in strata.values():
        count = max(1, round(fraction * len(members)))
        kept.update(by_digest((item.id for item in members), salt)[:count])
    return tuple(item for item in items if item.id in kept)
