"""`rnaernie-bench evaluate`: a finished run on other data, without training again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.output import add_json, show
from rnaernie_bench.cli.run import add_task_path

if TYPE_CHECKING:
    from rnaernie_bench.results.record import Record
    from rnaernie_bench.runs.evaluations import Data, Evaluated, FittedModel

COLUMNS = ("sequence", "first", "second", "id")
"""Options that name a column, whose names are the usual ones of these columns."""

OF_FILES = (*COLUMNS, "label", "group", "first_base", "skip_invalid")
OF_TASKS = ("split", "fold", "part")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Score a finished run on a file of yours, or on the test parts of a task. Nothing is "
        "trained or chosen anew. The record has metrics with intervals, and says how many of the "
        "sequences trained the model or have relatives there; `compare` takes records of the same "
        "data."
    )
    parser.epilog = (
        "examples:\n  rnaernie-bench evaluate 3f9a2c --test new.csv --sequence seq --label family\n"
        "  rnaernie-bench evaluate 3f9a2c --test new.fa --test labels.csv --label family\n"
        "  rnaernie-bench evaluate 3f9a2c --task ss_contacts --split bprna --part new_families"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "run",
        metavar="RUN",
        help="a run folder, an export, 6 letters or more of a run id, or a model that comes with "
        "the package",
    )
    files = parser.add_argument_group(
        "a file of yours",
        "As `run --test` takes it: a table (CSV, TSV, Parquet or Arrow); a FASTA file and a table "
        "of its labels, each by an option of its own; of base pairs, files of structures.",
    )
    files.add_argument("--test", action="append", type=Path, default=[], metavar="FILE")
    for name in COLUMNS:
        files.add_argument(f"--{name}", metavar="COLUMN", help=f"default: {name}")
    files.add_argument(
        "--label",
        action="append",
        metavar="COLUMN",
        help="of classes (default: label); of several numbers, once for each in the order of the "
        "model's labels (default: columns called like these)",
    )
    files.add_argument("--group", metavar="COLUMN", help="groups that intervals draw as a whole")
    files.add_argument(
        "--first-base", type=int, choices=(0, 1), help="of base pairs in lists of a table"
    )
    files.add_argument(
        "--skip-invalid",
        action="store_const",
        const=True,
        help="leave out, and list, the rows of tables and the records that cannot be read",
    )
    task = parser.add_argument_group("or test parts of a task")
    task.add_argument("--task", metavar="TASK", help="with the level and the labels of the model")
    task.add_argument("--split", metavar="SPLIT", help="default: that of the task")
    task.add_argument("--fold", metavar="FOLD", help="of a split with folds")
    task.add_argument(
        "--part", action="append", metavar="PART", help="default: all; can be repeated"
    )
    add_task_path(parser)
    parser.add_argument("--repeat", action="store_true", help="evaluate again what is finished")
    add_json(parser, "print the record as JSON")
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Evaluate the model and print what was found.

    Raises:
        ConfigError: options do not go together, or labels or level are not those of the model.
        DataError: a file cannot be read.
        ResultError: there is no such run.
    """
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.core.paths import own_tasks
    from rnaernie_bench.data.protocols import WARNING
    from rnaernie_bench.prediction.ready import ready_models
    from rnaernie_bench.results.store import find_run
    from rnaernie_bench.runs.evaluations import evaluate_model, fitted_model

    prepare_libraries()
    _check(arguments)
    ready = ready_models().get(arguments.run)
    if ready is not None:
        model = fitted_model(ready, arguments.run)
    else:
        model = fitted_model(find_run(arguments.run, arguments.runs_dir))
    if model.record["protocol"] == "as_published":
        print(WARNING, file=sys.stderr)
    folders = [*arguments.task_path, *own_tasks(arguments.runs_dir)]
    found = evaluate_model(
        model,
        _data(model, arguments, folders),
        arguments.runs_dir,
        folders=folders,
        repeat=arguments.repeat,
    )
    show(arguments, found.record, lambda: summary(found))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    from rnaernie_bench.core.errors import ConfigError

    if bool(arguments.test) == bool(arguments.task):
        raise ConfigError(
            "a model is evaluated on a file or on a task",
            where="evaluate",
            remedy="give --test FILE or --task TASK",
        )
    unread, other = (OF_TASKS, "--test") if arguments.test else (OF_FILES, "--task")
    for name in unread:
        if getattr(arguments, name) is not None:
            raise ConfigError(
                f"it says nothing beside {other}",
                where=f"--{name.replace('_', '-')}",
                remedy="leave it out",
            )


