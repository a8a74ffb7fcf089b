"""The record of a run: what it states before anything is trained, and what is found out.

What is stated is held against the schema before the first batch, so that no finished training is
lost over a name.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.config.identity import head, recipe, strategy, to_record
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import distributed, environment
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.plugins import versions
from rnaernie_bench.learning.interface import FitReport
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import RECIPE_VERSION, SCHEMA_VERSION, Record, faults
from rnaernie_bench.runs.plan import Plan
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, STRATEGIES
from rnaernie_bench.task.content import declared
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from rnaernie_bench.evaluation.evaluate import Evaluation

_DIGEST = "0" * 64


def refuse_unrecordable(planned: Plan) -> None:
    """Check all that a record will say of a run, but for what training finds out.

    Raises:
        ConfigError: naming the first field that no record can have.
    """
    undefined = {"value": None, "low": None, "high": None, "undefined": "not trained"}
    test = {
        "n": 1,
        "n_truncated": 0,
        "metrics": dict.fromkeys(planned.task.measured, undefined),
        "predictions": {"path": "predictions.parquet", "sha256": _DIGEST, "rows": 1},
    }
    draft = {
        **_stated(planned),
        "selection": {"metric": planned.task.main_metric.name, "trials": 0},
        "validation": {"n": 1, "metrics": dict.fromkeys(planned.task.measured)},
        "tests": dict.fromkeys(planned.scheme.split.tests, test),
        "cost": {"train_s": 0, "items_per_s": 0, "peak_rss_mb": 0, "peak_gpu_mb": None},
        "environment": {},
        "git_commit": None,
    }
    fault = next(faults(draft), None)
    if fault:
        path, what = fault
        raise ConfigError(
            f"no record can say this: {what}",
            where=path.removeprefix("$."),
            remedy="correct the setting or the task",
        )


def _stated(planned: Plan) -> Record:
    """Return what is known before training, in the order of a record."""
    config, task, split = planned.config, planned.task, planned.scheme.split
    encoder = planned.entry.kind == "encoder"
    said = declared(task, split.name)
    left_out = 0 if planned.dataset.simulated else task.dataset.left_out
    return {
        "schema": SCHEMA_VERSION,
        "run_id": planned.run_id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "finished",
        "task": {
            "name": task.name,
            "version": task.version,
            "level": task.level,
            "problem": task.problem,
            **({} if said is None else {"declared": said}),
        },
        "dataset": {
            "name": planned.dataset.name,
            "fingerprint": planned.dataset.fingerprint,
            "simulated": planned.dataset.simulated,
            **({"own": True} if task.dataset.own else {}),
            **({"left_out": left_out} if left_out else {}),
        },
        "split": {
            "name": split.name,
            "fold": split.fold,
            "n_train": len(split.train),
            "n_validation": len(split.validation),
            **(
                {"clusters": {part: found.entry() for part, found in split.clusters.items()}}
                if split.clusters
                else {}
            ),
        },
        "protocol": config.protocol,
        "backbone": {
            "name": config.backbone.name,
            "kind": planned.entry.kind,
            "init": config.backbone.init if encoder else None,
            "weights_sha256": None,
            "parameters": None,
            "options": _options(config),
        },
        "head": head(config, planned.entry.kind),
        "strategy": strategy(config, planned.entry.kind),
        "recipe": {**recipe(config), "converged": None},
        "recipe_version": RECIPE_VERSION,
        "seed": config.seed,
    }


def run_record(
    planned: Plan, report: FitReport, evaluation: Evaluation, memory: environment.PeakMemory
) -> Record:
    """Return the record of a finished run.

    Args:
        planned: the run.
        report: how fitting went.
        evaluation: what was found on validation and tests.
        memory: what all that took.
    """
    config, task, chosen_on = planned.config, planned.task, planned.scheme.chosen_on
    encoder, stated = planned.entry.kind == "encoder", _stated(planned)
    found = {"weights_sha256": report.weights_sha256, "parameters": report.parameters}
    return {
        **stated,
        "split": {
            **stated["split"],
            **({"partly_read": evaluation.partly} if evaluation.partly else {}),
        },
        "backbone": {**stated["backbone"], **found},
        "recipe": {**stated["recipe"], "converged": report.converged},
        "selection": {
            "metric": task.main_metric.name,
            "trials": report.trials + evaluation.trials,
            "epochs": round(report.epochs, 3),
            "best_epoch": round(report.best_epoch, 3),
            "ended_by": report.ended_by,
            **evaluation.selected,
            **({} if chosen_on is None else {"chosen_on": chosen_on}),
            **report.selected,
        },
        **({"types": dict(report.types)} if report.types else {}),
        "validation": {**evaluation.validation, **_curve(report)},
        "tests": evaluation.tests,
        "cost": {
            "train_s": round(report.train_s, 3),
            "items_per_s": round(report.items_per_s, 3),
            "peak_rss_mb": round(memory.rss_mb, 1),
            "peak_gpu_mb": None if memory.gpu_mb is None else round(memory.gpu_mb, 1),
            **report.details,
        },
        "environment": {
            **environment.describe(),
            **({"processes": distributed.count()} if distributed.count() > 1 else {}),
            **_plugins(config, encoder, task),
        },
        "git_commit": environment.git_commit(),
    }


MOST_POINTS = 100
"""Of a curve in a record."""


def _curve(report: FitReport) -> dict[str, Any]:
    """Return validation's main metric over optimiser steps, thinned evenly; its end stays."""
    points = [(step, value) for step, value in report.curve if abs(value) < sys.float_info.max]
    every = -(-len(points) // MOST_POINTS)
    kept = points[::-1][:: max(1, every)][::-1]
    if not kept:
        return {}
    steps, values = zip(*kept, strict=True)
    return {"curve": {"steps": list(steps), "values": [round(value, 5) for value in values]}}


def _plugins(config: RunConfig, encoder: bool, task: Task) -> dict[str, Any]:
    """Return the packages that level, backbone, head, strategy and metrics came from."""
    chosen: list[tuple[Any, str]] = [(LEVELS, task.level), (BACKBONES, config.backbone.name)]
    chosen += [(METRICS, name) for name in task.measured]
    if encoder:
        chosen.append((STRATEGIES, config.strategy.name))
    if named := head(config, "encoder" if encoder else "baseline"):
        chosen.append((HEADS, named))
    found = versions(chosen)
    return {"plugins": found} if found else {}


def _options(config: RunConfig) -> dict[str, Any]:
    """Return the backbone's options that other fields of the record do not tell."""
    elsewhere = ("name", "init")
    options = {k: v for k, v in to_record(config.backbone).items() if k not in elsewhere}
    for key in ("source", "model"):
        if options.get(key) and Path(options[key]).expanduser().exists():
            options[key] = "local folder"  # the hash of its weights names it; paths are private
    return options
