"""The same data named on a command line, and declared as a task."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.checks import Finding
from rnaernie_bench.runs import validate
from rnaernie_bench.task.template import new_task


def write(path: Path, families: int, seed: int) -> Path:
    """Write families of three, each of one class; which base is frequent tells it now and then."""
    generator = random.Random(seed)
    rows = [
        ("".join(generator.choices("AACGU" if family % 2 else "AACGG", k=20)), family % 2, family)
        for family in range(families)
        for _ in range(3)
    ]
    lines = (f"{sequence},{label},f{seed}_{family}\n" for sequence, label, family in rows)
    path.write_text("sequence,y,family\n" + "".join(lines))
    return path


def record(*arguments: str) -> dict[str, Any]:
    """Call `run`, and return the one record below its folder."""
    runs = arguments[-1].partition("=")[2]
    assert main(["run", *arguments]) == 0
    (path,) = Path(runs).glob("*/*/record.json")
    return dict(json.loads(path.read_text()))


def test_groups_are_drawn_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    train, test = write(tmp_path / "train.csv", 20, 1), write(tmp_path / "test.csv", 10, 2)
    settings = ("backbone=kmer", "backbone.max_k=1", "tracking=none")
    own = record(
        "--train", str(train), "--test", str(test), "--level", "sequence", "--problem", "binary",
        "--label", "y", "--group", "family", *settings, f"runs_dir={tmp_path}/own",
    )  # fmt: skip
    path = new_task("my_task", tmp_path / "tasks", problem="binary", source="table") / "task.yaml"
    declared = yaml.safe_load(path.read_text().replace("TO BE FILLED IN", "words"))
    declared |= {"labels": ["0", "1"], "resampling": "item"}
    declared["simulation"]["families"] = {"0": "hairpin", "1": "cloverleaf"}
    tables = {name: {"source": f"{name}.csv", "label": "y", "group": "family"}
              for name in ("train", "test")}  # fmt: skip
    declared["dataset"]["tables"] = tables
    split = declared["splits"]["standard"]
    split |= {"validation": "train", "held_out": {"fraction": 0.1, "seed": 0}}
    split["tests"]["deduplicated"]["without_identical_to"] = ["train"]
    path.write_text(yaml.safe_dump(declared))
    monkeypatch.setattr(validate, "_training", lambda *_: Finding("ok", "training", "spared"))
    [finding] = [found for found in validate.check(path) if found.subject == "resampling"]
    assert (finding.status, finding.what) == (
        "warning", "the data name 30 groups of 90 items, and intervals draw items",
    )  # fmt: skip
    path.write_text(yaml.safe_dump({**declared, "resampling": "group"}))
    task = record("task=my_task", "preset=bench", *settings, "--task-path", str(tmp_path / "tasks"),
                  f"runs_dir={tmp_path}/task")  # fmt: skip
    for part, found in own["tests"].items():
        for name, metric in found["metrics"].items():
            other = task["tests"][part]["metrics"][name]
            for key in ("value", "low", "high"):
                assert other[key] == pytest.approx(metric[key], abs=1e-6), (part, name, key)
