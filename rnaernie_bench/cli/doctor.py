"""`rnaernie-bench doctor`: whether everything is where and as it should be."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnaernie_bench.cli.output import add_json, show
from rnaernie_bench.cli.run import add_task_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Look at versions, accelerator, data, cache, tracking store and embedded weights: a line "
        "each, with the remedy. It works where torch is missing or broken, and changes nothing. "
        "The exit status is 1 if there is a problem."
    )
    parser.epilog = "example: rnaernie-bench doctor --full"
    parser.add_argument(
        "--full",
        action="store_true",
        help="compare data files with their checksums, import heavy libraries (a minute)",
    )
    add_json(parser)
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )
    parser.add_argument("--tracking-uri", metavar="URI", help="query this MLflow server")
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print what is found.

    Returns:
        0, or 1 if something is a problem.
    """
    from rnaernie_bench.core.checks import failed
    from rnaernie_bench.doctor.examination import examine

    findings = []
    for finding in examine(
        task_folders=arguments.task_path,
        runs_dir=arguments.runs_dir,
        tracking_uri=arguments.tracking_uri,
        full=arguments.full,
    ):
        findings.append(finding)
        if not arguments.json:
            print(finding, flush=True)
    problem = failed(findings)
    if arguments.json:  # else they stand there already
        show(arguments, {"sound": not problem, "findings": findings}, "")
    return int(problem)
