"""`rnaernie-bench results`: import runs, rebuild the results page, check the records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnaernie_bench.cli.run import add_task_path
from rnaernie_bench.results.explanations import LIMITS, PROTOCOL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the subcommand and their options."""
    parser.description = "Keep the folder of results: the records that the leaderboard shows."
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--results-dir",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="default: ./results",
    )
    common.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: ./runs"
    )
    # Suppressed, or its default here would undo a --debug given before the action.
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show a failure's traceback"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    imports = actions.add_parser(
        "import", parents=[common], help="copy the records and predictions of finished runs"
    )
    imports.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run folder, a run id or 6 or more letters of one"
    )
    build = actions.add_parser(
        "build",
        parents=[common],
        help="rebuild README.md, index.html and statistics.json in the folder of results",
    )
    add_task_path(build)
    actions.add_parser("validate", parents=[common], help="check every record and its predictions")


def execute(arguments: argparse.Namespace) -> int:
    """Carry out the action.

    Returns:
        0, or 2 if `validate` finds problems.

    Raises:
        ResultError: a run or record is missing, unfit or damaged.
        BenchError: a file cannot be written.
    """
    actions = {"import": _import, "build": _build, "validate": _validate}
    return actions[arguments.action](arguments)


def _import(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.results.store import find_run, import_run

    # All names are looked up first: a misspelt one stops the command before it has done a part.
    folders = [find_run(name, arguments.runs_dir) for name in arguments.runs]
    for folder in folders:
        print(import_run(folder, arguments.results_dir))
    print("rebuild the page with: rnaernie-bench results build", file=sys.stderr)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.cli.leaderboard import declared_tasks, of_known_tasks
    from rnaernie_bench.results.leaderboard import build
    from rnaernie_bench.results.page.build import Evidence, prediction_folders, write_page
    from rnaernie_bench.results.rendering import build_results
    from rnaernie_bench.results.significance import build_statistics
    from rnaernie_bench.results.store import read_records

    folder, tasks = arguments.results_dir, declared_tasks(arguments.task_path)
    records = of_known_tasks(read_records(folder), tasks)
    statistics = build_statistics(folder, records, tasks=tasks)
    page = build_results(
        folder, records, tasks=tasks, statistics=statistics, protocol=PROTOCOL, limits=LIMITS
    )
    print(page)
    evidence = Evidence(records, prediction_folders(records, folder), statistics)
    tables = build(records, tasks=tasks, statistics=statistics)
    print(write_page(folder / "index.html", tables, evidence, protocol=PROTOCOL, limits=LIMITS))
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.results.store import validate_folder

    problems = validate_folder(arguments.results_dir)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s) in {arguments.results_dir}", file=sys.stderr)
        return 2
    print(f"{arguments.results_dir}: all records are sound")
    return 0
