"""`rnaernie-bench export`: a finished run for others."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnaernie_bench.cli.run import add_task_path, prepare_libraries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Put the model of a finished run, its card and its record into a folder that "
        "`rnaernie-bench predict` and, with the authors' head, MultiMolecule load; or upload them "
        "to the Hugging Face hub, with the token of `hf auth login`."
    )
    parser.epilog = "example: rnaernie-bench export 3f9a2c --to my-model"
    parser.add_argument("run", metavar="RUN", help="a run folder, or 6 letters or more of a run id")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--to", type=Path, metavar="FOLDER", help="a folder to make")
    target.add_argument("--hub", metavar="ID", help="a model repository, NAMESPACE/NAME")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Write or upload the export."""
    prepare_libraries()
    from rnaernie_bench.results.store import find_run
    from rnaernie_bench.runs.export import export_folder, export_to_hub

    run = find_run(arguments.run, arguments.runs_dir)
    if arguments.to is not None:
        print(f"written: {export_folder(run, arguments.to, task_path=arguments.task_path)}")
        return 0
    address = export_to_hub(
        run, arguments.hub, private=arguments.private, task_path=arguments.task_path
    )
    print(f"uploaded: {address}")
    return 0
