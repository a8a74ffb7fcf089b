"""Data of one's own, without a task file: a task is declared of what is said of them.

Level and problem are stated, never inferred. The declaration is written like any other, with the
checksums of the files, so that it can be looked at, checked, and grow into a task for others.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.own_cells import check_classes, lists_of, write_lists
from rnaernie_bench.data.own_pairs import classes_of_pairs, pair_dataset
from rnaernie_bench.data.own_structures import structure_dataset
from rnaernie_bench.data.simulated import FAMILIES
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.tables import ENDINGS, open_table
from rnaernie_bench.declaration import Table
from rnaernie_bench.errors import ConfigError, DataError
from rnaernie_bench.files import atomic_folder
from rnaernie_bench.levels import LengthPolicy, Level, MetricName, Problem, check_declared
from rnaernie_bench.registry import did_you_mean
from rnaernie_bench.single_table import PairColumns
from rnaernie_bench.task import Task, read_task

FOLDER = "own_tasks"
"""Where declarations are written, below the folder of runs."""

SEQUENCES = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")
"""Endings of FASTA files."""

HELD_OUT = 0.1
"""The share of train that validates where no file does."""

_OF_ITEMS: Mapping[Problem, MetricName] = {
    "binary": "auroc",
    "multiclass": "macro_f1",
    "multilabel": "macro_auroc",
    "regression": "spearman",
}
_MAIN: Mapping[tuple[Level, Problem], MetricName] = {
    **{("sequence", problem): metric for problem, metric in _OF_ITEMS.items()},
    **{("pair", problem): metric for problem, metric in _OF_ITEMS.items()},
    ("token", "binary"): "mcc",
    ("token", "multiclass"): "macro_f1",
    ("token", "multilabel"): "macro_auroc",
    ("token", "regression"): "mcrmse",
    ("contact", "binary"): "f1",
}
"""What is offered, and the metric that chooses unless another is named."""

_LOW_IS_GOOD = ("ece", "brier", "rmse", "mcrmse", "mae")
_HEADS: Mapping[Level, str] = {
    "sequence": "pooled", "token": "token", "contact": "bilinear", "pair": "interaction",
}  # fmt: skip
_LENGTHS: Mapping[Level, LengthPolicy] = {
    "sequence": "truncate", "token": "error", "contact": "unpaired", "pair": "error",
}  # fmt: skip


@dataclass(frozen=True)
class OwnData:
    """Files, and what is asked of them."""

    train: tuple[Path, ...]
    """A table (CSV, TSV, Parquet or Arrow), or a FASTA file and a table of its labels; of pairs, a
    CSV or TSV table; of base pairs, files of structures, or folders of them."""
    test: tuple[Path, ...]
    level: Level
    problem: Problem
    label: tuple[str, ...]
    """The column of classes; of several numbers, their columns. Of bases, a cell holds a value a
    base between blanks or commas, or, of classes, a letter a base; those at the end may be
    missing. Base pairs stand in no column: leave it empty."""
    sequence: str = "sequence"
    """The column of sequences."""
    validation: tuple[Path, ...] = ()
    """Chooses everything; cut from train if there is none, in whole groups."""
    group: str | None = None
    """The column that tells relatives; of pairs, the name of the first partner."""
    id: str = "id"
    """The column of ids, by which FASTA records and rows are joined; rows are numbered without, and
    always of pairs."""
    classes: tuple[str, ...] = ()
    """In their order, the negative one first; those of train in alphabetical order if empty."""
    metric: MetricName | None = None
    """What chooses, and what is shown first; the usual one of the problem if None."""
    first: str = "first"
    """Of pairs: the column of the first partner's sequence, 5' to 3'."""
    second: str = "second"
    """The same of the second partner."""

    @property
    def pairs(self) -> PairColumns:
        """What the columns of a table of pairs mean."""
        classes = self.problem in ("binary", "multiclass")
        return PairColumns(
            self.first,
            self.second,
            label=self.label[0] if classes else "",
            first_group=self.group or "",
            labels={} if classes else {column: column for column in self.label},
        )

    @property
    def name(self) -> str:
        """What the task is called: after the file that trains."""
        stem = self.train[0].name.partition(".")[0].lower()
        return "own_" + (re.sub("[^a-z0-9]+", "_", stem).strip("_") or "data")


