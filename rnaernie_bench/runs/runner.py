"""One run: from settings to a record on disk.

The run's folder is named by the hash of everything its numbers depend on. A folder with a finished
record is not run again; one with checkpoints is continued.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.config.identity import recipe, strategy, to_record
from rnaernie_bench.config.options import RunConfig, require
from rnaernie_bench.core import distributed, environment
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json, write_text
from rnaernie_bench.core.plugins import versions
from rnaernie_bench.core.time_limit import time_limit
from rnaernie_bench.evaluation.evaluate import evaluate_run
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import RECIPE_VERSION, SCHEMA_VERSION, Record, validate_record
from rnaernie_bench.results.search import Search, chosen_by, search_of
from rnaernie_bench.runs.folder import CHECKPOINTS, RECORD, run_folder
from rnaernie_bench.runs.loaders import UNCACHED, Loaders
from rnaernie_bench.runs.plan import Plan, plan
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, STRATEGIES, resolve
from rnaernie_bench.task.task import Task
from rnaernie_bench.tracking.store import settings_to_record
from rnaernie_bench.tracking.tracker import Tracker, check_reachable, open_tracker

if TYPE_CHECKING:
    from rnaernie_bench.evaluation.evaluate import Evaluation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    record: Record
    folder: Path
    repeated: bool
    """Whether the record stood there already."""
    page: str | None = None
    """Where the curves are: the command that opens a local store, or a server's address."""


def execute(
    config: RunConfig,
    *,
    task_folders: Iterable[Path] = (),
    repeat: bool = False,
    notify: Callable[[str], None] = logger.info,
    search: Search | None = None,
) -> Outcome:
    """Carry one run out, unless its record is there already.

    Of a launch of several processes, the first calls this and writes, the others `run_as_worker`.

    Args:
        config: the settings.
        task_folders: further folders of tasks.
        repeat: run again even if a finished record is there.
        notify: receives progress messages.
        search: what chose the settings; of a repeated run, what its record says if None.

    Raises:
        TimeLimitError: if the time of `trainer.max_train_minutes` is over.
        BenchError: for any failure that the user can fix; an interrupted run can be continued.
    """
    with time_limit(config.trainer.max_train_minutes):
        return _execute(config, list(task_folders), repeat, notify, search)


def _execute(
    config: RunConfig,
    task_folders: list[Path],
    repeat: bool,
    notify: Callable[[str], None],
    search: Search | None,
) -> Outcome:
    from rnaernie_bench.results.store import read_record

    require(config.sweep is None, "sweep", "left out: `rnaernie-bench sweep` carries sweeps out")
    check_reachable(config.tracking)
    planned = plan(config, task_folders)
    folder = planned.folder
    if (folder / RECORD).exists():
        if not repeat:
            distributed.broadcast(False)
            return Outcome(read_record(folder / RECORD), folder, repeated=True)
        with suppress(ResultError, KeyError):  # a damaged record is a reason to repeat
            search = search or search_of(read_record(folder / RECORD))
    with run_folder(folder, repeat=repeat) as state:
        if state == "finished":  # while we waited, or by a repetition that was killed
            distributed.broadcast(False)
            return Outcome(read_record(folder / RECORD), folder, repeated=True)
        if state == "unfinished":
            notify(f"going on with the interrupted run {planned.run_id}")
        distributed.broadcast(True)
        write_text(folder / "config.yaml", _yaml(config))
        with open_tracker(
            config.tracking,
            runs_dir=config.runs_dir,
            run_id=planned.run_id,
            run_name=f"{planned.task.name}, {planned.label}, seed {config.seed}",
            tags={
                "task": planned.task.key,
                "backbone": config.backbone.name,
                "protocol": config.protocol,
            },
        ) as tracker:
            record = _run(planned, tracker, search, notify)
            page = tracker.page
    return Outcome(record, folder, repeated=False, page=page)


def run_as_worker(config: RunConfig, *, task_folders: Iterable[Path] = ()) -> None:
    """Learn and predict along with the first process of a launch, which `execute`s the run.

    Args:
        config: the settings.
        task_folders: further folders of tasks.
    """
    planned = plan(config, task_folders)
    if distributed.broadcast(False):
        with time_limit(config.trainer.max_train_minutes):
            fitted, report = fit(planned, Tracker().log_metrics)
            evaluate_run(planned.task, config, planned.dataset, planned.scheme, fitted, report)


def trains_together(config: RunConfig) -> bool:
    """Return whether several processes train the run as one; else one process does it alone."""
    if BACKBONES.get(config.backbone.name).kind == "baseline":
        return False
    return STRATEGIES.get(config.strategy.name).together(config.strategy)


