"""`rnaernie-bench run`: train and test."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.cli.output import add_json, show
from rnaernie_bench.core import distributed
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import PROBLEMS

if TYPE_CHECKING:
    from rnaernie_bench.config.options import RunConfig
    from rnaernie_bench.results.record import Record
    from rnaernie_bench.runs.runner import Outcome
    from rnaernie_bench.task.task import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Train a model on a task's train part, choose on validation, test once. Settings are "
        "key=value; a list such as seed=0,1,2 makes several runs. A finished run is not repeated."
    )
    parser.epilog = (
        "examples:\n  rnaernie-bench run task=ncrna_cls preset=bench backbone=kmer\n"
        "  rnaernie-bench run --train my.csv --test t.csv --sequence seq --label y "
        "--level sequence --problem multiclass"
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of the run")
    parser.add_argument("--repeat", action="store_true", help="run again what is finished")
    add_json(parser, "in the end, print folder and record of every run as JSON")
    add_task_path(parser)
    _add_own_data(parser)


def _add_own_data(parser: argparse.ArgumentParser) -> None:
    own = parser.add_argument_group(
        "data of your own, in place of task=NAME",
        "Tables (CSV, TSV, Parquet or Arrow); or a FASTA file and a table of its labels, each by "
        "an option of its own; of base pairs (--level contact --problem binary), dot-bracket, "
        "BPSEQ or CT files, folders of them, or a table with a column of structures. Level and "
        "problem are stated, never guessed.",
    )
    for part, text in (
        ("train", "what trains"),
        ("test", "what is tested on, once (default, with --split-by: a fifth of train)"),
        ("validation", "what chooses (default: a tenth of train, in whole groups)"),
    ):
        own.add_argument(
            f"--{part}", action="append", type=Path, default=[], metavar="FILE", help=text
        )
    own.add_argument("--level", choices=list(LEVELS), help="what has a label")
    own.add_argument("--problem", choices=PROBLEMS, help="of which kind")
    own.add_argument("--sequence", default="sequence", metavar="COLUMN", help="default: sequence")
    for partner in ("first", "second"):
        own.add_argument(
            f"--{partner}", default=partner, metavar="COLUMN", help=f"of pairs; default: {partner}"
        )
    own.add_argument(
        "--label", action="append", default=[], metavar="COLUMN", help="once for each, if several"
    )
    own.add_argument("--group", metavar="COLUMN", help="groups of relatives: families, genes")
    own.add_argument(
        "--split-by",
        default="",
        metavar="HOW",
        help="what is cut from train is cut in whole clusters: similarity[=0.8] (identity of "
        "sequences), overlap[=20] (bases that windows share), group, or item (at random, without "
        "--test)",
    )
    own.add_argument("--id", default="id", metavar="COLUMN", help="default: id, or row numbers")
    own.add_argument(
        "--classes", default="", metavar="A,B", help="in their order, the negative one first"
    )
    own.add_argument(
        "--first-base",
        type=int,
        choices=(0, 1),
        help="of base pairs in lists of a table: what the first base is called",
    )
    own.add_argument(
        "--skip-invalid",
        action="store_true",
        help="leave out, and list, the rows of tables and the records that cannot be read",
    )
    own.add_argument("--metric", metavar="NAME", help="what chooses, and is shown first")


def cut_in(record: Record) -> list[str]:
    """Return a line on the items of every part that were not read, or not whole."""
    sizes = {part: record["split"][f"n_{part}"] for part in ("train", "validation")}
    counts = dict(record["split"].get("partly_read", {}))
    for part, test in record["tests"].items():
        sizes[f"test part {part}"] = test["n"]
        counts[f"test part {part}"] = test
    told = [
        f"{items} of {sizes[part]} in {part} {verb}"
        for part, found in counts.items()
        for key, verb in (("n_truncated", "cut to their first bases"), ("n_unread", "not read"))
        if (items := found.get(key, 0))
    ]
    return [f"sequences over the limit of the model: {'; '.join(told)}"] if told else []


def add_task_path(parser: argparse.ArgumentParser) -> None:
    """Declare the option that adds folders of tasks."""
    parser.add_argument(
        "--task-path",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="another folder of tasks; can be repeated",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Execute every run of the settings."""
    from rnaernie_bench.config.compose import compose, expand, value_of
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.paths import own_tasks
    from rnaernie_bench.launchers.jobs import in_process

    settings, folders = arguments.overrides, list(arguments.task_path)
    prepare_libraries()  # before own data are read by one of them
    if arguments.train or arguments.test:
        refuse_several("declaring own data", "declare them once, then run task=NAME --task-path")
        settings, folder = _declare(arguments)
        folders.append(folder)
    else:
        folders += own_tasks(Path(value_of("runs_dir", settings) or "runs").expanduser())
    # All are composed first: a slip in the last setting should not cost the first runs.
    configs = [compose(o, folders) for o in expand(settings)]
    if not all(in_process(config.launcher) for config in configs):
        raise ConfigError(
            "runs of this command follow one another, in this process",
            where="launcher",
            remedy="launchers execute suites and sweeps",
        )
    if distributed.count() > 1:
        return _execute_together(configs, folders, arguments)
    _execute_all(configs, folders, arguments)
    return 0


