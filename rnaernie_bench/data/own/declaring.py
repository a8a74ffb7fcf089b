"""Data of one's own, without a task file: a task is declared of their spec.

Level and problem are stated, never inferred. The declaration is written like any other, with the
checksums of the files, so that it can be looked at, checked, and grow into a task for others.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.files import as_bench_error, write_text
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.core.schema import build
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.data.own.classes import classes_of
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.own.tables import JOINED, in_its_place, without_unreadable
from rnaernie_bench.data.simulated import FAMILIES
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.task.checks import check, check_declared
from rnaernie_bench.task.content import digest
from rnaernie_bench.task.task import Task

TESTED = 0.2
"""The share of train that is tested on where no file is."""

HELD_OUT = 0.1
"""The share of train that validates where no file does."""


def declare(data: OwnData, folder: Path) -> Task:
    """Write the declaration of a task into `folder/NAME`, and return it.

    The name holds a hash of everything that figures and predictions follow from. So what stands
    there from another time, or is written there at the same time, says the same.

    Args:
        data: the files, with level, problem and columns.
        folder: a folder of tasks.

    Raises:
        ConfigError: if level, problem, metric or columns do not go together.
        DataError: if a file cannot be read, or lacks a column.
        BenchError: if the folder cannot be written.
    """
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
    if data.first_base is not None and data.labelled:
        raise ConfigError("it is about structures", where="first_base", remedy="leave it out")
    if (data.classifies or not data.labelled) and data.label and len(data.label) != 1:
        raise ConfigError("classes are in one column", where="label", remedy="name one")
    if repeated := [column for column, n in Counter(data.label).items() if n > 1]:
        raise ConfigError(f"'{repeated[0]}' is named twice", where="label", remedy="name it once")
    if data.group and data.group in data.label:
        raise ConfigError(f"'{data.group}' is the label", where="group", remedy="name another")
    with _written_into(folder.resolve()) as temporary:
        dataset, found = resolve(level.own_data)(data, temporary)
        tables = dataset.get("tables", {})
        joined = {part: table.pop(JOINED) for part, table in tables.items() if JOINED in table}
        labels = list(data.classes or data.label) if data.labelled else []
        if data.classifies and not data.classes:
            column, table = data.label[0], data.train[-1]
            labels = classes_of(found, data.problem, column, table, letters=level.per_base)
        metric = data.metric or level.own_metrics[data.problem]
        check_declared(level, data.problem, len(labels), level.length, {"metric": metric})
        declaration = _declaration(data, labels, dataset)
        if data.skip_invalid and (data.labelled or "tables" in dataset):
            task = build(Task, {**declaration, "folder": temporary})
            dataset = without_unreadable(dataset, task, joined)
            declaration = _declaration(data, labels, dataset)
        target = temporary.parent / declaration["name"]
        for table in dataset.get("tables", {}).values():
            if (written := Path(table["source"])).parent == temporary:
                table["source"] = str(target / written.name)
        task = build(Task, {**declaration, "folder": target})
        check(task)
        fresh = not (target / "task.yaml").exists()
        try:
            target.mkdir(exist_ok=True)
            for file in temporary.iterdir():
                file.replace(target / file.name)
            if data.labelled or "tables" in dataset:  # files of structures have been read
                _read(task, joined)
            _write(task, declaration)
        except BaseException:
            if fresh:
                shutil.rmtree(target, ignore_errors=True)
            raise
    return task


def _read(task: Task, joined: Mapping[str, Sequence[str]]) -> None:
    """Read the data; what is wrong with a row of a joined table is told of the user's own."""
    try:
        load_dataset(task, simulated=False)
    except DataError as error:
        part = Path(str(error.where).partition(", row ")[0]).stem
        raise in_its_place(error, joined.get(part, ())) from error


@contextmanager
def _written_into(folder: Path) -> Iterator[Path]:
    """Give a temporary folder inside `folder`, which is made; errors of writing are ours."""
    temporary = folder / f".{secrets.token_hex(4)}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
    except OSError as error:
        if known := as_bench_error(error, error.filename or folder):
            raise known from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(task: Task, declaration: Mapping[str, Any]) -> None:
    """Write the declaration of a task and its card, each whole or not at all."""
    import yaml

    text = yaml.safe_dump(declaration, sort_keys=False, allow_unicode=True, width=100)
    write_text(task.card, _card(declaration))
    write_text(task.folder / "task.yaml", _HEADER + text)


_HEADER = """\
# Made of files named on a command line, and made anew by it. To keep it, or to share results, make
# a task of it: rnaernie-bench tasks new NAME --source table, then copy what is right.
"""


def _declaration(data: OwnData, labels: list[str], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration as `task.read_task` reads it."""
    level = LEVELS.get(data.level)
    metric = data.metric or level.own_metrics[data.problem]
    families, named = sorted(FAMILIES), labels or ["own"]
    said: dict[str, Any] = {
        "version": 1,
        "level": data.level,
        "problem": data.problem,
        "labels": labels,
        "main_metric": {"name": metric},
        "metrics": [],
        "head": level.head,
        "length": level.length,
        "dataset": {
            "licence": "known to whoever made the run",
            "citation": "none: the data were named on a command line",
            "own": True,
            **dataset,
        },
        "splits": {"own": _split(data)},
        "default_split": "own",
        "default_test_part": "deduplicated" if data.train else "full",
        "resampling": "group" if data.group else "item",
        "caveats": ["The data are somebody's own: nobody else has looked at them."],
        "simulation": {  # a declaration has one; own data are never simulated
            "families": {k: families[i % len(families)] for i, k in enumerate(named)},
            "sizes": {part: 4 * len(named) for part in _parts(dataset)},
        },
    }
    name = f"{data.stem}_{digest(_without_folders(said))}"
    said["dataset"] = {"name": name, **said["dataset"]}
    files = data.train or data.test
    title = f"Own data: {', '.join([files[0].name, *data.label])}"
    return {"name": name, "title": title, **said}


def _without_folders(said: Any) -> Any:
    """Return a declaration with files by their names: what they hold, their checksums say."""
    if not isinstance(said, Mapping):
        return said
    return {
        key: Path(value).name if key in ("path", "source") else _without_folders(value)
        for key, value in said.items()
    }


def _split(data: OwnData) -> dict[str, Any]:
    """Return the split: without files that train, the test part alone."""
    tested = "train" if data.cuts_test else "test"
    full = {"full": {"part": tested}}
    if not data.train:
        return {"tests": full}
    learned = ["train", "validation"] if data.validation else ["train"]
    return {
        "train": "train",
        "validation": "validation" if data.validation else "train",
        **_rule(data),
        "tests": {**full, "deduplicated": {"part": tested, "without_identical_to": learned}},
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


def _card(declaration: Mapping[str, Any]) -> str:
    """Return the card of the task."""
    parts = _parts(declaration["dataset"])
    lines = [f"# {declaration['name']}", "", "Data of one's own, named on a command line.", ""]
    lines += [f"- {part}: {records} records" for part, records in parts.items()]
    lines += ["", "<!-- audit:begin -->", "<!-- audit:end -->", ""]
    return "\n".join(lines)
