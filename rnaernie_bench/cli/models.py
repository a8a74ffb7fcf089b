"""`rnaernie-bench models`: fitted models that come with the package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rnaernie_bench.cli.run import add_task_path, prepare_libraries


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "List the fitted models that come with the package, show the card of one, or package "
        "finished runs as one. `predict --model NAME` predicts with them, offline."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="one line each, with scores")
    show = actions.add_parser("show", help="the card of one: figures, limits, licence")
    show.add_argument("name", metavar="NAME")
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="what it says of itself, as JSON")
    ship = actions.add_parser(
        "ship",
        help="package a run, or the seeds of a row as an ensemble",
        description="Round the weights of a finished run, or of the seeds of a row as an ensemble, "
        "to float16, evaluate them on the test parts of their task, and write a folder with "
        "record, card and figures beside those of published rows.",
    )
    ship.add_argument("runs", nargs="+", metavar="RUN", help="run folders or ids")
    ship.add_argument("--name", required=True, metavar="NAME")
    ship.add_argument("--title", required=True, metavar="TEXT", help="what it predicts")
    ship.add_argument(
        "--not-for", action="append", default=[], metavar="TEXT", required=True,
        help="what it must not be used for; can be repeated",
    )  # fmt: skip
    ship.add_argument(
        "--beside", action="append", default=[], metavar="ROW",
        help="a row of the published results whose figures stand beside; can be repeated",
    )  # fmt: skip
    ship.add_argument(
        "--rival", metavar="ROW",
        help="one of these, such as vienna_mea, that predicts unless the model is above it on all "
        "test parts",
    )  # fmt: skip
    ship.add_argument(
        "--without-vienna", metavar="NAME", help="the model that predicts without ViennaRNA"
    )
    ship.add_argument(
        "--split", action="append", default=[], metavar="SPLIT",
        help="a further split with the same training items, whose test parts it is evaluated on",
    )  # fmt: skip
    ship.add_argument(
        "--to", type=Path, metavar="FOLDER", help="default: that of NAME in the package"
    )
    ship.add_argument("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    ship.add_argument("--results-dir", type=Path, metavar="DIR", help="default: ./results")
    add_task_path(ship)


def execute(arguments: argparse.Namespace) -> int:
    """List, show or package models.

    Raises:
        ConfigError: there is no such model, or runs do not make one.
        ResultError: a model is damaged, or there is no record of a row.
    """
    actions = {"list": _list, "show": _show, "ship": _ship}
    return actions[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.leaderboard.rendering import aligned
    from rnaernie_bench.metrics.measuring import told
    from rnaernie_bench.prediction.ready import about, ready_models, size_of

    found = {name: about(folder) for name, folder in ready_models().items()}
    if arguments.json:
        print(json.dumps([_described(name) for name in found], indent=1))
        return 0
    if not found:
        print("no fitted model comes with this version")
        return 0
    rows = []
    for name, said in found.items():
        part, figures = next(iter(said.figures.items()))
        size = size_of(ready_models()[name]) / 1e6
        score = f"{said.metric} {told(figures.model)} on {part}"
        rows.append([name, said.task, f"{size:.1f} MB", score, said.title])
    columns = ["model", "task", "size", "score", "what it predicts"]
    print(aligned(columns, rows, set(columns)))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.prediction.ready import ready_folder

    folder = ready_folder(arguments.name)
    if arguments.json:
        print(json.dumps(_described(arguments.name), indent=1))
    else:
        print((folder / "README.md").read_text(encoding="utf-8"), end="")
    return 0


def _described(name: str) -> dict[str, object]:
    from rnaernie_bench.core.schema import as_dict
    from rnaernie_bench.prediction.ready import about, ready_folder, size_of

    folder = ready_folder(name)
    return {**as_dict(about(folder)), "bytes": size_of(folder)}


def _ship(arguments: argparse.Namespace) -> int:
    prepare_libraries()
    from rnaernie_bench.core.paths import own_tasks, ready_models_folder, results_folder
    from rnaernie_bench.prediction.ready import size_of
    from rnaernie_bench.results.store import find_run
    from rnaernie_bench.runs.shipping import Purpose, ship

    local = Path("results")
    made = ship(
        [find_run(run, arguments.runs_dir) for run in arguments.runs],
        Purpose(
            arguments.name,
            arguments.title,
            tuple(arguments.not_for),
            tuple(arguments.beside),
            arguments.rival,
            arguments.without_vienna,
            tuple(arguments.split),
        ),
        arguments.to or ready_models_folder() / arguments.name,
        runs_dir=arguments.runs_dir,
        results_dir=arguments.results_dir or (local if local.is_dir() else results_folder()),
        folders=[*arguments.task_path, *own_tasks(arguments.runs_dir)],
    )
    print(f"{made}: {size_of(made):,} bytes")
    return 0
