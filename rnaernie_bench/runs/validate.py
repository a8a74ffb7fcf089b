"""Whether a task can be used: declaration, data, labels, splits, and one pass of training."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.checks import Finding, Status, of_error
from rnaernie_bench.core.documents import yaml_nodes
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.audit import BEGIN, END, identical
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.loading import load_dataset, make_split, used_by
from rnaernie_bench.data.sources import find, sha256
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, STRATEGIES, resolve
from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.task import Task, find_tasks, read_faults
from rnaernie_bench.task.template import PLACEHOLDER

HANDFUL = 8
"""Items of train and of validation that the network of the last check sees."""

_NETWORK = (
    "preset=bench", "tracking=none", "strategy=full", "backbone=rnaernie-tiny",
    "backbone.init=random", "backbone.num_hidden_layers=1", "backbone.hidden_size=16",
    "backbone.num_attention_heads=2", "backbone.intermediate_size=32", "trainer.max_epochs=1",
    "trainer.learning_rates=[]", "trainer.fast_dropout=false", "trainer.progress=false",
)  # fmt: skip


def declaration_of(name: str, task_folders: Iterable[Path] = ()) -> Path:
    """Return the `task.yaml` that `name` stands for: a task's name, a folder or the file itself.

    Raises:
        ConfigError: if it stands for none.
    """
    found = find_tasks(task_folders)
    if name in found:
        return found[name] / "task.yaml"
    path = Path(name)
    path = path / "task.yaml" if path.is_dir() else path
    if not path.is_file():
        remedy = f"{did_you_mean(name, list(found))}; or name a task.yaml"
        raise ConfigError("this is no task and no file", where=name, remedy=remedy)
    return path.resolve()


def check(path: Path) -> Iterator[Finding]:
    """Look at the task that `path` declares, and yield what is found, as it is found.

    Where the data are missing, the rest is tried on the simulated set.
    """
    yield from _repeated_keys(path)
    task, wrong = read_faults(path)
    for fault in wrong:
        yield _located(path, fault)
    if task is None or wrong:
        return
    # The data of a template are as yet to come as its words.
    absent: Status = "warning" if PLACEHOLDER in path.read_text(encoding="utf-8") else "problem"
    count = f", {len(task.labels)} labels" if task.labels else ""
    what = f"{task.key}, level {task.level}, problem {task.problem}{count}"
    yield Finding("ok", "declaration", what)
    yield from _words(path)
    yield from _choices(task)
    yield from _files(task, absent)
    dataset = None
    if all(find(file.path) for file in task.data_files.values()):
        try:
            dataset = load_dataset(_as_found(task), simulated=False)
            yield Finding("ok", "data", _sizes(dataset))
            yield from _groups(task, dataset)
        except BenchError as error:
            yield replace(of_error(error, "data"), status=absent)
    try:
        usable = dataset or load_dataset(task, simulated=True)
    except BenchError as error:
        yield of_error(error, "simulation")
        return
    splits: list[Split] = []
    for name, fold in _splits(task):
        try:
            splits.append(make_split(task, usable, name, fold=fold))
        except BenchError as error:
            yield of_error(error, f"split {name}" + (f", fold {fold}" if fold else ""))
            continue
        if dataset is not None and splits[-1].train:
            yield from _labels(task, splits[-1])
            yield from _leakage(task, splits[-1])
    if learned := [split for split in splits if split.train]:
        yield _training(task, usable, learned[0])


def _splits(task: Task) -> list[tuple[str, str | None]]:
    """Return the splits by name, each with its folds, or None where it has none."""
    return [
        (name, fold)
        for name, split in task.splits.items()
        for fold in (split.folds.names if split.folds else (None,))
    ]


def _subject(split: Split, what: str) -> str:
    return f"split {split.name}" + (f", fold {split.fold}" if split.fold else "") + f", {what}"


def _located(path: Path, error: ConfigError) -> Finding:
    """Return the problem of a declaration, with the line of the key."""
    place = (error.where or "").removeprefix(str(path)).removeprefix(": ")
    line = _line(path, place) if place else None
    where = f"{path.name}, line {line}" if line else path.name
    subject = f"{where}, {place}" if place else where
    return Finding("problem", subject, error.what, error.remedy or "correct it")


def _line(path: Path, key: str) -> int | None:
    """Return the line, from 1, of a key such as ``a.b[2]``, or of the last of its parents."""
    import yaml

    line = None
    try:
        node = yaml_nodes(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return line
    for step in re.findall(r"[^.\[\]]+", key):
        if isinstance(node, yaml.MappingNode):
            pairs = {str(k.value): (k, v) for k, v in node.value}
            if step not in pairs:
                break
            name, node = pairs[step]
            line = name.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and step.isdigit():
            node = node.value[int(step)]
            line = node.start_mark.line + 1
    return line


def _repeated_keys(path: Path) -> Iterator[Finding]:
    """Name keys that stand twice: YAML would keep the last one without a word."""
    import yaml

    try:
        nodes: list[Any] = [yaml_nodes(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return  # reading the task tells what is wrong
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                name = str(key.value)
                if first.setdefault(name, line) != line:
                    what = f"'{name}' stands in line {first[name]} already"
                    yield Finding(
                        "problem", f"{path.name}, line {line}", what, "keep one of the two"
                    )
                nodes.append(value)


def _words(path: Path) -> Iterator[Finding]:
    """Look for what the author has yet to say, in declaration and card."""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if PLACEHOLDER in line:
            yield Finding("warning", f"{path.name}, line {number}", "is not filled in", "do so")
    card = path.parent / "README.md"
    if not card.is_file():
        yield Finding("warning", "card", "there is none", f"write {card}")
        return
    content = card.read_text(encoding="utf-8", errors="replace")
    if PLACEHOLDER in content:
        yield Finding("warning", "card", "is not filled in", f"complete {card}")
    elif BEGIN not in content or END not in content:
        remedy = f"add a line {BEGIN} and a line {END}"
        yield Finding("warning", "card", "has no place for the audit", remedy)
    else:
        yield Finding("ok", "card", "is there")


def _choices(task: Task) -> Iterator[Finding]:
    if task.head not in HEADS:
        what, remedy = f"no head is called '{task.head}'", did_you_mean(task.head, list(HEADS))
        yield Finding("problem", "head", what, remedy)
    elif HEADS.get(task.head).level != task.level:
        yield Finding("problem", "head", f"'{task.head}' is for another level", "choose another")


def _files(task: Task, absent: Status) -> Iterator[Finding]:
    """Compare every file with what is declared of it; `absent` is what a missing one is."""
    for name, file in task.data_files.items():
        path = find(file.path)
        if path is None:
            fetch = f"run `rnaernie-bench data fetch {task.name}`, or " if file.url else ""
            yield Finding(
                absent,
                f"data file {name}",
                f"{file.path} is neither in a folder of RNAERNIE_BENCH_DATA nor in the cache",
                f"{fetch}set RNAERNIE_BENCH_DATA to a folder and put it there under this path",
            )
            continue
        try:
            actual = _actual(task, file)
        except DataError as error:
            yield of_error(error, f"data file {name}")
            continue
        wrong = {
            key: value
            for key, value in (("sha256", actual.sha256), ("records", actual.records))
            if getattr(file, key) != value
        }
        for key, value in wrong.items():
            yield Finding(
                "problem",
                f"data file {name}",
                f"its {key} is not the declared one",
                f"if {path} is the right file, write `{key}: {value}`",
            )
        if not wrong:
            yield Finding("ok", f"data file {name}", f"{file.records} records, as declared")


def _as_found(task: Task) -> Task:
    """Return the task with its files as they are, so that one wrong number hides nothing else."""
    files = {name: _actual(task, file) for name, file in task.dataset.files.items()}
    found = {name: find(table.source) for name, table in task.dataset.tables.items()}
    tables = {
        name: replace(table, sha256=sha256(path)) if table.sha256 and path else table
        for (name, table), path in zip(task.dataset.tables.items(), found.values(), strict=True)
    }
    return replace(task, dataset=replace(task.dataset, files=files, tables=tables))


def _actual(task: Task, file: DataFile) -> DataFile:
    path = find(file.path)
    if path is None:
        return file
    records = file.records
    headed = task.level_entry.labelled and file.format == "fasta"
    if headed and file in task.dataset.files.values():
        with suppress(DataError):  # reading the items names the record
            records = sum(1 for _ in read_fasta(path))
    return replace(file, sha256=sha256(path), records=records)


def _sizes(dataset: Dataset) -> str:
    parts = ", ".join(f"{name} {len(items)}" for name, items in dataset.parts.items())
    return f"can be read: {parts}"


def _groups(task: Task, dataset: Dataset) -> Iterator[Finding]:
    """Look for relatives that intervals take for independent."""
    groups = Counter(item.group for items in dataset.parts.values() for item in items if item.group)
    if task.resampling == "item" and max(groups.values(), default=1) > 1:
        count = f"{len(groups)} groups of {groups.total()} items"
        what = f"the data name {count}, and intervals draw items"
        remedy = "write `resampling: group`, as --group of `run` does, if groups are of relatives"
        yield Finding("warning", "resampling", what, remedy)


def _labels(task: Task, split: Split) -> Iterator[Finding]:
    """Look for labels that cannot be learned or never occur in a test part."""
    if not task.classifies:
        return
    absent = {
        part: [task.labels[i] for i in range(len(task.labels)) if not counts[i]]
        for part, items in {"train": split.train, **split.tests}.items()
        for counts in [Counter(item.label for item in items)]
    }
    for part, labels in absent.items():
        if labels:
            yield Finding(
                "problem" if part == "train" else "warning",
                _subject(split, "labels"),
                f"no record of {part} is of {', '.join(labels)}",
                "take the label out of `labels`, or cut the parts otherwise",
            )
    if not any(absent.values()):
        what = f"all {len(task.labels)} stand in train and in every test part"
        yield Finding("ok", _subject(split, "labels"), what)


def _leakage(task: Task, split: Split) -> Iterator[Finding]:
    """Count sequences that stand on both sides; only the part that ranks models must have none."""
    subject = _subject(split, "leakage")
    declared, sound = task.splits[split.name], True
    for (part, other), count in identical(split).items():
        if not count:
            continue
        ranking = part == task.default_test_part
        sound = sound and not ranking
        if ranking:
            parts = ", ".join(dict.fromkeys((declared.train, declared.validation)))
            remedy = f"declare it `without_identical_to: [{parts}]`"
        elif part in split.tests:
            remedy = f"say so in `caveats`; '{task.default_test_part}' is what ranks models"
        else:
            remedy = "cut validation anew: what it chooses has been trained on"
        what = f"{count} sequences of {part} also stand in {other}"
        yield Finding("problem" if ranking else "warning", subject, what, remedy)
    if sound:
        what = f"no sequence of {task.default_test_part} stands in train or validation"
        near = "; `data audit` searches for near duplicates"
        yield Finding("ok", subject, what + near)


def _training(task: Task, dataset: Dataset, split: Split) -> Finding:
    """Train a tiny network for a pass over a handful of items."""
    where = "simulated items" if dataset.simulated else "items"
    curves: list[float] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = [f"task={task.name}", f"split={split.name}", *_NETWORK]
            settings += [f"fold={split.fold}"] if split.fold else []
            config = compose(settings, [task.folder.parent])
            context = FitContext(
                task=task,
                config=config,
                train=_handful(split.train),
                validation=_handful(split.validation),
                dataset=used_by(split, dataset),
                folder=Path(folder),
                log=lambda metrics, step: curves.extend(metrics.values()),
            )
            encoder = resolve(BACKBONES.get(config.backbone.name).load)(config.backbone, 0)  # type: ignore[union-attr]
            resolve(STRATEGIES.get("full").fit)(context, encoder, config.strategy)
    except Exception as error:  # whatever a head of another package raises
        return of_error(error, "training")
    if not curves or any(value != value or abs(value) == float("inf") for value in curves):
        return Finding("problem", "training", f"a pass over {where} gives no finite loss", "")
    return Finding("ok", "training", f"a tiny network learns from {HANDFUL} {where}")


def _handful(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return some of the shortest items, of all classes in turn: one alone teaches nothing."""
    met: Counter[Any] = Counter()
    places: list[tuple[int, int, Any]] = []
    for item in sorted(items, key=lambda item: (_uniform(item), len(item.sequence))):
        places.append((met[item.stratum], len(places), item))
        met[item.stratum] += 1
    return tuple(item for *_, item in sorted(places, key=lambda place: place[:2])[:HANDFUL])


def _uniform(item: Any) -> bool:
    """Return whether all that is known of the bases of an item, or of their pairs, is alike."""
    labels = getattr(item, "labels", None)
    return labels is not None and len(np.unique(labels[~np.isnan(labels)])) < 2
