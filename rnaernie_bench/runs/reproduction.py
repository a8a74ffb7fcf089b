"""A record's configuration, run again and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.config.compose import compose
from rnaernie_bench.config.identity import identity
from rnaernie_bench.config.options import RunConfig, TaskOptions, TrainerOptions
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.schema import as_dict, build
from rnaernie_bench.leaderboard.settings import flat
from rnaernie_bench.results.record import Record, identity_of, is_external, run_id_of
from rnaernie_bench.results.reproduction_marks import Likeness, likeness
from rnaernie_bench.runs.plan import plan
from rnaernie_bench.runs.runner import Outcome, execute
from rnaernie_bench.task.catalogue import BACKBONES

FOLDER = "reproduced"
"""In the folder of runs: repetitions, which neither replace runs nor stand beside them."""

_OF_TASK = frozenset(f.name for f in dataclasses.fields(TaskOptions)) - {"name", "data", "head"}
"""Options of the task that a recipe holds; those without an effect it leaves out."""

_NOT_TRAINER = _OF_TASK | {"budget", "converged"}
"""What a recipe holds beside the trainer's options."""


@dataclass(frozen=True)
class Reproduction:
    """A repetition, and how alike it is."""

    outcome: Outcome
    likeness: Likeness


def config_of(
    record: Record,
    *,
    runs_dir: Path,
    source: str | None = None,
    task_folders: Iterable[Path] = (),
) -> RunConfig:
    """Return the settings that a record says its run had.

    Args:
        record: a valid record.
        runs_dir: where its repetition is to write.
        source: where the weights of the backbone are, if they were a local folder.
        task_folders: further folders of tasks.

    Raises:
        ConfigError: a setting or name is not known to this version.
        ResultError: the weights were a local folder and `source` is not given, or the record is of
            imported predictions.
    """
    if is_external(record):
        raise ResultError(
            "its predictions were made elsewhere, and imported",
            where=f"record {record['run_id']}",
            remedy="ask whoever made them",
        )
    backbone, recipe, head = record["backbone"], record["recipe"], record["head"]
    encoder = backbone["kind"] == "encoder"
    name = record["task"]["name"]
    chosen = [f"task={name}", "preset=bench", "tracking=none", f"backbone={backbone['name']}"]
    if encoder:
        chosen.append(f"strategy={record['strategy']['name']}")
    base = compose(chosen, task_folders)
    options = {"name": backbone["name"], **backbone.get("options", {})}
    if backbone["init"] is not None:
        options["init"] = backbone["init"]
    if source is not None:
        options["source"] = source
    if options.get("source") == "local folder":
        raise ResultError(
            "its weights were in a local folder",
            where=f"record {record['run_id']}",
            remedy="name their folder with --source",
        )
    trainer = {key: value for key, value in recipe.items() if key not in _NOT_TRAINER}
    return dataclasses.replace(
        base,
        task=build(
            TaskOptions,
            {
                "name": name,
                "data": "simulated" if record["dataset"]["simulated"] else "real",
                "head": head if encoder else base.task.head,
                **{key: recipe[key] for key in _OF_TASK if key in recipe},
            },
            where="task",
        ),
        backbone=_changed(base.backbone, options, "backbone"),
        strategy=_changed(base.strategy, record["strategy"], "strategy")
        if encoder
        else base.strategy,
        trainer=build(
            TrainerOptions,
            {**as_dict(base.trainer), **trainer, **recipe["budget"]},
            where="trainer",
        ),
        split=record["split"]["name"],
        fold=record["split"]["fold"],
        seed=record["seed"],
        protocol=record["protocol"],
        runs_dir=runs_dir,
    )


def _changed(options: Any, recorded: Mapping[str, Any], where: str) -> Any:
    """Return options with what a record says of them; what it does not say has its default."""
    known = {key: value for key, value in recorded.items() if key != "base" or value is not None}
    return build(type(options), {**as_dict(options), **known}, where=where)


def reproduce(
    record: Record,
    folder: Path,
    *,
    runs_dir: Path,
    source: str | None = None,
    repeat: bool = False,
    task_folders: Iterable[Path] = (),
    notify: Callable[[str], None] = lambda message: None,
) -> Reproduction:
    """Run a record's configuration again, and compare metrics and predictions.

    A repetition that was finished before is compared again, unless `repeat` is set.

    Args:
        record: a valid record.
        folder: where its predictions lie.
        runs_dir: the folder of runs; repetitions lie in `reproduced/` there.
        source: where the weights of the backbone are, if they were a local folder.
        repeat: whether a finished repetition is repeated.
        task_folders: further folders of tasks.
        notify: receives progress messages.

    Raises:
        ResultError: the settings give another run here, naming what differs; or the runs cannot be
            compared.
        BenchError: as a run does.
    """
    folders = list(task_folders)
    try:
        config = config_of(record, runs_dir=runs_dir / FOLDER, source=source, task_folders=folders)
    except ConfigError as error:
        raise ResultError(
            f"its settings are not those of this version: {error}",
            where=f"record {record['run_id']}",
            remedy=f"use rnaernie-bench {record['environment'].get('rnaernie_bench', 'of then')}",
        ) from error
    different = next(_differences(record, config, folders), None)
    if different:
        raise ResultError(
            f"would not be the same run here: {different}",
            where=f"record {record['run_id']}",
            remedy="use the data, weights and version of the record",
        )
    outcome = execute(config, task_folders=folders, repeat=repeat, notify=notify)
    return Reproduction(outcome, likeness(record, folder, outcome.record, outcome.folder))


def _differences(record: Record, config: RunConfig, folders: list[Path]) -> Iterator[str]:
    """Yield in what the run that `config` makes here is another than the record's."""
    recorded = identity_of(record)
    if run_id_of(recorded) != record["run_id"]:
        yield "the settings in the record do not give its run id"
    planned = plan(config, folders)
    here = identity(
        config,
        planned.task,
        planned.dataset.fingerprint,
        BACKBONES.get(config.backbone.name).kind,
        planned.weights_sha256,
    )
    in_record = dict(flat(recorded))
    for name, value in flat(here):
        if in_record.get(name) != value:
            yield f"{name} is {value!r} here, {in_record.get(name)!r} in the record"
