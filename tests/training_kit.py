"""A task small enough to train on in a second, written to disk and read the way real ones are."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.config.compose import compose
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.task.task import Task, load_task

TASK = "tiny_cls"
LABELS = ("a_rich", "gc_rich", "u_rich")
_LETTERS = {"a_rich": "AAAAAACGU", "gc_rich": "GGGCCCAU", "u_rich": "UUUUUUCGA"}
_ITEMS_A_CLASS = {"train": 10, "validation": 4, "test": 4}
COPIES = 3
"""Test sequences that also stand in train."""

TINY_NET = (
    "backbone=rnaernie-tiny",
    "backbone.init=random",
    "backbone.num_hidden_layers=1",
    "backbone.hidden_size=16",
    "backbone.num_attention_heads=2",
    "backbone.intermediate_size=32",
)
QUICK = (
    f"task={TASK}",
    "preset=bench",
    "tracking=none",
    "trainer.max_epochs=2",
    "trainer.token_budget=400",
    "trainer.learning_rates=[]",
    "trainer.progress=false",
)

Records = list[tuple[str, str]]
"""Headers and sequences."""


def records() -> dict[str, Records]:
    """Return the parts of the task; which base is frequent tells the class."""
    generator = random.Random(7)
    parts: dict[str, Records] = {}
    for part, count in _ITEMS_A_CLASS.items():
        parts[part] = [
            (
                f"RF{index % 3}_{part}_{label}_{index} {label}",
                "".join(generator.choices(_LETTERS[label], k=generator.randint(20, 40))),
            )
            for index in range(count)
            for label in LABELS
        ]
    for index in range(COPIES):
        parts["test"][index] = (parts["test"][index][0], parts["train"][index][1])
    return parts


def fasta(part: Records) -> bytes:
    """Return a part as the bytes of a FASTA file."""
    return "".join(f">{header}\n{sequence}\n" for header, sequence in part).encode()


class TinyTask:
    """The task in a folder of its own: `tasks/` with its declaration, `data/` with its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks = folder / "tasks"
        self.data = folder / "data"
        self.runs = folder / "runs"
        self.parts = records()
        self.write({part: fasta(content) for part, content in self.parts.items()})

    def path(self, part: str) -> Path:
        """Return the file of a part."""
        return self.data / "tiny" / f"{part}.fasta"

    def write(self, contents: Mapping[str, bytes], **counts: int) -> None:
        """Write or replace the files of parts, and a declaration that agrees with all of them."""
        for part, content in contents.items():
            self.path(part).parent.mkdir(parents=True, exist_ok=True)
            self.path(part).write_bytes(content)
        files = {
            part: {
                "path": f"tiny/{part}.fasta",
                "sha256": hashlib.sha256(self.path(part).read_bytes()).hexdigest(),
                "records": counts.get(part, len(self.parts[part])),
            }
            for part in self.parts
        }
        declaration = self.tasks / TASK / "task.yaml"
        declaration.parent.mkdir(parents=True, exist_ok=True)
        declaration.write_text(yaml.safe_dump(_declaration(files)))

    def config(self, *overrides: str) -> RunConfig:
        """Return settings of a quick run."""
        return compose((*QUICK, f"runs_dir={self.runs}", *overrides), [self.tasks])

    def task(self) -> Task:
        """Return the declaration."""
        return load_task(TASK, [self.tasks])

    def dataset(self) -> Dataset:
        """Return the data."""
        return load_dataset(self.task(), simulated=False)

    def split(self) -> Split:
        """Return the one split."""
        return make_split(self.task(), self.dataset(), "only")

    def context(self, config: RunConfig, **changes: Any) -> FitContext:
        """Return what a fit is given."""
        split = self.split()
        given: dict[str, Any] = {
            "task": self.task(),
            "config": config,
            "train": split.train,
            "validation": split.validation,
            "dataset": self.dataset(),
            "folder": self.folder / "fit",
        }
        return FitContext(**{**given, **changes})

    def cli(self, *arguments: str, settings: Iterable[str] = ()) -> int:
        """Call `rnaernie-bench run` on the task."""
        from rnaernie_bench.cli.main import main

        return main(
            [
                "run",
                "--task-path",
                str(self.tasks),
                *arguments,
                *QUICK,
                f"runs_dir={self.runs}",
                *settings,
            ]
        )

    def run_folders(self) -> list[Path]:
        """Return the folders of all runs, finished or not."""
        return sorted(path for path in (self.runs / TASK).glob("*") if path.is_dir())


def _declaration(files: Mapping[str, Any]) -> dict[str, Any]:
    families = ("hairpin", "cloverleaf", "long_stem")
    return {
        "name": TASK,
        "version": 1,
        "title": "Tiny classification",
        "level": "sequence",
        "problem": "multiclass",
        "labels": list(LABELS),
        "main_metric": {"name": "macro_f1", "higher_is_better": True},
        "metrics": ["accuracy"],
        "head": "pooled",
        "length": "truncate",
        "dataset": {
            "name": "tiny",
            "licence": "none",
            "citation": "nobody",
            "header": r"(?P<id>(?P<group>RF\d)_\S+)\s+(?P<label>\S+)",
            "files": dict(files),
        },
        "splits": {
            "only": {
                "train": "train",
                "validation": "validation",
                "tests": {
                    "full": {"part": "test"},
                    "deduplicated": {"part": "test", "without_identical_to": ["train"]},
                },
            }
        },
        "default_split": "only",
        "default_test_part": "deduplicated",
        "simulation": {
            "families": dict(zip(LABELS, families, strict=True)),
            "sizes": {"train": 6, "validation": 3, "test": 3},
        },
    }


@contextmanager
def installed(folder: Path) -> Iterator[TinyTask]:
    """Give the task, with data folder and cache set to its own, and torch to one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            task = TinyTask(folder)
            patch.setenv("RNAERNIE_BENCH_DATA", str(task.data))
            patch.setenv("RNAERNIE_BENCH_CACHE", str(folder / "cache"))
            yield task
    finally:
        torch.set_num_threads(threads)