def _run(
    planned: Plan, tracker: Tracker, search: Search | None, notify: Callable[[str], None]
) -> Record:
    from rnaernie_bench.results.predictions import predictions_entry, write_predictions
    from rnaernie_bench.runs.card import run_card

    config, task, folder = planned.config, planned.task, planned.folder
    tracker.log_params(settings_to_record(config))
    with environment.PeakMemory() as memory:
        fitted, report = fit(planned, tracker.log_metrics, notify=notify)
        evaluation = evaluate_run(task, config, planned.dataset, planned.scheme, fitted, report)
    _save_model(planned, fitted, report, evaluation)
    write_predictions(folder / "predictions.parquet", evaluation.predictions)
    for name, test in evaluation.tests.items():
        test["predictions"] = predictions_entry(folder / "predictions.parquet", test["n"])
        if name in planned.scheme.dropped:
            test["n_dropped"] = planned.scheme.dropped[name]
        tracker.log_metrics(
            {
                f"test/{name}/{metric}": entry["value"]
                for metric, entry in test["metrics"].items()
                if entry["value"] is not None
            }
        )
        title = f"{task.name}, {name}: {planned.label}"
        for file, figure in evaluation.figures(name, title):
            tracker.log_figure(figure, file)
    _draw_types(planned, report, tracker)
    record = chosen_by(search, _record(planned, report, evaluation, memory))
    validate_record(record)
    whole = (folder / "model" / "config.json").is_file()
    write_text(folder / "README.md", run_card(task, record, whole=whole))
    write_json(folder / RECORD, record)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # needed until the record stands
    tracker.log_artifact(folder / RECORD)
    tracker.log_artifact(folder / "model")
    return record


def _draw_types(planned: Plan, report: FitReport, tracker: Tracker) -> None:
    """Draw whether the probabilities of predicted types are what they say, where that is known."""
    from rnaernie_bench.core.figures import save_figure
    from rnaernie_bench.metrics.figures import reliability_figure

    parts = {
        part.replace("_", "-"): report.types[part]["reliability"]
        for part in ("validation", "held_out")
        if report.types.get(part) and report.types[part]["reliability"]
    }
    if parts:
        figure = reliability_figure(parts, f"RNA types as {planned.label} predicts them")
        save_figure(figure, planned.folder / "reliability.png")
        tracker.log_figure(figure, "reliability.png")


def fit(
    planned: Plan,
    log: Callable[[Mapping[str, float], int], None],
    loaders: Loaders = UNCACHED,
    notify: Callable[[str], None] = lambda message: None,
) -> tuple[Any, FitReport]:
    """Train what is planned; `log` receives the curves, see `FitContext`, `notify` messages."""
    config, entry = planned.config, planned.entry
    context = FitContext(
        task=planned.task,
        config=config,
        train=planned.scheme.split.train,
        validation=planned.scheme.selection,
        dataset=planned.used,
        folder=planned.folder,
        log=log,
        notify=notify,
    )
    fitted: tuple[Any, FitReport]
    if entry.kind == "baseline":
        fitted = resolve(entry.fit)(context, config.backbone)
        return fitted
    encoder = planned.encoder or loaders.encoder(entry, config.backbone, config.seed)
    fitted = resolve(STRATEGIES.get(config.strategy.name).fit)(context, encoder, config.strategy)
    return fitted


def _save_model(planned: Plan, fitted: Any, report: FitReport, evaluation: Evaluation) -> None:
    """Write `model/` whole: the fitted model, and how to turn its scores into predictions."""
    unfinished, final = planned.folder / ".model", planned.folder / "model"
    for leftover in (unfinished, final):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    fitted.save(unfinished)
    write_json(
        unfinished / "predictor.json",
        {
            "task": planned.task.key,
            "backbone": planned.config.backbone.name,
            "kind": planned.entry.kind,
            "protocol": planned.config.protocol,
            "level": planned.task.level,
            "problem": planned.task.problem,
            **evaluation.predictor,
            "length": planned.config.task.length,
            "overlap": planned.config.task.window_overlap,
            "max_bases": report.max_bases,
            "token_budget": planned.config.trainer.batch_tokens,
        },
    )
    unfinished.rename(final)


def _record(
    planned: Plan, report: FitReport, evaluation: Evaluation, memory: environment.PeakMemory
) -> Record:
    config, task, split = planned.config, planned.task, planned.scheme.split
    encoder, chosen_on = planned.entry.kind == "encoder", planned.scheme.chosen_on
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
        },
        "dataset": {
            "name": planned.dataset.name,
            "fingerprint": planned.dataset.fingerprint,
            "simulated": planned.dataset.simulated,
            **({"own": True} if task.dataset.own else {}),
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
            "weights_sha256": report.weights_sha256,
            "parameters": report.parameters,
            "options": _options(config),
        },
        "head": config.task.head if encoder else None,
        "strategy": strategy(config, planned.entry.kind),
        "recipe": {**recipe(config), "converged": report.converged},
        "recipe_version": RECIPE_VERSION,
        "seed": config.seed,
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
        "validation": evaluation.validation,
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


def _plugins(config: RunConfig, encoder: bool, task: Task) -> dict[str, Any]:
    """Return the packages that level, backbone, head, strategy and metrics came from."""
    chosen: list[tuple[Any, str]] = [(LEVELS, task.level), (BACKBONES, config.backbone.name)]
    chosen += [(METRICS, name) for name in task.measured]
    if encoder:
        chosen += [(HEADS, config.task.head), (STRATEGIES, config.strategy.name)]
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


def _yaml(config: RunConfig) -> str:
    import yaml

    text: str = yaml.safe_dump(settings_to_record(config), sort_keys=False)
    return text
