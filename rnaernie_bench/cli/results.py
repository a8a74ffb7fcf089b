"""`rnaernie-bench results`: import, merge, submit, reproduce; build and check the folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnaernie_bench.cli import import_predictions
from rnaernie_bench.cli.run import add_task_path
from rnaernie_bench.leaderboard.explanations import LIMITS, PROTOCOL


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
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run folder, an id or 6 letters of one; or a folder of runs, for all finished",
    )
    imports.add_argument(
        "--most-kib",
        type=float,
        metavar="N",
        help="of a folder of runs, leave out those with larger predictions (default: 256)",
    )
    predicted = actions.add_parser(
        "import-predictions",
        parents=[common],
        help="make a record of predictions that were made elsewhere",
    )
    import_predictions.add_arguments(predicted)
    add_task_path(predicted)
    build = actions.add_parser(
        "build",
        parents=[common],
        help="rebuild README.md, index.html and statistics.json in the folder of results",
    )
    add_task_path(build)
    actions.add_parser("validate", parents=[common], help="check every record and its predictions")
    merges = actions.add_parser(
        "merge", parents=[common], help="bring others' records in: all of them, or none"
    )
    merges.add_argument(
        "sources", nargs="+", type=Path, metavar="SOURCE", help="a folder of results, or a bundle"
    )
    submit = actions.add_parser(
        "submit", parents=[common], help="write records and predictions into one file for others"
    )
    submit.add_argument(
        "runs", nargs="+", metavar="RUN", help="finished or imported: a folder, or 6 letters of one"
    )
    submit.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE")
    reproduce = actions.add_parser(
        "reproduce", parents=[common], help="run a record's settings again, and compare"
    )
    reproduce.add_argument("run", metavar="RUN", help="an imported record: 6 letters of its id")
    reproduce.add_argument(
        "--source", metavar="DIR", help="the weights, where the record says `local folder`"
    )
    reproduce.add_argument(
        "--repeat", action="store_true", help="run again what was repeated before"
    )
    add_task_path(reproduce)


def execute(arguments: argparse.Namespace) -> int:
    """Execute the action.

    Returns:
        0, or 2 if `validate` finds problems or a run is not reproduced.

    Raises:
        ResultError: a run or record is missing, unfit or damaged.
        BenchError: a file cannot be written.
    """
    actions = {
        "import": _import,
        "import-predictions": import_predictions.execute,
        "build": _build,
        "validate": _validate,
        "merge": _merge,
        "submit": _submit,
        "reproduce": _reproduce,
    }
    return actions[arguments.action](arguments)


def _import(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.results.merging import MOST_KIB, import_runs
    from rnaernie_bench.results.store import RECORD_FILE, find_run, import_run

    # All names are looked up first: a misspelt one stops the command before it has done a part.
    whole = [p for p in map(Path, arguments.runs) if p.is_dir() and not (p / RECORD_FILE).exists()]
    names = [name for name in arguments.runs if Path(name) not in whole]
    folders = [find_run(name, arguments.runs_dir) for name in names]
    for folder in folders:
        print(import_run(folder, arguments.results_dir))
    for folder in whole:
        found = import_runs(folder, arguments.results_dir, arguments.most_kib or MOST_KIB)
        print(*found.records, sep="\n")
        for reason, count in found.left_out.items():
            print(f"{folder}: {count} left out: {reason}", file=sys.stderr)
    print("rebuild the page with: rnaernie-bench results build", file=sys.stderr)
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.cli.leaderboard import declared_tasks, of_known_tasks
    from rnaernie_bench.core.errors import ResultError
    from rnaernie_bench.core.files import together
    from rnaernie_bench.leaderboard.guidance_page import build_guidance
    from rnaernie_bench.leaderboard.kept import with_statistics
    from rnaernie_bench.leaderboard.page.build import Evidence, prediction_folders, write_page
    from rnaernie_bench.leaderboard.rendering import build_results
    from rnaernie_bench.leaderboard.significance import build_statistics
    from rnaernie_bench.leaderboard.tables import build
    from rnaernie_bench.results.reproduction_marks import reproduced_runs
    from rnaernie_bench.results.store import read_records

    folder, tasks = arguments.results_dir, declared_tasks(arguments.task_path)
    if problems := _problems(folder):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ResultError(
            f"{problems[0]}{more}", remedy="nothing was built; `results validate` lists all"
        )
    records = of_known_tasks(read_records(folder), tasks)
    found = build(records, tasks=tasks, reproduced=reproduced_runs(folder, records))
    evidence = Evidence(records, prediction_folders(records, folder))
    with together():
        tables = with_statistics(found, records, build_statistics(folder, found, records))
        page = build_results(folder, tables, records=len(records), protocol=PROTOCOL, limits=LIMITS)
        guided = build_guidance(folder, tables, records)
        written = [page, *guided, write_page(folder / "index.html", tables, evidence)]
    for path in written:
        print(path)
    return 0


def _problems(folder: Path) -> list[str]:
    """Return a line for everything that is wrong in a folder of results."""
    from rnaernie_bench.results.reproduction_marks import mark_problems
    from rnaernie_bench.results.store import read_records, validate_folder

    return validate_folder(folder) or list(mark_problems(folder, read_records(folder)))


def _validate(arguments: argparse.Namespace) -> int:
    problems = _problems(arguments.results_dir)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s) in {arguments.results_dir}", file=sys.stderr)
        return 2
    print(f"{arguments.results_dir}: all records are sound")
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.results.merging import merge

    merged = merge(arguments.sources, arguments.results_dir)
    for path in merged.added:
        print(path)
    print(
        f"{_counted(len(merged.added))} added, {merged.present} there already; "
        "rebuild the page with: rnaernie-bench results build",
        file=sys.stderr,
    )
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.leaderboard.selection import find_records, named_run
    from rnaernie_bench.results.bundle import write_bundle
    from rnaernie_bench.results.store import publishable

    found = find_records(arguments.results_dir, arguments.runs_dir)
    runs = [named_run(name, found, where="submit") for name in arguments.runs]
    chosen = {run.run_id: publishable(run.record, run.folder) for run in runs}
    digest = write_bundle(arguments.output, list(chosen.values()))
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {_counted(len(chosen))}, {size:,} bytes, SHA-256 {digest}")
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    from rnaernie_bench.cli.run import prepare_libraries, say
    from rnaernie_bench.results.reproduction_marks import TOLERANCE, write_mark
    from rnaernie_bench.results.store import find_record, read_record

    path = find_record(arguments.run, arguments.results_dir)
    record = read_record(path)
    prepare_libraries()
    from rnaernie_bench.runs.reproduction import reproduce

    found = reproduce(
        record,
        path.parent,
        runs_dir=arguments.runs_dir,
        source=arguments.source,
        repeat=arguments.repeat,
        task_folders=arguments.task_path,
        notify=say,
    ).likeness
    verdict = "reproduced" if found.reproduced else "NOT reproduced"
    print(
        f"{record['task']['name']}/{record['run_id']}: {verdict}; the largest difference is "
        f"{found.largest_difference:.4f} ({found.metric}), allowed are {TOLERANCE}; "
        f"{100 * found.same_predictions:.1f} % of {found.n:,} items are predicted alike"
    )
    if not found.reproduced:
        return 2
    print(f"mark: {write_mark(record, found, arguments.results_dir)}")
    return 0


def _counted(number: int) -> str:
    return "1 record" if number == 1 else f"{number} records"
