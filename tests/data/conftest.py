from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.task import Task, load_task


@pytest.fixture
def task() -> Task:
    """Return the built-in ncRNA classification in its published split, without further tests."""
    task = load_task("ncrna_cls")
    split = task.splits["published"]
    tests = {part: split.tests[part] for part in ("full", "deduplicated")}
    return replace(
        task,
        dataset=replace(task.dataset, pools={}),
        splits={"published": replace(split, tests=tests)},
        default_split="published",
    )


@pytest.fixture
def small_task(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Task]:
    """Return a function that makes a task of three FASTA parts, written to a data folder."""
    from hashlib import sha256

    folder = tmp_path / "data"

    def make(**contents: str) -> Task:
        files: dict[str, DataFile] = {}
        for part, content in contents.items():
            path = folder / "small" / f"{part}.fasta"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            digest = sha256(content.encode()).hexdigest()
            files[part] = DataFile(f"small/{part}.fasta", digest, content.count(">"))
        dataset = replace(task.dataset, name="small", files=files)
        return replace(task, name="small", labels=("tRNA", "miRNA"), dataset=dataset)

    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(folder))
    return make