def _execute_all(
    configs: list[RunConfig], folders: list[Path], arguments: argparse.Namespace
) -> None:
    outcomes = []
    for config in configs:
        _tell(arguments, heading(config))
        from rnaernie_bench.runs.forecast import foretold
        from rnaernie_bench.runs.runner import execute as execute_run

        outcome = execute_run(
            config, task_folders=folders, repeat=arguments.repeat, notify=say, foretell=foretold
        )
        outcomes.append(outcome)
        _tell(arguments, summary(outcome))
    if arguments.json:
        show(arguments, outcomes, "")


def _tell(arguments: argparse.Namespace, text: str) -> None:
    """Print a text as soon as it is known; beside JSON, to standard error."""
    print(text, file=sys.stderr if arguments.json else sys.stdout, flush=True)


def _execute_together(
    configs: list[RunConfig], folders: list[Path], arguments: argparse.Namespace
) -> int:
    """Do the part of this process of a launch; the first one writes and says what happens."""
    from rnaernie_bench.runs.runner import run_as_worker, trains_together

    first = distributed.is_first()
    if not all(trains_together(config) for config in configs):
        if first:
            say("one process is enough for what these settings train: the others have ended")
            distributed.leave()
            _execute_all(configs, folders, arguments)
        return 0
    distributed.join()
    if first:
        _execute_all(configs, folders, arguments)
    else:
        for config in configs:
            run_as_worker(config, task_folders=folders)
    distributed.end()
    return 0


def refuse_several(what: str, remedy: str) -> None:
    """Refuse to be started as several processes of a launch.

    Raises:
        ConfigError: if there are several.
    """
    from rnaernie_bench.core.errors import ConfigError

    if distributed.count() > 1:
        raise ConfigError(
            f"{what} is not what the processes of a launch share", where="torchrun", remedy=remedy
        )


def _declare(arguments: argparse.Namespace) -> tuple[list[str], Path]:
    """Declare a task of the files that were named.

    Returns:
        The settings of the runs, and the folder of tasks with the new one.

    Raises:
        ConfigError: for an option that is missing, or a setting that goes without own data.
    """
    from rnaernie_bench.config.compose import value_of
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.paths import own_tasks_folder
    from rnaernie_bench.data.own.declaring import declare
    from rnaernie_bench.data.own.spec import OwnData

    for option in ("train", "level", "problem"):
        _require(arguments, option)
    if not arguments.split_by:
        _require(arguments, "test", "name it, or cut it from train by --split-by similarity")
    chosen = {key: value for key, _, value in (text.partition("=") for text in arguments.overrides)}
    if "task" in chosen or chosen.get("preset") == "demo":
        key = "task" if "task" in chosen else "preset"
        raise ConfigError(f"{key}={chosen[key]} and --train exclude each other", where=key)
    data = OwnData(
        train=tuple(arguments.train),
        test=tuple(arguments.test),
        validation=tuple(arguments.validation),
        level=arguments.level,
        problem=arguments.problem,
        sequence=arguments.sequence,
        label=tuple(arguments.label),
        group=arguments.group,
        id=arguments.id,
        classes=tuple(filter(None, arguments.classes.split(","))),
        metric=arguments.metric,
        split_by=arguments.split_by,
        first=arguments.first,
        second=arguments.second,
        first_base=arguments.first_base,
        skip_invalid=arguments.skip_invalid,
    )
    if data.labelled:
        _require(arguments, "label")
    runs_dir = Path(value_of("runs_dir", arguments.overrides) or "runs").expanduser()
    folder = own_tasks_folder(runs_dir)
    task = declare(data, folder)
    _tell(arguments, declared_as(task))
    stay = "results stay among the runs: to import them, make a task file of it (tasks new)"
    _tell(arguments, stay)
    preset = [] if "preset" in chosen else ["preset=bench"]
    return [f"task={task.name}", *preset, *arguments.overrides], folder


