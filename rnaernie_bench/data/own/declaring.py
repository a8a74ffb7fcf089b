"""Data of one's own, without a task file: a task is declared of their spec.

Level and problem are stated, never inferred. The declaration is written like any other, with the
checksums of the files, so that it can be looked at, checked, and grow into a task for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import atomic_folder
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.data.own.cells import check_classes
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.simulated import FAMILIES
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.task.checks import check_declared
from rnaernie_bench.task.task import Task, read_task

FOLDER = "own_tasks"
"""Where declarations are written, below the folder of runs."""

TESTED = 0.2
"""The share of train that is tested on where no file is."""

HELD_OUT = 0.1
"""The share of train that validates where no file does."""


def declare(data: OwnData, folder: Path) -> Task:
    """Write the declaration of a task into `folder/NAME`, and return it.

    What stands there from another time is replaced.

    Args:
        data: the files, with level, problem and columns.
        folder: a folder of tasks.

    Raises:
        ConfigError: if level, problem, metric or columns do not go together.
        DataError: if a file cannot be read, or lacks a column.
        BenchError: if the folder cannot be written.
    """
    import yaml

    level = LEVELS.get(data.level)
    if data.problem not in level.own_metrics:
        raise ConfigError(
            f"there is no {data.level} {data.problem} without a task file",
            where="problem",
            remedy=f"choose one of {', '.join(_offered())}; "
            "`rnaernie-bench tasks new` begins a task of any kind",
        )
    if not data.test and not data.split_by:
        raise ConfigError(
            "there is no test part",
            where="test",
            remedy="name its file, or cut it from train by similarity (--split-by similarity)",
        )
    _rule(data)  # before files are read
    classes = data.classifies
    if classes and len(data.label) != 1:
        raise ConfigError("classes are in one column", where="label", remedy="name one")
    if repeated := [column for column, n in Counter(data.label).items() if n > 1]:
        raise ConfigError(f"'{repeated[0]}' is named twice", where="label", remedy="name it once")
    target = (folder / data.name).resolve()
    with atomic_folder(target, replace=True) as temporary:
        dataset, found = resolve(level.own_data)(data, temporary, target)
        labels = list(data.label)
        if classes:
            labels = list(data.classes) or found
            if not data.classes:
                check_classes(found, data.problem, data.label[0], data.train[-1])
        metric = data.metric or level.own_metrics[data.problem]
        check_declared(level, data.problem, len(labels), level.length, {"metric": metric})
        declaration = _declaration(data, labels, dataset)
        text = yaml.safe_dump(declaration, sort_keys=False, allow_unicode=True, width=100)
        (temporary / "task.yaml").write_text(_HEADER + text, encoding="utf-8")
        (temporary / "README.md").write_text(_card(data, dataset), encoding="utf-8")
    return read_task(target / "task.yaml")


_HEADER = """\
# Made of files named on a command line, and made anew by it. To keep it, or to share results, make
# a task of it: rnaernie-bench tasks new NAME --source table, then copy what is right.
"""


def _declaration(data: OwnData, labels: list[str], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration as `task.read_task` reads it."""
    level = LEVELS.get(data.level)
    metric = data.metric or level.own_metrics[data.problem]
    tested = "train" if data.cuts_test else "test"
    learned = ["train", "validation"] if data.validation else ["train"]
    families, named = sorted(FAMILIES), labels or ["own"]
    return {
        "name": data.name,
        "version": 1,
        "title": f"Own data: {', '.join([data.train[0].name, *data.label])}",
        "level": data.level,
        "problem": data.problem,
        "labels": labels,
        "main_metric": {"name": metric},
        "metrics": [],
        "head": level.head,
        "length": level.length,
        "dataset": {
            "name": data.name,
            "licence": "known to whoever made the run",
            "citation": "none: the data were named on a command line",
            "own": True,
            **dataset,
        },
        "splits": {
            "own": {
                "train": "train",
                "validation": "validation" if data.validation else "train",
                **_rule(data),
                "tests": {
                    "full": {"part": tested},
                    "deduplicated": {"part": tested, "without_identical_to": learned},
                },
            }
        },
        "default_split": "own",
        "default_test_part": "deduplicated",
        "resampling": "group" if data.group else "item",
        "caveats": ["The data are somebody's own: nobody else has looked at them."],
        "simulation": {  # a declaration has one; own data are never simulated
            "families": {k: families[i % len(families)] for i, k in enumerate(named)},
            "sizes": {part: 4 * len(named) for part in _parts(dataset)},
        },
    }


def _rule(data: OwnData) -> dict[str, Any]:
    """Return the key that says how parts are cut from train, if any are.

    Raises:
        ConfigError: as `OwnData.splitting` does.
    """
    if data.cuts_test:
        shares = {"fraction": TESTED, "validation": HELD_OUT, "seed": 0}
        return {"cut": {**shares, **data.splitting}}
    if data.split_by or not data.validation:
        return {"held_out": {"fraction": HELD_OUT, "seed": 0, **data.splitting}}
    return {}


def _offered() -> list[str]:
    """Return the levels and problems that need no task file."""
    levels = [level for _, level in LEVELS.working()]
    return [f"{level.name} {problem}" for level in levels for problem in level.own_metrics]


def _parts(dataset: Mapping[str, Any]) -> Counter[str]:
    """Return how many records the files or tables of each part hold."""
    counts: Counter[str] = Counter()
    for name, file in (dataset.get("tables") or dataset["files"]).items():
        counts[file.get("part", name)] += file["records"]
    return counts


def _card(data: OwnData, dataset: Mapping[str, Any]) -> str:
    """Return the card of the task."""
    lines = [f"# {data.name}", "", "Data of one's own, named on a command line.", ""]
    lines += [f"- {part}: {records} records" for part, records in _parts(dataset).items()]
    lines += ["", "<!-- audit:begin -->", "<!-- audit:end -->", ""]
    return "\n".join(lines)