def declare(data: OwnData, folder: Path) -> Task:
    """Write the declaration of a task into `folder/NAME`, and return it.

    What stands there from another time is replaced.

    Args:
        data: the files, and what is asked.
        folder: a folder of tasks.

    Raises:
        ConfigError: if level, problem, metric or columns do not go together.
        DataError: if a file cannot be read, or lacks a column.
        BenchError: if the folder cannot be written.
    """
    import yaml

    if (data.level, data.problem) not in _MAIN:
        offered = ", ".join(" ".join(pair) for pair in _MAIN)
        raise ConfigError(
            f"there is no {data.level} {data.problem} without a task file",
            where="problem",
            remedy=f"choose one of {offered}; `rnaernie-bench tasks new` begins a task of any kind",
        )
    if data.level == "contact" and (data.label or data.group or data.classes):
        raise ConfigError(
            "files of structures have no columns and no classes",
            where="label, group or classes",
            remedy="leave it out",
        )
    classes = _classifies(data)
    if classes and len(data.label) != 1:
        raise ConfigError("classes stand in one column", where="label", remedy="name one")
    if repeated := [column for column, n in Counter(data.label).items() if n > 1]:
        raise ConfigError(f"'{repeated[0]}' is named twice", where="label", remedy="name it once")
    if data.level == "pair" and data.id != "id":
        raise ConfigError("pairs are called by the numbers of their rows", where="id")
    target = (folder / data.name).resolve()
    with atomic_folder(target, replace=True) as temporary:
        parts = {"train": data.train, "validation": data.validation, "test": data.test}
        labels = list(data.label)
        if data.level == "contact":
            dataset, found = structure_dataset(parts), []
        elif data.level == "pair":
            dataset = pair_dataset(parts, data.pairs)
            found = classes_of_pairs(data.train[0], data.pairs) if classes else []
        else:
            tables = {
                part: _table(data, files, part, temporary, target)
                for part, files in parts.items()
                if files
            }
            dataset = {"tables": tables}
            found = sorted(_values(tables["train"], temporary)) if classes else []
        if classes:
            labels = list(data.classes) or found
            if not data.classes:
                check_classes(found, data.problem, data.label[0], data.train[-1])
        metric = data.metric or _MAIN[data.level, data.problem]
        length = _LENGTHS[data.level]
        check_declared(data.level, data.problem, len(labels), length, {"metric": metric})
        declaration = _declaration(data, labels, dataset)
        text = yaml.safe_dump(declaration, sort_keys=False, allow_unicode=True, width=100)
        (temporary / "task.yaml").write_text(_HEADER + text, encoding="utf-8")
        (temporary / "README.md").write_text(_card(data, dataset), encoding="utf-8")
    return read_task(target / "task.yaml")


_HEADER = """\
# Made of files named on a command line, and made anew by it. To keep it, or to share results, make
# a task of it: rnaernie-bench tasks new NAME --source table, then copy what is right.
"""


def _classifies(data: OwnData) -> bool:
    return data.level != "contact" and data.problem in ("binary", "multiclass")