def declared_as(task: Task) -> str:
    """Return where a task of own data is declared, and as what: nothing of it is to be guessed."""
    from rnaernie_bench.metrics.problems import categorical, two_classes

    labels = f", labels {', '.join(task.labels)}" if task.labels else ""
    if labels and categorical(task.problem) and two_classes(task.problem):
        labels += f" ('{task.labels[1]}' is positive)"
    dataset = task.dataset
    counts: Counter[str] = Counter()
    for part, files in dataset.file_parts.items():
        counts[part] = sum(file.records for file in files.values())
    counts.update({part: table.records for part, table in dataset.tables.items()})
    parts = ", ".join(f"{part} {count}" for part, count in counts.items())
    what = f"{task.level} {task.problem}{labels}; records: {parts}"
    return f"declared: {task.folder / 'task.yaml'}, {what}"


def _require(arguments: argparse.Namespace, option: str, remedy: str = "add it") -> None:
    from rnaernie_bench.core.errors import ConfigError

    if not getattr(arguments, option):
        raise ConfigError(
            "data of your own need it: nothing is guessed", where=f"--{option}", remedy=remedy
        )


def say(message: str) -> None:
    """Tell the user what happens."""
    from rnaernie_bench.core.progress import tell

    tell(message)


def prepare_libraries() -> None:
    """Set up, before they are imported, what the libraries read from the environment.

    Their progress bars and notes on loading and saving weights are kept to themselves. Threads
    that wait, sleep: torch and Numba each keep a pool, and one pool's waiting threads would spin
    on the cores that the other one computes on (three times slower on two busy cores).
    """
    import os

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def heading(config: RunConfig) -> str:
    """Return the first lines of a run: what it is and, for the demo, what it is not."""
    from rnaernie_bench.data.protocols import WARNING
    from rnaernie_bench.task.catalogue import BACKBONES

    backbone = config.backbone
    init = " (random weights)" if getattr(backbone, "init", None) == "random" else ""
    baseline = BACKBONES.get(backbone.name).kind == "baseline"
    strategy = "" if baseline else f", strategy {config.strategy.name}"
    fold = f", split {config.split}, fold {config.fold}" if config.fold else ""
    lines = [f"{config.task.name}{fold}: {backbone.name}{init}{strategy}, seed {config.seed}"]
    if config.task.data == "simulated":
        lines.insert(
            0,
            "DEMO on simulated data: the scores say nothing about real RNA. The real benchmark: "
            f"rnaernie-bench run task={config.task.name} preset=bench",
        )
    if config.protocol == "as_published":
        lines.insert(0, WARNING)
    return "\n".join(lines)


def summary(outcome: Outcome) -> str:
    """Return the metrics of every test part and where everything is."""
    from rnaernie_bench.metrics.measuring import told
    from rnaernie_bench.results.record import ENDS, ended_by

    record = outcome.record
    names = list(next(iter(record["tests"].values()))["metrics"])
    rows = [["test part", "n", *names]]
    for part, test in record["tests"].items():
        rows.append([part, str(test["n"]), *(told(test["metrics"][name]) for name in names)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    chosen, cost = record["selection"], record["cost"]
    lines += cut_in(record)
    if outcome.repeated:
        lines.insert(0, "finished before; --repeat runs it again")
    else:
        lines.append(
            f"trained {cost['train_s']:.1f} s, {cost['items_per_s']:.0f} items/s, "
            f"best epoch {chosen['best_epoch']:g} of {chosen['epochs']:g}, {ENDS[ended_by(record)]}"
        )
    lines.append(f"record: {outcome.folder / 'record.json'}")
    if outcome.page:
        lines.append(f"curves: {outcome.page}")
    return "\n".join(lines)