def _data(model: FittedModel, arguments: argparse.Namespace, folders: list[Path]) -> Data:
    """Return what the model is evaluated on."""
    from rnaernie_bench.core.paths import own_tasks_folder
    from rnaernie_bench.runs.evaluations import data_of_files, data_of_task

    if arguments.task:
        return data_of_task(
            model,
            arguments.task,
            split=arguments.split,
            fold=arguments.fold,
            parts=arguments.part or (),
            folders=folders,
        )
    named = {name: getattr(arguments, name) for name in OF_FILES if name != "label"}
    return data_of_files(
        model,
        arguments.test,
        own_tasks_folder(arguments.runs_dir),
        label=arguments.label or (),
        **{name: value for name, value in named.items() if value is not None},
    )


def summary(found: Evaluated) -> str:
    """Return the figures of every part, by class where there are classes, and what was seen."""
    from rnaernie_bench.leaderboard.rendering import aligned
    from rnaernie_bench.metrics.measuring import told

    record, tests = found.record, found.record["tests"]
    model = record["evaluation"]["model"]
    lines = ["evaluated before; --repeat does it again"] if found.repeated else []
    lines.append(f"{_called(record)}, fitted on {model['task']}, split {model['split']}")
    names = list(next(iter(tests.values()))["metrics"])
    rows = [
        [part, f"{test['n']:,}", *(told(test["metrics"][name]) for name in names)]
        for part, test in tests.items()
    ]
    lines.append(aligned(["test part", "n", *names], rows, {"test part", *names}))
    metric = record["selection"]["metric"]
    for part, test in tests.items():
        lines += [f"{part}: {line}" for line in _seen(test, metric, found.lacking)]
        for name, entry in test.items():
            if name in ("per_class", "per_column"):
                lines.append(_by_label(entry))
    lines.append(f"record: {found.folder / 'record.json'}")
    return "\n".join(lines)


def _called(record: Record) -> str:
    from rnaernie_bench.leaderboard.settings import shown_as

    model = record["evaluation"]["model"]
    backbone, strategy = shown_as(record)
    members = f", ensemble of {len(model['runs'])}" if len(model["runs"]) > 1 else ""
    return f"{model.get('name', model['runs'][0])}: {backbone}/{strategy}{members}"


def _seen(test: dict[str, Any], metric: str, lacking: str) -> list[str]:
    """Return lines on items of a part that trained the model, or have relatives there."""
    from rnaernie_bench.metrics.measuring import told

    seen = test["training"]
    if seen["identical"] is None:
        return [f"whether the model was trained on any of them is not known: {lacking}"]
    near = "how many have relatives there is not known"
    if seen["near"] is not None:
        near = f"{seen['near']:,} others have a relative there (80 % identical or more)"
    elif lacking:
        near = f"{near}: {lacking}"
    lines = [f"{seen['identical']:,} of {test['n']:,} trained or validated the model; {near}"]
    if rest := seen.get("others"):
        figure = told(rest["metrics"][metric])
        lines.append(f"{metric} on the {rest['n']:,} without either: {figure}")
    return lines


def _by_label(entry: dict[str, dict[str, Any]]) -> str:
    """Return the table of figures by class or by label."""
    from rnaernie_bench.leaderboard.rendering import aligned

    names = list(next(iter(entry.values()), {}))
    rows = [
        [label, *("-" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v)
                  for v in (figures[name] for name in names))]
        for label, figures in entry.items()
    ]  # fmt: skip
    return aligned(["label", *names], rows, {"label"})
