"""`rnaernie-bench tasks`: what there is to benchmark on, and a start for what is not."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.output import add_json, show
from rnaernie_bench.cli.run import add_task_path
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import PROBLEMS

if TYPE_CHECKING:
    from rnaernie_bench.task.task import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the tasks, show the card of one, or begin a new one."
    common = argparse.ArgumentParser(add_help=False)
    add_task_path(common)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_json(actions.add_parser("list", parents=[common], help="one line a task"))
    showing = actions.add_parser("show", parents=[common], help="the task card")
    showing.add_argument("task", metavar="TASK")
    add_json(showing, "print the declaration, with the card, as JSON")
    showing.add_argument(
        "--croissant", action="store_true", help="print what Croissant says of data sets, JSON-LD"
    )
    new = actions.add_parser("new", parents=[common], help="write a template to fill in")
    new.add_argument("name", metavar="NAME", help="lower-case letters, digits and underscores")
    new.add_argument(
        "--folder",
        type=Path,
        default=Path("my_tasks"),
        metavar="DIR",
        help="the folder of tasks to put it into (default: my_tasks)",
    )
    new.add_argument(
        "--level", choices=list(LEVELS), default="sequence", help="what has a label (sequence)"
    )
    new.add_argument(
        "--problem", choices=PROBLEMS, default="multiclass", help="of which kind (multiclass)"
    )
    new.add_argument(
        "--source",
        choices=["fasta", "table"],
        default="fasta",
        help="what the data are read from (default: fasta)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the card, or write a template."""
    if arguments.action == "new":
        return _new(arguments)
    from rnaernie_bench.task.task import load_task, load_tasks

    if arguments.action == "list":
        tasks = load_tasks(arguments.task_path).values()
        width = max((len(task.key) for task in tasks), default=0)
        lines = (f"{t.key:<{width}} {t.level:<9} {t.problem:<11} {t.title}" for t in tasks)
        show(arguments, [_in_brief(task) for task in tasks], lambda: "\n".join(lines))
        return 0
    task = load_task(arguments.task, arguments.task_path)
    if arguments.croissant:
        from rnaernie_bench.task.croissant import croissant

        print(json.dumps(croissant(task), indent=1, ensure_ascii=False))
        return 0
    card = task.card.read_text(encoding="utf-8") if task.card.exists() else None
    show(arguments, {**as_dict(task), "card": card}, card or task.title)
    return 0


def _in_brief(task: Task) -> dict[str, Any]:
    names = (
        "name", "version", "title", "level", "problem", "labels", "default_split",
        "default_test_part", "folder",
    )  # fmt: skip
    told = {name: getattr(task, name) for name in names}
    dataset = {"name": task.dataset.name, "licence": task.dataset.licence}
    return told | {"main_metric": task.main_metric.name, "dataset": dataset}


def _new(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.task.template import new_task

    name, folder = arguments.name, arguments.folder
    target = new_task(
        name,
        folder,
        level=arguments.level,
        problem=arguments.problem,
        source=arguments.source,
        task_folders=arguments.task_path,
    )
    print(f"written: {target / 'task.yaml'} and its card")
    print(f"try it on simulated data: rnaernie-bench run task={name} --task-path {folder}")
    print(f"fill it in, then: rnaernie-bench validate {target}")
    return 0
