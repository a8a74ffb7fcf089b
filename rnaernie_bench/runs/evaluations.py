"""Fitted models on data that they were not fitted for: metrics with intervals, as a record.

What a run chose on its validation part, such as temperature, thresholds and decoder, stays as it
is: nothing is trained or tuned here, and every test item is scored once.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core import environment
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.own.declaring import declare
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.evaluation.evaluate import scored_part, tested
from rnaernie_bench.learning.inputs import refuse_long
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.prediction.saved import load_predictor, model_folder, read_predictor
from rnaernie_bench.results.predictions import (
    Predictions,
    file_digests,
    hash_ids,
    predictions_entry,
    write_predictions,
)
from rnaernie_bench.results.record import (
    RECIPE_VERSION,
    SCHEMA_VERSION,
    Record,
    identity_of,
    is_evaluation,
    run_id_of,
    validate_record,
)
from rnaernie_bench.results.store import RECORD_FILE, read_record
from rnaernie_bench.runs.folder import run_folder
from rnaernie_bench.runs.training_data import NEAR, TrainingData, training_data
from rnaernie_bench.task.content import declared
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.task import Task, load_task


@dataclass(frozen=True)
class FittedModel:
    """A model that is ready to be evaluated, and where it comes from."""

    predictor: Predictor
    record: Record
    """Of the run that trained it."""
    origin: Mapping[str, Any]
    """The record's field `evaluation.model`."""
    folder: Path


@dataclass(frozen=True)
class Data:
    """What a model is evaluated on."""

    task: Task
    dataset: Dataset
    split: Split
    """Whose test parts are scored."""


@dataclass(frozen=True)
class Evaluated:
    """A finished evaluation."""

    record: Record
    folder: Path
    repeated: bool
    """Whether the record stood there already."""
    lacking: str
    """Why it is not known what of the data the model has seen; empty if it is."""


def fitted_model(folder: Path, name: str | None = None) -> FittedModel:
    """Return the model of a finished run, of an export, or of a model that comes with the package.

    Args:
        folder: it holds `record.json` and the model.
        name: of a model that comes with the package.

    Raises:
        ResultError: if there is no whole model in it.
    """
    record = read_record(folder / RECORD_FILE)
    return FittedModel(load_predictor(folder), record, origin_of(record, folder, name), folder)


def origin_of(record: Record, folder: Path, name: str | None = None) -> dict[str, Any]:
    """Return what an evaluation says of a model; that of an ensemble was evaluated before."""
    if is_evaluation(record):
        known = record["evaluation"]["model"]
        fitted = {key: known[key] for key in ("runs", "task", "split", "fold")}
    else:
        task, split = record["task"], record["split"]
        fitted = {
            "runs": [record["run_id"]],
            "task": f"{task['name']}@{task['version']}",
            "split": split["name"],
            "fold": split["fold"],
        }
    named = {"name": name} if name else {}
    return {**named, "sha256": model_digest(folder), **fitted}


