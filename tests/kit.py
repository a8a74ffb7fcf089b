"""A task of every level and problem, on disk as real ones are, trained on in a second.

The letters decide what is true, so that a frozen network of one layer learns it. Some of what may
be unknown is unknown.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml

TINY_NET = (
    "backbone=rnaernie-tiny",
    "backbone.init=random",
    "backbone.num_hidden_layers=1",
    "backbone.hidden_size=16",
    "backbone.num_attention_heads=2",
    "backbone.intermediate_size=32",
)
NAME = "made"
SIZES = {"train": 48, "validation": 16, "test": 16}

LABELS: Mapping[tuple[str, str], list[str]] = {
    ("sequence", "binary"): ["no", "yes"],
    ("sequence", "multiclass"): ["A", "C", "G", "U"],
    ("sequence", "multilabel"): ["adenine", "purine"],
    ("sequence", "regression"): ["adenine", "purine"],
    ("token", "binary"): ["no", "yes"],
    ("token", "multiclass"): ["A", "C", "G", "U"],
    ("token", "multilabel"): ["adenine", "purine"],
    ("token", "regression"): ["adenine", "purine"],
    ("contact", "binary"): [],
    ("contact", "multiclass"): ["none", "canonical", "wobble"],
    ("contact", "multilabel"): ["strong", "purines"],
    ("contact", "regression"): ["bonds", "rings"],
    ("pair", "binary"): ["apart", "together"],
    ("pair", "multiclass"): ["none", "one", "both"],
    ("pair", "multilabel"): ["broadcast", "of_second"],
    ("pair", "regression"): ["broadcast", "of_second"],
}
"""Level and problem -> labels."""
METRICS: Mapping[tuple[str, str], str] = {
    ("sequence", "binary"): "auroc",
    ("sequence", "multiclass"): "macro_f1",
    ("sequence", "multilabel"): "macro_auroc",
    ("sequence", "regression"): "pearson",
    ("token", "binary"): "mcc",
    ("token", "multiclass"): "macro_f1",
    ("token", "multilabel"): "macro_f1",
    ("token", "regression"): "mcrmse",
    ("contact", "binary"): "f1",
    ("contact", "multiclass"): "macro_f1",
    ("contact", "multilabel"): "macro_f1",
    ("contact", "regression"): "mcrmse",
    ("pair", "binary"): "auroc",
    ("pair", "multiclass"): "macro_f1",
    ("pair", "multilabel"): "macro_auroc",
    ("pair", "regression"): "pearson",
}
"""Level and problem -> the metric that chooses."""
_HEADS = {"sequence": "mean", "token": "token", "contact": "bilinear", "pair": "segments"}

Row = dict[str, Any]


def close(left: Mapping[str, Any], right: Mapping[str, Any], atol: float = 1e-5) -> bool:
    """Say whether named arrays agree but for rounding.

    One computation done twice need not agree to the last bit: libraries choose the order of sums by
    the processor and by where in memory the numbers lie.
    """
    return left.keys() == right.keys() and all(
        np.allclose(np.asarray(left[name]), np.asarray(right[name]), rtol=1e-4, atol=atol)
        for name in left
    )


@dataclass(frozen=True)
class Made:
    """A task in a folder of its own, and its rows by part.

    A row has `id`, `group`, `sequence` or `first` and `second`, and `told`: by column, what is true
    of each unit (of the item, of each base, of each pair i < j of bases), None where that is
    unknown. Classes are the names of labels.
    """

    folder: Path
    level: str
    problem: str
    rows: Mapping[str, list[Row]]

    @property
    def metric(self) -> str:
        """The metric that chooses."""
        return METRICS[self.level, self.problem]

    def run(self, *settings: str) -> int:
        """Call `rnaernie-bench run`, and return its status."""
        from rnaernie_bench.cli.main import main

        runs = self.folder / "runs"
        fixed = (f"task={NAME}", "preset=bench", "tracking=none", "trainer.progress=false")
        tasks = ["--task-path", str(self.folder / "tasks")]
        return main(["run", *tasks, *fixed, f"runs_dir={runs}", *settings])

    def run_folders(self) -> list[Path]:
        """Return the folders of all runs, finished or not."""
        return sorted(path for path in (self.folder / "runs" / NAME).glob("*") if path.is_dir())

    def predict(self, run: Path, part: str = "test") -> list[dict[str, str]]:
        """Call `rnaernie-bench predict` on the sequences of a part; return the lines it writes."""
        from rnaernie_bench.cli.main import main

        source, out = self.folder / f"new_{part}", self.folder / "out.tsv"
        rows = self.rows[part]
        if self.level == "pair":
            source = source.with_suffix(".csv")
            lines = [f"{r['id']}.1,{r['first']},{r['id']}.2,{r['second']}" for r in rows]
            source.write_text("\n".join(["first_id,first,second_id,second", *lines]) + "\n")
        else:
            source = source.with_suffix(".fa")
            source.write_text("".join(f">{r['id']}\n{r['sequence']}\n" for r in rows))
        assert main(["predict", str(run), str(source), "-o", str(out)]) == 0
        with out.open(newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))


def make_task(
    folder: Path, level: str, problem: str, *, resampling: str = "item", **changes: Any
) -> Made:
    """Write a task and its data below `folder`.

    Args:
        folder: an empty folder.
        level: of the task.
        problem: of the task.
        resampling: what the intervals of metrics draw.
        changes: other keys of the declaration.
    """
    generator = random.Random(3)
    rows = {
        part: [
            {"id": f"{part}{n}", "group": f"{part}_g{n // 3}"} | _ROWS[level](problem, n, generator)
            for n in range(size // 2 if level == "contact" and part != "train" else size)
        ]
        for part, size in SIZES.items()
    }
    made = Made(folder, level, problem, rows)
    declaration = {
        "name": NAME, "version": 1, "title": "Made", "level": level, "problem": problem,
        "labels": LABELS[level, problem], "metrics": [], "length": "error",
        "main_metric": {"name": made.metric, "higher_is_better": made.metric != "mcrmse"},
        "head": _HEADS[level], "resampling": resampling,
        "dataset": {"name": "made", "licence": "none", "citation": "none", **_data(made)},
        "splits": {
            "only": {
                "train": "train", "validation": "validation", "tests": {"all": {"part": "test"}}
            }
        },
        "default_split": "only", "default_test_part": "all",
        "simulation": {
            "families": dict.fromkeys(LABELS[level, problem], "hairpin") or {"any": "hairpin"},
            "sizes": dict.fromkeys(SIZES, 24),
        },
    }  # fmt: skip
    if level == "pair":
        declaration["simulation"]["families"] = {}
    path = folder / "tasks" / NAME / "task.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(declaration | changes))
    return made


def _sequence(generator: random.Random, favourite: str) -> str:
    length = generator.randint(20, 30)
    return "".join(generator.choices("ACGU" + favourite * 6, k=length))


def _of_sequence(problem: str, number: int, generator: random.Random) -> Row:
    """A sequence by its frequent base, or by its shares of bases; more are rich in A than not."""
    sequence = _sequence(generator, "ACGUA"[number % 5])
    shares = [
        sum(letter in letters for letter in sequence) / len(sequence) for letters in ("A", "AG")
    ]
    told: list[Any]
    if problem == "binary":
        told = ["yes" if shares[0] > 0.4 else "no"]
    elif problem == "multiclass":
        told = [max("ACGU", key=sequence.count)]
    else:
        told = [float(s > 0.4) for s in shares] if problem == "multilabel" else shares
        if number % 6 == 5:
            told[number // 6 % 2] = None
    return {"sequence": sequence, "told": [[value] for value in told]}


def _of_bases(problem: str, number: int, generator: random.Random) -> Row:
    """Each base by its letter; nothing is known of the last."""
    sequence = _sequence(generator, "ACGUA"[number % 5])
    adenine = [float(letter == "A") for letter in sequence]
    purine = [float(letter in "AG") for letter in sequence]
    columns: list[list[Any]] = [adenine, purine]
    if problem == "binary":
        columns = [["yes" if value else "no" for value in adenine]]
    elif problem == "multiclass":
        columns = [list(sequence)]
    errors = [[generator.choice((0.05, 1.0)) for _ in sequence[1:]] for _ in columns]
    return {
        "sequence": sequence, "told": [[*c[:-1], None] for c in columns], "errors": errors
    }  # fmt: skip


def _of_contacts(problem: str, number: int, generator: random.Random) -> Row:
    """The one G and the one C among A and U pair; or each pair of bases by its two letters."""
    if problem == "binary":
        length = generator.randint(14, 22)
        first = generator.randint(0, length - 8)
        last = generator.randint(first + 4, length - 1)
        letters = generator.choices("AU", k=length)
        letters[first], letters[last] = "G", "C"
        sequence = "".join(letters)
        known = [float((i, j) == (first, last)) for i, j in combinations(range(length), 2)]
        return {"sequence": sequence, "told": [known], "pair": (first, last)}
    sequence = "".join(generator.choices("ACGU", k=generator.randint(8, 12)))
    pairs = list(combinations(sequence, 2))
    kinds = ["".join(sorted(letters)) for letters in pairs]
    columns: list[list[Any]]
    if problem == "multiclass":
        names = {"AU": "canonical", "CG": "canonical", "GU": "wobble"}
        columns = [[names.get(kind, "none") for kind in kinds]]
    elif problem == "multilabel":
        columns = [[float(k == "CG") for k in kinds], [float(set(k) <= set("AG")) for k in kinds]]
    else:  # hydrogen bonds, and rings of the two
        bonds = {"CG": 3.0, "AU": 2.0, "GU": 2.0}
        columns = [
            [bonds.get(kind, 0.0) for kind in kinds],
            [float(sum(letter in "AG" for letter in kind)) for kind in kinds],
        ]
    unknown = range(0, len(kinds), 10)
    told = [[None if p in unknown else v for p, v in enumerate(column)] for column in columns]
    return {"sequence": sequence, "told": told}


def _of_pairs(problem: str, number: int, generator: random.Random) -> Row:
    """A pair by which of its partners are rich in A, and how rich."""
    first, second = (
        "".join(generator.choices("ACGU" + "A" * favour, k=generator.randint(16, 24)))
        for favour in (9 * (number % 2), 9 * (number // 2 % 2))
    )
    shares = [round(sequence.count("A") / len(sequence), 3) for sequence in (first, second)]
    rich = [share > 0.5 for share in shares]
    told: list[Any]
    if problem == "binary":
        told = ["together" if all(rich) else "apart"]
    elif problem == "multiclass":
        told = [LABELS["pair", problem][sum(rich)]]
    else:
        told = [float(value) for value in rich] if problem == "multilabel" else shares
        if number % 6 == 5:
            told[number // 6 % 2] = None
    return {"first": first, "second": second, "told": [[value] for value in told]}


_ROWS: Mapping[str, Callable[[str, int, random.Random], Row]] = {
    "sequence": _of_sequence, "token": _of_bases, "contact": _of_contacts, "pair": _of_pairs,
}  # fmt: skip


def _data(made: Made) -> dict[str, Any]:
    """Write the data, and return how the declaration describes them."""
    spelt = made.problem in ("binary", "multiclass")
    names = ["label"] if spelt else [f"is_{label}" for label in LABELS[made.level, made.problem]]
    labels = {} if spelt else dict(zip(LABELS[made.level, made.problem], names, strict=True))
    if made.level == "contact" and made.problem == "binary":
        return {
            "files": {part: _file(made, part, ".dbn", _dot_bracket) for part in made.rows},
            "header": r"(?P<id>[^_]+_(?P<group>\S+))",
        }
    if made.level == "pair":
        named = {"label": "label"} if spelt else {"labels": labels}
        columns = {"first": "first", "second": "second", "first_group": "group", **named}
        files = {
            part: _file(made, part, ".csv", lambda rows: _table(rows, names)) for part in made.rows
        }
        return {"files": files, "pairs": columns}
    tables: dict[str, Any] = {}
    for part, rows in made.rows.items():
        found = [_json_row(made, row, names) for row in rows]
        path = made.folder / f"{part}.json"
        by_column = {key: {str(n): row[key] for n, row in enumerate(found)} for key in found[0]}
        path.write_text(json.dumps(by_column))
        tables[part] = {
            "source": _declared(path),
            "group": "group",
            **({"labels": labels} if labels else {}),
        }
        if (made.level, made.problem) == ("token", "regression"):
            tables[part]["errors"] = {label: f"{name}_error" for label, name in labels.items()}
    return {"tables": tables}


def _file(made: Made, part: str, suffix: str, text: Callable[[list[Row]], str]) -> dict[str, Any]:
    path = made.folder / f"{part}{suffix}"
    path.write_text(text(made.rows[part]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": _declared(path), "sha256": digest, "records": len(made.rows[part])}


def _declared(path: Path) -> str:
    """Return a path as declarations have it: below a data folder, which the root is made here."""
    folders = os.environ.get("RNAERNIE_BENCH_DATA", "").split(os.pathsep)
    if path.anchor not in folders:
        kept = filter(None, folders)
        os.environ["RNAERNIE_BENCH_DATA"] = os.pathsep.join([path.anchor, *kept])
    return path.relative_to(path.anchor).as_posix()


def _dot_bracket(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        marks = ["."] * len(row["sequence"])
        first, last = row["pair"]
        marks[first], marks[last] = "(", ")"
        lines += [f">{row['id']}_{row['group']}", row["sequence"], "".join(marks)]
    return "\n".join(lines) + "\n"


def _table(rows: list[Row], names: list[str]) -> str:
    lines = [",".join(["group", "first", "second", *names])]
    for row in rows:
        values = ["" if value is None else f"{value:g}" if isinstance(value, float) else value
                  for (value,) in row["told"]]  # fmt: skip
        lines.append(",".join([row["group"], row["first"], row["second"], *values]))
    return "\n".join(lines) + "\n"


def _json_row(made: Made, row: Row, names: list[str]) -> Row:
    """Return a row as its columns: of pairs of bases, those that what is not listed is not."""
    kept = {key: row[key] for key in ("id", "sequence", "group")}
    columns: list[Any] = row["told"]
    if made.level == "sequence":
        columns = [value for (value,) in columns]
    elif made.level == "token":
        columns = [column[:-1] for column in columns]
    else:
        usual: tuple[Any, ...] = (None,) if made.problem == "regression" else (0.0, "none")
        places = list(combinations(range(len(row["sequence"])), 2))
        listed = [p for p in range(len(places)) if any(c[p] not in usual for c in columns)]
        kept["places"] = [places[p] for p in listed]
        columns = [[column[p] for p in listed] for column in columns]
    errors = {f"{name}_error": e for name, e in zip(names, row.get("errors", []), strict=False)}
    return kept | dict(zip(names, columns, strict=True)) | errors


def known(made: Made, part: str = "test") -> Iterator[tuple[Any, ...]]:
    """Yield what is told of each unit of a part, by column, in the order in which it is written."""
    for row in made.rows[part]:
        yield from zip(*row["told"], strict=True)


def agree(left: Any, right: Any) -> bool:
    """Say whether two parts of records are the same but for rounding."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(agree(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(agree, left, right))
    if isinstance(left, float):
        return bool(np.isclose(left, right, rtol=1e-4, atol=1e-6))
    return bool(left == right)


def predict_alike(left: Any, right: Any) -> bool:
    """Say whether stored predictions are of the same items and agree but for rounding to halves."""
    fields = left.predicted.dtype.names
    return left.ids.tolist() == right.ids.tolist() and all(
        np.allclose(left.predicted[name], right.predicted[name], rtol=2e-3, atol=2e-3)
        for name in fields
    )
