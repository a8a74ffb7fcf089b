"""`rnaernie-bench validate`: whether a task can be used."""

from __future__ import annotations

import argparse

from rnaernie_bench.cli.run import add_task_path, prepare_libraries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Check tasks: declaration, data files with their checksums, labels, sequences that train "
        "and test share, and a pass of training on a handful of items. A line each, with the "
        "remedy. The exit status is 2 if there is a problem."
    )
    parser.epilog = "example: rnaernie-bench validate my_tasks/my_task"
    parser.add_argument(
        "tasks", nargs="+", metavar="TASK", help="the name of a task, its folder or its task.yaml"
    )
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print what is found of every task named.

    Returns:
        0, or 2 if something is a problem.
    """
    prepare_libraries()
    from rnaernie_bench.core.checks import failed
    from rnaernie_bench.runs.validate import check, declaration_of

    declarations = [declaration_of(name, arguments.task_path) for name in arguments.tasks]
    findings = []
    for path in declarations:
        print(f"{path.parent.name}:", flush=True)
        for finding in check(path):
            findings.append(finding)
            print(finding, flush=True)
    return 2 if failed(findings) else 0
