"""Every problem of pairs, on sets made by hand that each can learn, and on simulated ones."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.prediction.writing import write
from rnaernie_bench.results.store import prediction_problems
from rnaernie_bench.runs.runner import execute
from rnaernie_bench.testing import try_out
from tests.training_kit import TINY_NET

SIZES = {"train": 48, "validation": 16, "test": 16}
LABELS = {
    "binary": ["apart", "together"],
    "multiclass": ["none", "one", "both"],
    "multilabel": ["of_first", "of_second"],
    "regression": ["of_first", "of_second"],
}
METRIC = {
    "binary": "auroc", "multiclass": "macro_f1", "multilabel": "macro_auroc",
    "regression": "pearson",
}  # fmt: skip


def told(problem: str, first: str, second: str) -> list[Any]:
    """Return what is true of a pair: which of its partners are rich in A, and how rich."""
    shares = [round(sequence.count("A") / len(sequence), 3) for sequence in (first, second)]
    rich = [share > 0.5 for share in shares]
    if problem == "binary":
        return [int(all(rich))]
    if problem == "multiclass":
        return [LABELS[problem][sum(rich)]]
    return [int(value) for value in rich] if problem == "multilabel" else shares


def write_task(folder: Path, problem: str) -> Path:
    """Write a task with its tables below `folder`, and return the folder of tasks."""
    labels, generator = LABELS[problem], random.Random(5)
    spelt = problem in ("binary", "multiclass")
    columns = ["label"] if spelt else [f"rich_{label}" for label in labels]
    files = {}
    for part, size in SIZES.items():
        lines = [",".join(["name", "a", "b", *columns])]
        for index in range(size):
            first, second = (
                "".join(generator.choices("ACGU" + "A" * favour, k=generator.randint(16, 24)))
                for favour in (9 * (index % 2), 9 * (index // 2 % 2))
            )
            values = told(problem, first, second)
            if not spelt and part == "train" and index % 6 == 5:
                values[index // 6 % 2] = ""  # unknown
            lines.append(",".join(map(str, [f"{part}{index // 2}", first, second, *values])))
        content = "\n".join(lines) + "\n"
        (folder / f"{part}.csv").write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        files[part] = {"path": f"{part}.csv", "sha256": digest, "records": size}
    named = {"label": "label"} if spelt else {"labels": dict(zip(labels, columns, strict=True))}
    declaration = {
        "name": "made", "version": 1, "title": "Made", "level": "pair", "problem": problem,
        "labels": labels, "metrics": [], "length": "error", "resampling": "group",
        "main_metric": {"name": METRIC[problem], "higher_is_better": True},
        "head": "segments",
        "dataset": {
            "name": "made", "licence": "none", "citation": "none", "files": files,
            "pairs": {"first": "a", "second": "b", "first_group": "name", **named},
        },
        "splits": {
            "only": {
                "train": "train", "validation": "validation", "tests": {"all": {"part": "test"}}
            }
        },
        "default_split": "only", "default_test_part": "all",
        "simulation": {"families": {}, "sizes": dict.fromkeys(SIZES, 24)},
    }  # fmt: skip
    (folder / "tasks" / "made").mkdir(parents=True)
    (folder / "tasks" / "made" / "task.yaml").write_text(yaml.safe_dump(declaration))
    return folder / "tasks"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("problem", LABELS)
def test_a_frozen_network_learns_it(folder: Path, problem: str) -> None:
    tasks = write_task(folder, problem)
    settings = (
        "task=made", "preset=bench", "tracking=none", "strategy=frozen", *TINY_NET,
        "trainer.max_epochs=12", "trainer.patience=12", "strategy.learning_rate=0.01",
        "trainer.token_budget=500", f"runs_dir={folder / 'runs'}",
    )  # fmt: skip
    outcome = execute(compose(settings, [tasks]), task_folders=[tasks])
    test = outcome.record["tests"]["all"]
    found = test["metrics"][METRIC[problem]]
    assert found["value"] >= 0.8
    assert found["low"] <= found["value"] <= found["high"]
    assert list(prediction_problems(outcome.record, outcome.folder)) == []
    assert ("per_column" in test) == (problem in ("multilabel", "regression"))
    assert ("confusion" in test) == (problem in ("binary", "multiclass"))

    rich, poor = "AACAAGAAUAAAGAAACA", "CGUUGCGUCCGUGCUGUC"
    table = folder / "new.csv"
    table.write_text(f"first_id,first,second_id,second\nr,{rich},r,{rich}\nr,{rich},p,{poor}\n")
    predictor, file = load_predictor(outcome.folder), io.StringIO()
    assert write(predictor, predictor.predict_file(table), file) == 2
    header, both, one = (line.split("\t")[2:] for line in file.getvalue().splitlines())
    if problem == "binary":
        assert header == ["class", "probability"]
        assert [both[0], one[0]] == ["together", "apart"]
    elif problem == "multiclass":
        assert header == ["label", "p:none", "p:one", "p:both"]
        assert [both[0], one[0]] == ["both", "one"]
        assert sum(map(float, both[1:])) == pytest.approx(1, abs=1e-4)
    elif problem == "multilabel":
        assert header == ["label", "p:of_first", "p:of_second"]
        assert [both[0], one[0]] == ["of_first,of_second", "of_first"]
    else:  # in the units of the data
        assert header == ["of_first", "of_second"]
        of_both, of_one = ([float(value) for value in line] for line in (both, one))
        assert min(*of_both, of_one[0]) > 0.45 > 0.35 > of_one[1]
        assert max(of_both) < 1.1


@pytest.mark.parametrize(
    ("problem", "strategy", "head", "settings"),
    [
        ("regression", "full", "interaction", {}),
        ("multilabel", "full", "conv_lstm", {"task.encoding": "joint"}),
        ("multiclass", "lora", "segments", {"task.class_weights": "balanced"}),
        ("binary", "lora", "interaction", {"task.encoding": "joint"}),
        ("multilabel", "frozen", "interaction", {"task.class_weights": "balanced"}),
    ],
)
def test_what_is_saved_is_what_was_trained(
    folder: Path, problem: str, strategy: str, head: str, settings: dict[str, Any]
) -> None:
    tasks = write_task(folder, problem)
    outcome = try_out(
        folder, task="made", strategy=strategy, head=head, settings=settings, task_path=[tasks]
    )
    assert outcome.record["dataset"]["simulated"]


@pytest.mark.parametrize("problem", ["multiclass", "multilabel", "regression"])
def test_baselines_serve_it_or_say_which_do(folder: Path, problem: str) -> None:
    tasks = write_task(folder, problem)
    settings = (
        "task=made", "preset=bench", "tracking=none", "backbone=pair_kmer", "backbone.max_k=1",
        f"runs_dir={folder / 'runs'}",
    )  # fmt: skip
    outcome = execute(compose(settings, [tasks]), task_folders=[tasks])
    assert outcome.record["tests"]["all"]["metrics"][METRIC[problem]]["value"] >= 0.7
    assert load_predictor(outcome.folder).problem == problem
    with pytest.raises(ConfigError, match=f"not serve the problem '{problem}'.*pair_kmer"):
        try_out(folder, task="made", backbone="mirna_majority", task_path=[tasks])
    try_out(folder, task="made", backbone="majority", task_path=[tasks])
