"""Valid records and runs, made small."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.files import write_json
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.results.predictions import (
    Predictions,
    hash_ids,
    predictions_entry,
    write_predictions,
)
from rnaernie_bench.results.record import RECIPE_VERSION, run_id_of

MakeRecord = Callable[..., dict[str, Any]]


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with nested `changes`."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if nested else value
    return result


@pytest.fixture
def make_record() -> MakeRecord:
    """Give a factory of valid records: `make_record(macro_f1=..., seed=..., backbone={...})`."""

    def make(macro_f1: float = 0.5, **changes: Any) -> dict[str, Any]:
        test = {
            "n": 4,
            "n_truncated": 0,
            "metrics": {
                "macro_f1": {"value": macro_f1, "low": macro_f1 - 0.1, "high": macro_f1 + 0.1},
                "accuracy": {"value": 0.75, "low": 0.25, "high": 1.0},
            },
            "predictions": {"path": "predictions.parquet", "sha256": "c" * 64, "rows": 4},
        }
        record = {
            "schema": 1,
            "run_id": "",
            "created": "2026-01-02T03:04:05Z",
            "status": "finished",
            "task": {
                "name": "ncrna_cls",
                "version": 1,
                "level": "sequence",
                "problem": "multiclass",
            },
            "dataset": {"name": "nrc", "fingerprint": "a" * 64, "simulated": False},
            "split": {"name": "published", "fold": None, "n_train": 10, "n_validation": 5},
            "protocol": "clean",
            "backbone": {
                "name": "rnaernie-tiny",
                "kind": "encoder",
                "init": "random",
                "weights_sha256": None,
                "parameters": 1900000,
            },
            "head": "sequence",
            "strategy": {"name": "full", "base": None},
            "recipe": {
                "learning_rate": 0.001,
                "budget": {"max_epochs": 20, "patience": 3},
                "converged": True,
            },
            "recipe_version": RECIPE_VERSION,
            "seed": 0,
            "selection": {
                "metric": "macro_f1",
                "trials": 0,
                "temperature": 1.5,
                "ended_by": "converged",
            },
            "validation": {"n": 5, "metrics": {"macro_f1": 0.6}},
            "tests": {"full": copy.deepcopy(test), "deduplicated": test},
            "cost": {
                "train_s": 12.0,
                "items_per_s": 100.0,
                "peak_rss_mb": 500.0,
                "peak_gpu_mb": None,
            },
            "environment": {"device": "cpu"},
            "git_commit": None,
        }
        record = merged(record, changes)
        if not record["run_id"]:
            recorded = ("created", "status", "environment", "git_commit", "cost", "tests")
            identity = {name: record[name] for name in record.keys() - set(recorded)}
            record["run_id"] = run_id_of(identity)
        return record

    return make


@pytest.fixture
def predictions() -> Predictions:
    """Give five items of three classes; `full` holds all, `deduplicated` the last three."""
    probabilities = [
        [0.7, 0.2, 0.1],
        [0.1, 0.8, 0.1],
        [0.5, 0.3, 0.2],
        [0.2, 0.2, 0.6],
        [0.1, 0.6, 0.3],
    ]
    return Predictions(
        answer=ANSWERS["multiclass"],
        ids=hash_ids("abcde"),
        groups=["RF1", "RF1", "", "RF2", "RF2"],
        truth=np.array([0, 1, 1, 2, 2], np.int16),
        predicted=MULTICLASS.pack(np.log(probabilities)),
        parts={"full": np.ones(5, bool), "deduplicated": np.array([0, 0, 1, 1, 1], bool)},
    )


@pytest.fixture
def make_run(
    tmp_path: Path, make_record: MakeRecord, predictions: Predictions
) -> Callable[..., Path]:
    """Give a factory of finished run folders under `tmp_path / "runs"`, their figures true."""

    def make(**changes: Any) -> Path:
        record = make_record(**changes)
        folder = tmp_path / "runs" / record["task"]["name"] / record["run_id"]
        write_predictions(folder / "predictions.parquet", predictions)
        for part, test in record["tests"].items():
            truth, predicted = predictions.part(part)
            test["n"] = len(truth)
            test["predictions"] = predictions_entry(folder / "predictions.parquet", len(truth))
            answer = predictions.answer
            test["metrics"] = Measures(answer, answer.metrics).figures(truth, predicted)
        write_json(folder / "record.json", record)
        return folder

    return make
