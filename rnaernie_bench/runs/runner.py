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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.config.options import RunConfig, require
from rnaernie_bench.core import distributed, environment
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json, write_text
from rnaernie_bench.core.progress import shown
from rnaernie_bench.core.time_limit import time_limit
from rnaernie_bench.data.loading import unlearned
from rnaernie_bench.evaluation.evaluate import evaluate_run
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.results.predictions import file_digests
from rnaernie_bench.results.record import Record, validate_record
from rnaernie_bench.results.search import Search, chosen_by, search_of
from rnaernie_bench.runs.folder import CHECKPOINTS, RECORD, UNFINISHED, run_folder
from rnaernie_bench.runs.loaders import UNCACHED, Loaders
from rnaernie_bench.runs.plan import Plan, plan
from rnaernie_bench.runs.stated import refuse_unrecordable, run_record
from rnaernie_bench.task.catalogue import BACKBONES, STRATEGIES, resolve
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
    foretell: Callable[[Plan], str | None] = lambda planned: None,
) -> Outcome:
    """Carry one run out, unless its record is there already.

    Of a launch of several processes, the first calls this and writes, the others `run_as_worker`.

    Args:
        config: the settings.
        task_folders: further folders of tasks.
        repeat: run again even if a finished record is there.
        notify: receives progress messages.
        search: what chose the settings; of a repeated run, what its record says if None.
        foretell: returns a line on a new run for `notify`, such as `forecast.foretold`.

    Raises:
        TimeLimitError: if the time of `trainer.max_train_minutes` is over.
        BenchError: for any failure that the user can fix; an interrupted run can be continued.
    """
    with time_limit(config.trainer.max_train_minutes), shown(config.trainer.progress):
        return _execute(config, list(task_folders), repeat, notify, search, foretell)


def _execute(
    config: RunConfig,
    task_folders: list[Path],
    repeat: bool,
    notify: Callable[[str], None],
    search: Search | None,
    foretell: Callable[[Plan], str | None],
) -> Outcome:
    from rnaernie_bench.results.store import read_record

    require(config.sweep is None, "sweep", "left out: `rnaernie-bench sweep` carries sweeps out")
    check_reachable(config.tracking)
    planned = plan(config, task_folders)
    refuse_unrecordable(planned)
    folder = planned.folder
    if (folder / RECORD).exists():
        if not repeat:
            distributed.broadcast(False)
            if (folder / UNFINISHED).exists():
                with suppress(ResultError), run_folder(folder, repeat=False):  # else it is at work
                    _finish(planned)
            return Outcome(read_record(folder / RECORD), folder, repeated=True)
        with suppress(ResultError, KeyError):  # a damaged record is a reason to repeat
            search = search or search_of(read_record(folder / RECORD))
    with run_folder(folder, repeat=repeat) as state:
        if state == "finished":  # while we waited, or by a repetition that was killed
            distributed.broadcast(False)
            _finish(planned)
            return Outcome(read_record(folder / RECORD), folder, repeated=True)
        if state == "unfinished":
            notify(f"going on with the interrupted run {planned.run_id}")
        elif line := foretell(planned):
            notify(line)
        distributed.broadcast(True)
        write_text(folder / "config.yaml", _yaml(config))
        write_text(folder / UNFINISHED, config.tracking.name)
        with _tracker(planned) as tracker:
            record = _run(planned, tracker, search, notify)
            _report(record, folder, tracker)
            page = tracker.page
        _tidy(folder)
    return Outcome(record, folder, repeated=False, page=page)


def _tracker(planned: Plan, *, create: bool = True) -> Tracker:
    config = planned.config
    return open_tracker(
        config.tracking,
        runs_dir=config.runs_dir,
        run_id=planned.run_id,
        run_name=f"{planned.task.name}, {planned.label}, seed {config.seed}",
        tags={
            "task": planned.task.key,
            "backbone": config.backbone.name,
            "protocol": str(config.protocol),
        },
        create=create,
    )


def _finish(planned: Plan) -> None:
    """Do what a process did not come to that was killed after its record was written.

    Nothing where nothing is left, nor where the run was tracked and this command tracks none.
    """
    from rnaernie_bench.results.store import read_record

    folder, left = planned.folder, planned.folder / UNFINISHED
    if not left.exists() or planned.config.tracking.name == "none" != left.read_text():
        return
    with _tracker(planned, create=False) as tracker:
        _report(read_record(folder / RECORD), folder, tracker)
    _tidy(folder)


def _report(record: Record, folder: Path, tracker: Tracker) -> None:
    """Tell the tracker what stands in the record."""
    for name, test in record["tests"].items():
        found = {metric: entry["value"] for metric, entry in test["metrics"].items()}
        defined = {m: value for m, value in found.items() if value is not None}
        tracker.log_metrics({f"test/{name}/{m}": value for m, value in defined.items()})
    tracker.log_artifact(folder / RECORD)
    tracker.log_artifact(folder / "model")


def _tidy(folder: Path) -> None:
    """Remove what was needed until the record stood and the tracker knew of it."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    (folder / UNFINISHED).unlink(missing_ok=True)


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
    for line in unlearned(planned.scheme.split, task):
        notify(line)
    with environment.PeakMemory() as memory:
        fitted, report = fit(planned, tracker.log_metrics, notify=notify)
        evaluation = evaluate_run(task, config, planned.dataset, planned.scheme, fitted, report)
    _save_model(planned, fitted, report, evaluation)
    write_predictions(folder / "predictions.parquet", evaluation.predictions)
    for name, test in evaluation.tests.items():
        test["predictions"] = predictions_entry(folder / "predictions.parquet", test["n"])
        if name in planned.scheme.dropped:
            test["n_dropped"] = planned.scheme.dropped[name]
        title = f"{task.name}, {name}: {planned.label}"
        for file, figure in evaluation.figures(name, title) if tracker.tracks else ():
            tracker.log_figure(figure, file)
    _draw_types(planned, report, tracker)
    record = chosen_by(search, run_record(planned, report, evaluation, memory))
    validate_record(record)
    whole = (folder / "model" / "config.json").is_file()
    write_text(folder / "README.md", run_card(task, record, whole=whole))
    write_json(folder / RECORD, record)
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
    strategy = STRATEGIES.get(config.strategy.name)
    encoder = planned.encoder or loaders.encoder(
        entry, config.backbone, config.seed, strategy.masked_lm
    )
    fitted = resolve(strategy.fit)(context, encoder, config.strategy)
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
            "files": file_digests(unfinished),
        },
    )
    unfinished.rename(final)


def _yaml(config: RunConfig) -> str:
    import yaml

    text: str = yaml.safe_dump(settings_to_record(config), sort_keys=False)
    return text