def model_digest(folder: Path) -> str:
    """Return the SHA-256 over names and contents of all files that a model consists of."""
    saved, model = read_predictor(folder), model_folder(folder)
    kept = {"predictor.json", *saved.get("files", {})}
    digests = {name: digest for name, digest in file_digests(model).items() if name in kept}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def data_of_files(
    model: FittedModel,
    files: Sequence[Path],
    folder: Path,
    *,
    label: Sequence[str] = (),
    **columns: Any,
) -> Data:
    """Declare somebody's files as a task with the labels of a model, and return them.

    Args:
        model: what will be evaluated on them.
        files: a table, a FASTA file and a table of its labels, or files of structures.
        folder: the folder of tasks into which the declaration is written.
        label: the column of classes, or the columns of numbers in the order of the model's labels;
            if empty `label`, or columns that are called like the labels.
        columns: further fields of `data.own.spec.OwnData`.

    Raises:
        ConfigError: if the columns are not those of the model's labels.
        DataError: if a file cannot be read, or lacks a column.
    """
    predictor = model.predictor
    data = OwnData(
        train=(),
        test=tuple(files),
        level=predictor.level,
        problem=predictor.problem,
        label=tuple(label),
        classes=predictor.labels,
        metric=str(model.record["selection"]["metric"]),
        **columns,
    )
    if data.labelled and not label:
        data = replace(data, label=("label",) if data.classifies else predictor.labels)
    wanted = 1 if data.classifies else len(predictor.labels)
    if data.labelled and len(data.label) != wanted:
        raise ConfigError(
            f"the model gives {', '.join(predictor.labels)}: {wanted} columns are needed, not "
            f"{len(data.label)}",
            where="--label",
            remedy="name the column of each, in this order",
        )
    task = declare(data, folder)
    dataset = load_dataset(task, simulated=False)
    return Data(task, dataset, make_split(task, dataset, task.default_split))


def data_of_task(
    model: FittedModel,
    name: str,
    *,
    split: str | None = None,
    fold: str | None = None,
    parts: Sequence[str] = (),
    folders: Iterable[Path] = (),
) -> Data:
    """Return the test parts of a task's split.

    Args:
        model: what will be evaluated on them.
        name: of the task.
        split: of the task; None: the default one.
        fold: of a split with folds.
        parts: some of the test parts; empty: all.
        folders: further folders of tasks.

    Raises:
        ConfigError: if there is no such task, split or part, or the task asks something else than
            the model answers.
        DataError: if its data are not here.
    """
    task, predictor = load_task(name, folders), model.predictor
    for what, asked, given in (
        ("level", task.level, predictor.level),
        ("problem", task.problem, predictor.problem),
        ("labels", ", ".join(task.labels), ", ".join(predictor.labels)),
    ):
        if asked != given:
            raise ConfigError(
                f"the task's {what} is '{asked}', the model's '{given}'",
                where=f"--task {name}",
                remedy="evaluate it on a task of its kind, or on a file with --test",
            )
    dataset = load_dataset(task, simulated=False)
    found = make_split(task, dataset, split or task.default_split, fold=fold)
    for part in parts:
        if part not in found.tests:
            raise ConfigError(
                f"the split {found.name} has no test part '{part}'",
                where="--part",
                remedy=did_you_mean(part, list(found.tests)),
            )
    tests = {part: found.tests[part] for part in parts or found.tests}
    return Data(task, dataset, replace(found, tests=tests))


def evaluate_model(
    model: FittedModel,
    data: Data,
    runs_dir: Path,
    *,
    folders: Iterable[Path] = (),
    repeat: bool = False,
) -> Evaluated:
    """Score a model on every test item of some data once, unless its record is there already.

    Args:
        model: see `fitted_model`.
        data: see `data_of_files` and `data_of_task`.
        runs_dir: record and predictions are written into `runs_dir/TASK/RUN_ID/`.
        folders: further folders of tasks, for the data that trained the model.
        repeat: whether a finished evaluation is made again.

    Raises:
        DataError: for an item over the model's limit where its length policy refuses it.
        BenchError: if the folder cannot be written.
    """
    origin = model.origin
    seen = training_data(origin, model.record, model_folder(model.folder), folders)
    record = _stated(model, data, seen)
    folder = runs_dir / data.task.name / record["run_id"]
    with run_folder(folder, repeat=repeat) as state:
        if state == "finished":
            return Evaluated(read_record(folder / RECORD_FILE), folder, True, seen.lacking)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        with environment.PeakMemory() as memory:
            predictions, tests = _scored(model.predictor, data)
        seconds = time.perf_counter() - started
        for part, test in tests.items():
            test["training"] = _exposure(predictions, part, data, seen)
        write_predictions(folder / "predictions.parquet", predictions)
        for test in tests.values():
            test["predictions"] = predictions_entry(folder / "predictions.parquet", test["n"])
        record |= {
            "tests": tests,
            "cost": {
                "train_s": None,
                "items_per_s": round(len(predictions) / max(seconds, 1e-9), 3),
                "peak_rss_mb": round(memory.rss_mb, 1),
                "peak_gpu_mb": None if memory.gpu_mb is None else round(memory.gpu_mb, 1),
            },
        }
        validate_record(record)
        write_json(folder / RECORD_FILE, record)
    return Evaluated(record, folder, False, seen.lacking)


