from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.task import find_tasks, load_task, load_tasks, read_task

Write = Callable[..., Path]


def declaration() -> dict[str, Any]:
    """Return a correct task of two classes."""
    file = {"path": "small/a.fasta", "sha256": "0" * 64, "records": 2}
    return {
        "name": "small",
        "version": 1,
        "title": "A small task",
        "level": "sequence",
        "problem": "multiclass",
        "labels": ["x", "y"],
        "main_metric": {"name": "macro_f1"},
        "metrics": ["accuracy"],
        "head": "pooled",
        "length": "truncate",
        "dataset": {
            "name": "set",
            "licence": "CC0",
            "citation": "none",
            "files": {part: dict(file) for part in ("train", "validation", "test")},
        },
        "splits": {
            "only": {
                "train": "train",
                "validation": "validation",
                "tests": {"all": {"part": "test", "without_identical_to": ["train"]}},
            }
        },
        "default_split": "only",
        "default_test_part": "all",
        "simulation": {
            "families": {"x": "hairpin", "y": "cloverleaf"},
            "sizes": {"train": 4, "validation": 2, "test": 2},
        },
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give `write(text or mapping, name) -> path` of a declaration in a folder of tasks."""

    def make(content: Any, name: str = "small") -> Path:
        path = tmp_path / "tasks" / name / "task.yaml"
        path.parent.mkdir(parents=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_the_shipped_task() -> None:
    task = load_task("ncrna_cls")
    assert (task.key, task.level, task.problem, len(task.labels)) == (
        "ncrna_cls@1",
        "sequence",
        "multiclass",
        13,
    )
    assert task.labels[0] == "5S_rRNA"
    assert task.main_metric.name == "macro_f1"
    assert task.main_metric.higher_is_better
    assert task.default_test_part == "deduplicated"
    assert {part: file.records for part, file in task.dataset.files.items()} == {
        "train": 5670,
        "validation": 650,
        "test": 2600,
    }
    assert task.splits["published"].tests["deduplicated"].without_identical_to == (
        "train",
        "validation",
    )
    assert task.card.is_file()


def test_a_correct_declaration(write: Write) -> None:
    path = write(declaration())
    task = read_task(path)
    assert task.folder == path.parent
    assert task.labels == ("x", "y")
    assert load_task("small", [path.parent.parent]) == task
    assert set(load_tasks([path.parent.parent])) >= {"lncrna", "ncrna_cls", "small", "ss_contacts"}


def change(dotted: str, value: Any) -> dict[str, Any]:
    """Return the correct task with one key set, or taken out where `value` is ..."""
    raw = declaration()
    *parents, last = dotted.split("/")
    inner = raw
    for key in parents:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (change("level", "base"), "level: 'base' is not allowed"),
        (change("problem", "multiclas"), "problem: 'multiclas' is not allowed"),
        (change("length", "cut"), "length: not a policy of the level 'sequence', problem 'mult"),
        (change("version", "1"), "version: '1' is not a whole number"),
        (change("version", 0), "version: versions count from 1"),
        (change("title", ...), "the key 'title' is missing"),
        (change("dataset/licence", ...), "dataset: the key 'licence' is missing"),
        (change("labls", ["x"]), "labls: unknown key 'labls'; did you mean labels?"),
        (change("labels", ["x", "y", "x"]), "labels: labels are listed twice: x"),
        (change("labels", ["x"]), "labels: a classification needs two labels or more"),
        (change("labels", ["x", 5]), "labels[1]: '5' is not a text; write it in quotes"),
        (change("main_metric/name", "f1"), "main_metric.name: 'f1' is not allowed"),
        (change("metrics", ["acuracy"]), "metrics[0]: 'acuracy' is not allowed; did you mean acc"),
        (change("default_split", "onyl"), "default_split: there is no split 'onyl'; did you mean"),
        (change("default_test_part", "some"), "splits.only.tests: there is no test part 'some'"),
        (change("splits/only/train", "trian"), "splits.only: the data set has no part 'trian'"),
        (change("splits/only/tests/all/part", "tset"), "splits.only: the data set has no part 't"),
        (
            change("splits/only/tests/all/without_identical_to", ["valid"]),
            "splits.only: the data set has no part 'valid'; did you mean validation?",
        ),
        (change("splits/only/validation", "train"), "splits.only.validation: validation is a part"),
        (change("splits/only/held_out", {"fraction": 0.1}), "splits.only.validation: validation"),
        (
            change(
                "splits/only",
                {
                    **declaration()["splits"]["only"],
                    "validation": "train",
                    "held_out": {"fraction": 1},
                },
            ),
            "splits.only.held_out.fraction: the value must be above 0 and below 1",
        ),
        (
            change("splits/only/tests/all/fraction", 0),
            "splits.only.tests.all.fraction: the value must be above 0 and at most 1",
        ),
        (
            change("splits/only/tests/all/without_groups_of", ["valid"]),
            "splits.only: the data set has no part 'valid'; did you mean validation?",
        ),
        (
            change(
                "splits/only/tests/all/without_similar_to", {"parts": ["train"], "identity": 0.5}
            ),
            "splits.only.tests.all.without_similar_to.identity: an identity is above 0.5 and",
        ),
        (
            change(
                "splits/only",
                {
                    "train": "train",
                    "validation": "train",
                    "cut": {"by": "item"},
                    "tests": {"all": {"part": "train", "length": 9}},
                },
            ),
            "splits.only.tests.all.length: it is about single sequences of a part that is not cut",
        ),
        (change("dataset/pools", {"test": ["train"]}), "dataset.pools.test: a part has this name"),
        (
            change("dataset/pools", {"all": ["train", "tset"]}),
            "dataset.pools.all: the data set has no part 'tset'; did you mean test?",
        ),
        (change("dataset/files/train/label", "z"), "dataset.files.train.label: the task has no"),
        (change("dataset/files/train/part", "test"), "splits.only: the data set has no part 'tr"),
        (change("simulation/group_size", 0), "simulation.group_size: a group has 1 item or more"),
        (change("simulation/length", 41), "simulation.length: whole sequences have 1 to 40 bases"),
        (change("splits/only/validation", ...), "splits.only.validation: validation is a part"),
        (change("dataset/header", "(?P<id>"), "dataset.header: not a regular expression: "),
        (change("dataset/header", r"(?P<id>\S+)"), "dataset.header: the named groups id and label"),
        (
            change("dataset/files/train/sha256", "0" * 63),
            "dataset.files.train.sha256: a SHA-256 has 64 digits of 0-9 and a-f",
        ),
        (change("dataset/files/train/sha256", "G" * 64), "dataset.files.train.sha256: a SHA-256"),
        (change("dataset/files/test/records", 0), "dataset.files.test.records: a part has 1"),
        (change("dataset/files/test/md5", "0"), "dataset.files.test.md5: unknown key 'md5'"),
        (change("simulation/families/y", ...), "simulation.families: each label needs one family"),
        (change("simulation/sizes/test", ...), "simulation.sizes: part 'test' needs 1 item"),
        (change("name", "large"), "name: the task is called 'large', its folder otherwise"),
    ],
)
def test_errors_name_file_and_key(write: Write, raw: dict[str, Any], expected: str) -> None:
    path = write(raw)
    with pytest.raises(ConfigError) as caught:
        read_task(path)
    assert str(caught.value).startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b\n", "a task is a mapping of keys"),
        ("", "a task is a mapping of keys"),
        ("name: [\n", "the task cannot be read: "),
    ],
)
def test_what_is_no_declaration(write: Write, text: str, expected: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        read_task(path)
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(caught.value)


def test_a_declaration_that_is_no_utf8(write: Write) -> None:
    path = write("")
    path.write_bytes(b"name: \xe9\n")
    with pytest.raises(ConfigError, match="the task cannot be read"):
        read_task(path)


def test_an_unknown_task() -> None:
    with pytest.raises(ConfigError, match="no task is called 'ncrn_cls'; did you mean ncrna_cls"):
        load_task("ncrn_cls")


def test_a_folder_without_tasks_is_an_error(write: Write, tmp_path: Path) -> None:
    task_folder = write(declaration()).parent
    for folder in (tmp_path / "missing", task_folder):
        with pytest.raises(ConfigError) as caught:
            find_tasks([folder])
        assert str(caught.value).startswith(f"{folder}: this folder has no task")


def test_a_name_stands_for_one_task(write: Write) -> None:
    folder = write({**declaration(), "name": "ncrna_cls"}, "ncrna_cls").parent
    with pytest.raises(ConfigError, match="there is another task 'ncrna_cls' in"):
        find_tasks([folder.parent])


def test_a_folder_given_twice_is_one_folder(write: Write) -> None:
    folder = write(declaration()).parent
    assert find_tasks([folder.parent, folder.parent / ".." / "tasks"])["small"] == folder
