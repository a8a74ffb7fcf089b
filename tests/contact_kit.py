"""A contact-level task small enough to train on in a second, written to disk like real ones."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

TASK = "tiny_contacts"
LONG = 30_000
"""Bases of the one test sequence that nothing reads."""

FOLDS = ("left", "right")
SIZES = {"train": 40, "validation": 12, "test": 8}


def structures(part: str) -> str:
    """Return a dot-bracket file: in each sequence of A, the one G pairs with the one C."""
    generator = random.Random(part)
    records = []
    for index in range(SIZES[part]):
        length = LONG if (part, index) == ("test", 0) else generator.randint(16, 30)
        first = generator.randint(0, length - 8)
        last = generator.randint(first + 4, length - 1)
        letters, marks = ["A"] * length, ["."] * length
        letters[first], letters[last] = "G", "C"
        marks[first], marks[last] = "(", ")"
        family = FOLDS[index % 2]
        records.append(f">{family}_{part}{index}\n{''.join(letters)}\n{''.join(marks)}\n")
    return "".join(records)


class ContactTask:
    """The task in a folder of its own: `tasks/` with its declaration, `data/` with its files."""

    def __init__(self, folder: Path) -> None:
        self.tasks, self.data, self.runs = folder / "tasks", folder / "data", folder / "runs"
        files = {part: self._file(f"{part}.dbn", structures(part), SIZES[part]) for part in SIZES}
        rows = [
            f"{fold},{'test' if index % 2 == FOLDS.index(fold) else 'train'},"
            f"{FOLDS[index % 2]}_train{index}\n"
            for fold in FOLDS
            for index in range(SIZES["train"])
        ]
        folds = self._file("folds.csv", "fold,partition,id\n" + "".join(rows), len(rows))
        held_out = {"fraction": 0.2, "seed": 0}
        declaration = {
            "name": TASK,
            "version": 1,
            "title": "Tiny contacts",
            "level": "contact",
            "problem": "binary",
            "labels": [],
            "main_metric": {"name": "f1", "higher_is_better": True},
            "metrics": ["precision", "recall"],
            "head": "bilinear",
            "length": "unpaired",
            "dataset": {
                "name": "tiny",
                "licence": "none",
                "citation": "nobody",
                "header": r"(?P<id>(?P<group>[^_]+)_.*)",
                "files": files,
            },
            "splits": {
                "only": {
                    "train": "train",
                    "validation": "validation",
                    "tests": {"test": {"part": "test"}},
                },
                "family": {
                    "train": "train",
                    "validation": "train",
                    "held_out": held_out,
                    "tests": {"test": {"part": "train"}},
                    "folds": {"names": list(FOLDS), "file": folds},
                },
            },
            "default_split": "only",
            "default_test_part": "test",
            "simulation": {
                "families": {"left": "hairpin", "right": "cloverleaf"},
                "sizes": {"train": 8, "validation": 4, "test": 4},
            },
        }
        path = self.tasks / TASK / "task.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(declaration))

    def _file(self, name: str, text: str, records: int) -> dict[str, object]:
        path = self.data / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"path": f"tiny/{name}", "sha256": digest, "records": records}

    def run_folders(self) -> list[Path]:
        """Return the folders of all runs, finished or not."""
        return sorted(path for path in (self.runs / TASK).glob("*") if path.is_dir())

    def cli(self, *settings: str) -> int:
        """Call `rnaernie-bench run` on the task."""
        from rnaernie_bench.cli.main import main

        fixed = (f"task={TASK}", "preset=bench", "tracking=none", "trainer.progress=false")
        return main(
            ["run", "--task-path", str(self.tasks), *fixed, f"runs_dir={self.runs}", *settings]
        )


@contextmanager
def installed_contacts(folder: Path) -> Iterator[ContactTask]:
    """Give the task, with data folder and cache set to its own, and torch to one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            task = ContactTask(folder)
            patch.setenv("RNAERNIE_BENCH_DATA", str(task.data))
            patch.setenv("RNAERNIE_BENCH_CACHE", str(folder / "cache"))
            yield task
    finally:
        torch.set_num_threads(threads)
