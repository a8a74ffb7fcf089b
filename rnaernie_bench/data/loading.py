"""From a task declaration to a data set, and from a data set to a split."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.items import Dataset, SequenceItem, Split
from rnaernie_bench.data.sources import locate
from rnaernie_bench.errors import ConfigError, DataError
from rnaernie_bench.registry import did_you_mean
from rnaernie_bench.task import DatasetDeclaration, Task

Items = tuple[SequenceItem, ...]


def load_dataset(task: Task, *, simulated: bool) -> Dataset:
    """Return the data of `task`: its files, or the simulated set that stands in for them.

    Raises:
        DataError: if a file is missing, damaged, or does not say what the task declares.
    """
    if simulated:
        from rnaernie_bench.data.simulated import simulated_dataset

        return simulated_dataset(task)
    parts: dict[str, Items] = {}
    for name, file in task.dataset.files.items():
        path = locate(file, task=task.name)
        parts[name] = read_items(path, task.dataset, task.labels)
        if len(parts[name]) != file.records:
            raise DataError(
                f"the file holds {len(parts[name])} records, the task declares {file.records}",
                where=path,
                remedy=f"correct dataset.files.{name}.records in the task",
            )
    for name, table in task.dataset.tables.items():
        from rnaernie_bench.data.tables import read_table

        parts[name] = read_table(table, task.labels)
    return Dataset(task.dataset.name, parts)


def read_items(path: Path, declaration: DatasetDeclaration, labels: tuple[str, ...]) -> Items:
    """Read one FASTA part; ids, labels and groups come from the headers.

    Args:
        path: the file.
        declaration: whose `header` every header must match in full.
        labels: the task's labels in their frozen order.

    Raises:
        DataError: naming file, record and line of a header that does not match, of an unknown
            label, or of an id that stood before.
    """
    header = re.compile(declaration.header)
    classes = {label: index for index, label in enumerate(labels)}
    first: dict[str, int] = {}
    items: list[SequenceItem] = []
    for record in read_fasta(path):
        where = f"{path}, record {record.record} ({record.header}), line {record.line}"
        match = header.fullmatch(record.header)
        if not match:
            raise DataError(
                f"the header does not match {declaration.header}",
                where=where,
                remedy="correct the header, or dataset.header in the task",
            )
        found = match.groupdict()
        identity, label = found["id"], found["label"]
        if label not in classes:
            raise DataError(
                f"unknown label '{label}'", where=where, remedy=did_you_mean(label, list(labels))
            )
        if identity in first:
            raise DataError(
                f"the id '{identity}' stands in record {first[identity]} already",
                where=where,
                remedy="ids are unique within a file: rename one",
            )
        first[identity] = record.record
        items.append(
            SequenceItem(identity, record.sequence, classes[label], found.get("group") or "")
        )
    return tuple(items)


def make_split(task: Task, dataset: Dataset, name: str, *, train_fraction: float = 1.0) -> Split:
    """Return the split called `name` of `dataset`.

    Args:
        task: declares the splits.
        dataset: holds the parts they name.
        name: one of `task.splits`.
        train_fraction: how much of train to keep, in (0, 1], see `subset`.

    Raises:
        ConfigError: if there is no such split, or the fraction is out of range.
        DataError: if the data set lacks a part, or a part of the split is left empty.
    """
    if name not in task.splits:
        raise ConfigError(
            f"the task {task.name} has no split '{name}'",
            where="split",
            remedy=did_you_mean(name, list(task.splits)),
        )
    declared = task.splits[name]
    parts = dataset.parts

    def part(key: str) -> Items:
        if not parts.get(key):
            raise DataError(
                f"the part '{key}' that the split '{name}' needs is missing or empty",
                where=f"{task.name}, data set {dataset.name}",
                remedy=did_you_mean(key, list(parts)),
            )
        return parts[key]

    tests: dict[str, Items] = {}
    for key, test in declared.tests.items():
        known = {item.sequence for other in test.without_identical_to for item in part(other)}
        tests[key] = tuple(item for item in part(test.part) if item.sequence not in known)
        if not tests[key]:
            raise DataError(
                f"every sequence of the test part '{key}' also stands in"
                f" {', '.join(test.without_identical_to)}",
                where=f"{task.name}, split {name}",
                remedy="a test part needs sequences of its own",
            )
    _check_ids(tests, where=f"{task.name}, split {name}")
    return Split(
        name=name,
        train=subset(part(declared.train), train_fraction),
        validation=part(declared.validation),
        tests=tests,
    )


def _check_ids(tests: Mapping[str, Items], where: str) -> None:
    """Refuse test parts in which one id stands for two items: predictions are kept by id."""
    first: dict[str, SequenceItem] = {}
    for name, items in tests.items():
        for item in items:
            if first.setdefault(item.id, item) != item:
                raise DataError(
                    f"the id '{item.id}' of test part '{name}' stands for another item as well",
                    where=where,
                    remedy="give the items of all test parts ids of their own",
                )


def subset(items: Items, fraction: float) -> Items:
    """Return a stratified share of `items`, in their order.

    Of the n items of a label, `round(fraction * n)`, but one at least, are kept: those whose ids
    have the smallest SHA-256. So a smaller share is contained in every larger one, and neither a
    seed nor the order of the file matters.

    Raises:
        ConfigError: if the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ConfigError(
            f"{fraction} is not in (0, 1]",
            where="task.train_fraction",
            remedy="give the share of the training part to use, 1 for all of it",
        )
    by_label: dict[int, list[SequenceItem]] = {}
    for item in items:
        by_label.setdefault(item.label, []).append(item)
    kept: set[str] = set()
    for members in by_label.values():
        count = max(1, round(fraction * len(members)))
        kept.update(_by_digest(item.id for item in members)[:count])
    return tuple(item for item in items if item.id in kept)


def _by_digest(ids: Iterable[str]) -> list[str]:
    return sorted(ids, key=lambda identity: hashlib.sha256(identity.encode()).digest())
