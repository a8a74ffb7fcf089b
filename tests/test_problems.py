"""Every problem at every level of items and bases, on sets made by hand that each can learn."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import yaml

from rnaernie_bench.config.compose import compose
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.prediction.writing import write
from rnaernie_bench.results.store import prediction_problems
from rnaernie_bench.runs.runner import execute
from tests.training_kit import TINY_NET

SIZES = {"train": 40, "validation": 16, "test": 16}
LABELS = {
    "binary": ["no", "yes"],
    "multiclass": ["A", "C", "G", "U"],
    "multilabel": ["adenine", "purine"],
    "regression": ["adenine", "purine"],
}
METRICS = {
    "sequence": {"binary": "auroc", "multiclass": "macro_f1", "multilabel": "macro_auroc",
                 "regression": "pearson"},
    "token": {"binary": "mcc", "multiclass": "macro_f1", "multilabel": "macro_f1",
              "regression": "mcrmse"},
}  # fmt: skip
REACHED = {("token", "regression"): 0.15}
"""Errors are to be at most this; other metrics at least 0.8."""


def told(level, problem, sequence):
    """Return what is true of a sequence: its frequent base, shares of bases, or each base."""
    adenine = np.array([letter == "A" for letter in sequence], dtype=float)
    purine = np.array([letter in "AG" for letter in sequence], dtype=float)
    if level == "token":
        if problem == "binary":
            return [adenine]
        if problem == "multiclass":
            return [np.array(["ACGU".index(letter) for letter in sequence], dtype=float)]
        return [adenine, purine]
    if problem == "binary":
        return "yes" if adenine.mean() > 0.4 else "no"
    if problem == "multiclass":
        return max("ACGU", key=sequence.count)
    shares = adenine.mean(), purine.mean()
    return [float(s > 0.4) for s in shares] if problem == "multilabel" else list(shares)


def write_task(folder, level, problem):
    """Write a task with its data below `folder`, and return the folder of tasks."""
    labels = LABELS[problem]
    spelt = problem in ("binary", "multiclass")
    columns = ["label"] if spelt else labels
    generator = random.Random(3)
    tables = {}
    for part, size in SIZES.items():
        table = {"id": [], "sequence": [], **{column: [] for column in columns}}
        for index in range(size):
            favourite = "ACGU"[index % 4]
            length = generator.randint(20, 30)
            letters = generator.choices("ACGU" + favourite * 6, k=length)
            sequence = "".join(letters)
            found = told(level, problem, sequence)
            table["id"].append(f"{part}{index}")
            table["sequence"].append(sequence)
            values = [found] if spelt and level == "sequence" else found
            for column, value in zip(columns, values, strict=True):
                if level == "token":  # the last is unknown
                    value = value[:-1].tolist()
                    value = [labels[int(place)] for place in value] if spelt else value
                table[column].append(value)
        rows = {name: dict(enumerate(values)) for name, values in table.items()}
        (folder / f"{part}.json").write_text(json.dumps(rows))
        tables[part] = {"source": f"{part}.json"}
        if not spelt:
            tables[part]["labels"] = dict(zip(labels, columns, strict=True))
    declaration = {
        "name": "made", "version": 1, "title": "Made", "level": level, "problem": problem,
        "labels": labels, "metrics": [], "length": "error",
        "main_metric": {
            "name": METRICS[level][problem],
            "higher_is_better": METRICS[level][problem] != "mcrmse",
        },
        "head": "mean" if level == "sequence" else "token",
        "dataset": {"name": "made", "licence": "none", "citation": "none", "tables": tables},
        "splits": {
            "only": {
                "train": "train", "validation": "validation", "tests": {"all": {"part": "test"}}
            }
        },
        "default_split": "only", "default_test_part": "all",
        "simulation": {
            "families": dict.fromkeys(labels, "hairpin"), "sizes": dict.fromkeys(SIZES, 8)
        },
    }  # fmt: skip
    (folder / "tasks" / "made").mkdir(parents=True)
    (folder / "tasks" / "made" / "task.yaml").write_text(yaml.safe_dump(declaration))
    return folder / "tasks"


@pytest.mark.parametrize("problem", LABELS)
@pytest.mark.parametrize("level", METRICS)
def test_a_frozen_network_learns_it(tmp_path, monkeypatch, level, problem):
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    tasks = write_task(tmp_path, level, problem)
    settings = (
        "task=made", "preset=bench", "tracking=none", "strategy=frozen", *TINY_NET,
        "trainer.max_epochs=60", "trainer.patience=60", "strategy.learning_rate=0.03",
        f"runs_dir={tmp_path / 'runs'}",
    )  # fmt: skip
    outcome = execute(compose(settings, [tasks]), task_folders=[tasks])
    test = outcome.record["tests"]["all"]
    found = test["metrics"][METRICS[level][problem]]
    limit = REACHED.get((level, problem))
    assert found["value"] >= 0.8 if limit is None else found["value"] <= limit
    assert found["low"] <= found["value"] <= found["high"]
    assert list(prediction_problems(outcome.record, outcome.folder)) == []
    assert ("per_column" in test) == (problem in ("multilabel", "regression"))
    assert ("confusion" in test) == (level == "sequence" and problem in ("binary", "multiclass"))

    rows = json.loads((tmp_path / "test.json").read_text())["sequence"]
    new = rows["0"], rows["1"]  # much adenine, and much cytosine
    fasta = tmp_path / "new.fa"
    fasta.write_text(f">a\n{new[0]}\n>c\n{new[1]}\n")
    if level == "sequence" and problem in ("binary", "multiclass"):
        first, second = load_predictor(outcome.folder)(new)
        assert [first.label, second.label] == (["yes", "no"] if problem == "binary" else ["A", "C"])
        return
    predictor = load_predictor(outcome.folder)
    assert write(predictor, predictor.predict_file(fasta), tmp_path / "out.tsv") == 2
    lines = [line.split("\t") for line in (tmp_path / "out.tsv").read_text().splitlines()]
    assert len(lines) == 1 + (sum(map(len, new)) if level == "token" else 2)
    column = lines[0].index(predictor.columns[0])
    of_a, of_c = (
        np.mean([float(line[column]) for line in lines[1:] if line[0] == name]) for name in "ac"
    )
    assert of_a > of_c + 0.2
