"""A new level is two files: its description, and a module with its functions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench import api
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.results.store import import_run
from rnaernie_bench.runs.validate import check
from rnaernie_bench.task.catalogue import HEADS
from rnaernie_bench.testing import try_out
from tests.levels import junction_head
from tests.levels.junction import ENTRY

SIZES = {"train": 12, "validation": 4, "test": 6}


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the level, as the entry point of a package does."""
    monkeypatch.setitem(LEVELS._targets, "junction", ENTRY)
    monkeypatch.setitem(HEADS._targets, "junction", junction_head.ENTRY)
    yield


def declared(folder: Path, problem: str = "regression", **changes: Any) -> Path:
    """Write a task, and return the folder of tasks."""
    labels = ["apart", "stacked"] if problem == "binary" else ["stacking"]
    columns = {"label": "stacking"} if problem == "binary" else {"labels": {"stacking": "stacking"}}
    declaration = {
        "name": "stacks", "version": 1, "title": "Stacked bases", "level": "junction",
        "problem": problem, "labels": labels, "metrics": [], "head": "junction", "length": "error",
        "main_metric": {"name": "mcc" if problem == "binary" else "mae",
                        "higher_is_better": problem == "binary"},
        "dataset": {"name": "made", "licence": "none", "citation": "none", "tables": {
            part: {"source": f"{part}.json", **columns} for part in SIZES}},
        "splits": {"only": {"train": "train", "validation": "validation",
                            "tests": {"test": {"part": "test"}}}},
        "default_split": "only", "default_test_part": "test",
        "simulation": {"families": {"a": "hairpin", "b": "cloverleaf"}, "sizes": SIZES},
        **changes,
    }  # fmt: skip
    target = folder / "tasks" / "stacks"
    target.mkdir(parents=True)
    (target / "task.yaml").write_text(yaml.safe_dump(declaration), encoding="utf-8")
    return folder / "tasks"


def write_tables(folder: Path) -> None:
    """Write tables of random sequences, in which 0 to 1 stacks are known of each junction."""
    draw = random.Random(0)
    for part, size in SIZES.items():
        sequences = ["".join(draw.choices("ACGU", k=draw.randint(5, 9))) for _ in range(size)]
        values = [[draw.random() for _ in sequence[1:]] for sequence in sequences]
        columns = {"id": [f"{part}{n}" for n in range(size)], "sequence": sequences}
        table = {
            name: dict(enumerate(column))
            for name, column in {**columns, "stacking": values}.items()
        }
        (folder / f"{part}.json").write_text(json.dumps(table), encoding="utf-8")


@pytest.mark.parametrize(
    ("problem", "backbone", "strategy"),
    [
        ("binary", "majority", "full"),
        ("regression", "majority", "full"),
        ("binary", "mock", "full"),
        ("regression", "mock", "lora"),
    ],
)
def test_a_model_learns_is_saved_and_predicts_every_unit(
    tmp_path: Path, problem: str, backbone: str, strategy: str
) -> None:
    tasks = declared(tmp_path, problem)
    outcome = try_out(
        tmp_path, task="stacks", backbone=backbone, strategy=strategy, task_path=[tasks]
    )
    assert outcome.record["task"]["level"] == "junction"
    [found] = api.predict(outcome, ["GGCAU"])
    assert found.numbers.shape == (4, 1)


def test_from_a_table_to_the_leaderboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = declared(tmp_path)
    write_tables(tmp_path)
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    outcome = api.run(
        "stacks", backbone="majority", preset="bench", runs_dir=tmp_path / "runs", task_path=[tasks]
    )
    import_run(outcome.folder, tmp_path / "results")
    places = ["--task-path", str(tasks), "--results-dir", str(tmp_path / "results")]
    assert main(["leaderboard", *places]) == 0
    assert "majority" in capsys.readouterr().out
    (tmp_path / "new.fa").write_text(">one\nACG\n")
    assert main(["predict", str(outcome.folder), str(tmp_path / "new.fa")]) == 0
    lines = [line.split("\t")[:3] for line in capsys.readouterr().out.splitlines()]
    assert lines == [["id", "position", "bases"], ["one", "1", "AC"], ["one", "2", "CG"]]


def test_what_the_level_does_not_serve_is_refused_by_its_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"path": "a.fasta", "sha256": "0" * 64, "records": 1}
    dataset = {"name": "made", "licence": "none", "citation": "none"}
    for folder, changes, words in (
        ("files", {"dataset": {**dataset, "files": {"train": file}}}, "read from `tables`, not fr"),
        ("problem", {"problem": "multiclass", "labels": ["a", "b"]}, "asks for binary or regress"),
        ("metric", {"main_metric": {"name": "auroc"}}, "'auroc' is not allowed"),
    ):
        tasks = declared(tmp_path / folder, **changes)
        with pytest.raises(ConfigError, match=words):
            api.load_task("stacks", [tasks])
    tasks = declared(tmp_path / "sound")
    for backbone, words in (("kmer", "'kmer' does not serve the level 'junction'"),
                            ("mock", "head 'token' is not for the level 'junction'")):  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            try_out(tmp_path, task="stacks", backbone=backbone, head="token", task_path=[tasks])
    write_tables(tmp_path)
    table = json.loads((tmp_path / "test.json").read_text())
    table["stacking"]["2"].append(1.0)
    (tmp_path / "test.json").write_text(json.dumps(table))
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"row 3, column 'stacking': there are \d values for"):
        load_dataset(api.load_task("stacks", [tasks]), simulated=False)
    found = [finding.what for finding in check(tasks / "stacks" / "task.yaml")]
    assert any("values for" in what for what in found)
