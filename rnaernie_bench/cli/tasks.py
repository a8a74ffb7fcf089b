"""`rnaernie-bench tasks`: what there is to benchmark on."""

from __future__ import annotations

import argparse

from rnaernie_bench.cli.run import add_task_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the tasks, or show the card of one."
    common = argparse.ArgumentParser(add_help=False)
    add_task_path(common)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[common], help="one line a task")
    show = actions.add_parser("show", parents=[common], help="the task card")
    show.add_argument("task", metavar="TASK")


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the card."""
    from rnaernie_bench.task import load_task, load_tasks

    if arguments.action == "list":
        for task in load_tasks(arguments.task_path).values():
            print(f"{task.key:<18} {task.level:<9} {task.problem:<11} {task.title}")
        return 0
    task = load_task(arguments.task, arguments.task_path)
    print(task.card.read_text(encoding="utf-8") if task.card.exists() else task.title)
    return 0