def _stated(model: FittedModel, data: Data, seen: TrainingData) -> Record:
    """Return the record as far as it is known before anything is scored."""
    task, dataset, split, of = data.task, data.dataset, data.split, model.record
    said = declared(task, split.name)
    record = {
        "schema": SCHEMA_VERSION,
        "run_id": "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "finished",
        "kind": "evaluation",
        "task": {
            "name": task.name,
            "version": task.version,
            "level": task.level,
            "problem": task.problem,
            **({} if said is None else {"declared": said}),
        },
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "simulated": dataset.simulated,
            **({"own": True} if task.dataset.own else {}),
            **({"left_out": n} if (n := task.dataset.left_out) and not dataset.simulated else {}),
        },
        "split": {
            "name": split.name,
            "fold": split.fold,
            "n_train": of["split"]["n_train"],
            "n_validation": of["split"]["n_validation"],
        },
        **{key: of[key] for key in ("protocol", "backbone", "head", "strategy", "recipe")},
        "recipe_version": of.get("recipe_version", RECIPE_VERSION),
        **{key: of[key] for key in ("seed", "selection")},
        "evaluation": {
            "model": dict(model.origin),
            "training": {"n": len(seen), "known": seen.known, "identity": NEAR},
        },
        "validation": {"n": 0, "metrics": {}},
        "tests": {part: {} for part in split.tests},
        "cost": {},
        "environment": environment.describe(),
        "git_commit": environment.git_commit(),
    }
    record["run_id"] = run_id_of(identity_of(record))
    return record


def _scored(predictor: Predictor, data: Data) -> tuple[Predictions, dict[str, dict[str, Any]]]:
    """Return predictions and figures of all test parts; what is too long is refused by its id."""
    items = [item for part in data.split.tests.values() for item in part]
    reader = getattr(predictor.fitted, "reader", None)
    if reader is not None:
        kind = predictor.fitted.model.kind
        names = [f"{data.dataset.name}, {kind.record.format(item.id)}" for item in items]
        refuse_long([item.input for item in items], reader, kind, names=names)
    cut = predictor.answer.decodes or POLICIES[predictor.length].truncates
    return tested(
        predictor.fitted,
        data.split,
        data.task,
        predictor.tuning,
        max_bases=predictor.max_bases if cut else None,
    )


def _exposure(
    predictions: Predictions, part: str, data: Data, seen: TrainingData
) -> dict[str, Any]:
    """Return how many items of a part trained the model or have relatives there, and the rest."""
    inputs = [item.input for item in data.split.tests[part]]
    identical, near = seen.identical(inputs), seen.near(inputs)
    known = [mask for mask in (identical, near) if mask is not None]
    said: dict[str, Any] = {
        "identical": None if identical is None else int(identical.sum()),
        "near": None if near is None or identical is None else int((near & ~identical).sum()),
    }
    others = ~np.any(known, axis=0) if known else np.zeros(len(inputs), dtype=bool)
    if 0 < others.sum() < len(others):
        items = zip(data.split.tests[part], others.tolist(), strict=True)
        unseen = hash_ids(item.id for item, kept in items if kept)
        rest = replace(predictions, parts={"others": np.isin(predictions.ids, unseen)})
        figures = scored_part(rest, "others", data.task, None)["metrics"]
        said["others"] = {"n": int(others.sum()), "metrics": figures}
    return said