def _declaration(data: OwnData, labels: list[str], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration as `task.read_task` reads it."""
    metric = data.metric or _MAIN[data.level, data.problem]
    held_out = {} if data.validation else {"held_out": {"fraction": HELD_OUT, "seed": 0}}
    learned = ["train", "validation"] if data.validation else ["train"]
    families, named = sorted(FAMILIES), labels or ["own"]
    return {
        "name": data.name,
        "version": 1,
        "title": f"Own data: {', '.join([data.train[0].name, *data.label])}",
        "level": data.level,
        "problem": data.problem,
        "labels": labels,
        "main_metric": {"name": metric, "higher_is_better": metric not in _LOW_IS_GOOD},
        "metrics": [],
        "head": _HEADS[data.level],
        "length": _LENGTHS[data.level],
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
                **held_out,
                "tests": {
                    "full": {"part": "test"},
                    "deduplicated": {"part": "test", "without_identical_to": learned},
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


def _table(
    data: OwnData, files: tuple[Path, ...], part: str, folder: Path, target: Path
) -> dict[str, Any]:
    """Return the declaration of a part's table, which is written into `folder` where it must be.

    Args:
        data: what is asked.
        files: of the part.
        part: its name.
        folder: where a table is written.
        target: what the folder will be called.
    """
    fasta = [path for path in files if path.name.lower().endswith(SEQUENCES)]
    others = [path for path in files if path not in fasta]
    if len(others) != 1 or len(fasta) > 1:
        raise ConfigError(
            "a part is one table, or one FASTA file and one table of its labels",
            where=part,
            remedy=f"give --{part} TABLE, or --{part} FASTA --{part} TABLE",
        )
    rows = Rows(others[0])
    rows.require([*data.label, *([data.group] if data.group else [])], "label or group")
    columns = {"id": data.id, "sequence": data.sequence}
    if fasta:
        rows.require([data.id], "id")
        written: Iterator[Mapping[str, Any]] = _joined(rows, read_named(fasta[0]), data)
        columns["sequence"] = "sequence"
    else:
        rows.require([data.sequence], "sequence")
        written = iter(rows)
    path = others[0].resolve()
    count = 0
    if data.level == "token":
        roles = {"id": data.id, "sequence": columns["sequence"], "group": data.group}
        lists = lists_of(written, data.label, roles, classes=_classifies(data), table=others[0])
        count = write_lists(folder / f"{part}.parquet", lists)
        path = target / f"{part}.parquet"
    elif fasta:
        count = _write_csv(folder / f"{part}.csv", written)
        path = target / f"{part}.csv"
    else:
        count = sum(1 for _ in written)
    if not count:
        raise DataError("the table is empty", where=others[0], remedy="give one with rows")
    named = {"labels": {column: column for column in data.label}}
    label = {"label": data.label[0]} if _classifies(data) else named
    digest = sha256(path if path == others[0].resolve() else folder / path.name)
    group = {"group": data.group} if data.group else {}
    return {"source": str(path), "sha256": digest, "records": count, **columns, **label, **group}


class Rows:
    """The rows of a table, read as often as they are asked for.

    Args:
        path: of the table.

    Raises:
        DataError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError("there is no such file", where=path, remedy="check the path")
        if path.suffix not in ENDINGS:
            raise DataError(
                "the name does not tell which kind of table it is",
                where=path,
                remedy="let it end in " + ", ".join(ENDINGS),
            )
        self.path = path
        self._table = Table(source=str(path.resolve()))
        _, _, self.columns = open_table(self._table)
        if not self.columns:
            raise DataError("the table is empty", where=path, remedy="give one with rows")

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows from the first."""
        return iter(open_table(self._table)[1])

    def require(self, columns: Iterable[str], role: str) -> None:
        """Refuse a table without these columns.

        Raises:
            DataError: naming the first that is missing.
        """
        for column in columns:
            if column not in self.columns:
                raise DataError(
                    f"there is no column '{column}' for {role}",
                    where=self.path,
                    remedy=did_you_mean(column, list(self.columns)),
                )


def _values(table: Mapping[str, Any], folder: Path) -> set[str]:
    """Return the classes of a table: what stands in its column of labels.

    Args:
        table: its declaration.
        folder: where it is if it was written, and not yet what stands there from another time.
    """
    path = Path(table["source"])
    written = folder / path.name
    rows = Rows(written if written.is_file() else path)
    cells = (row[table["label"]] for row in rows)
    words = (word for cell in cells for word in (cell if isinstance(cell, list) else [cell]))
    return {str(word).strip() for word in words if word is not None} - {""}


def _joined(
    rows: Rows, records: Iterable[tuple[str, str]], data: OwnData
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table with the sequences of FASTA records of their ids, in that order."""
    kept = [*data.label, *([data.group] if data.group else [])]
    by_id = {str(row[data.id]).strip(): row for row in rows}
    for name, sequence in records:
        if name not in by_id:
            raise DataError(
                f"there is no row for the record '{name}'",
                where=rows.path,
                remedy=f"ids stand in the column '{data.id}'; --id names another",
            )
        row = by_id.pop(name)
        yield {data.id: name, "sequence": sequence, **{column: row[column] for column in kept}}
    if by_id:
        raise DataError(
            f"there is no sequence for the id '{next(iter(by_id))}'",
            where=rows.path,
            remedy="add it to the FASTA file, or remove the row",
        )


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows, and return how many there are."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        for count, row in enumerate(rows, start=1):
            if count == 1:
                writer = csv.DictWriter(stream, list(row))
                writer.writeheader()
            writer.writerow(row)
    return count


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
