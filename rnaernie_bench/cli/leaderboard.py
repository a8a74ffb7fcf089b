"""`rnaernie-bench leaderboard`: tables built from result records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.cli.run import add_task_path

if TYPE_CHECKING:
    from rnaernie_bench.leaderboard.page.build import Evidence
    from rnaernie_bench.leaderboard.tables import Table, TaskInfo
    from rnaernie_bench.results.record import Record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.description = "Show tables of results, built from the records on disk."
    parser.epilog = "example: rnaernie-bench leaderboard --task ncrna_cls --format md"
    parser.add_argument("--task", metavar="TASK", help="show this task only")
    parser.add_argument(
        "--format",
        choices=["table", "md", "front", "csv", "json", "html"],
        default="table",
        help="aligned text (default), Markdown, the front table alone, unrounded figures as CSV or "
        "JSON, or a page",
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="short for --format json"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write to FILE; a page of many rows gets a folder beside it",
    )
    parser.add_argument(
        "--runs", action="store_true", help="show finished runs that are not imported as well"
    )
    add_record_folders(parser)


def add_record_folders(parser: argparse.ArgumentParser) -> None:
    """Declare where records, and the tasks they are of, are looked for."""
    parser.add_argument(
        "--results-dir",
        type=Path,
        metavar="DIR",
        help="imported records (default: ./results where it is, else those shipped)",
    )
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: ./runs"
    )
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the leaderboard, or write it.

    Raises:
        ConfigError: there is no such task, or a page of many rows has no file to stand in.
        ResultError: a record is damaged or cannot stand in a table.
        BenchError: a file cannot be written.
    """
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.files import write_text
    from rnaernie_bench.core.paths import own_tasks, results_folder
    from rnaernie_bench.leaderboard.across import across_tasks
    from rnaernie_bench.leaderboard.kept import read_statistics, with_statistics
    from rnaernie_bench.leaderboard.rendering import references_of, render
    from rnaernie_bench.leaderboard.tables import build
    from rnaernie_bench.results.reproduction_marks import reproduced_runs
    from rnaernie_bench.results.store import read_records, read_runs

    tasks = declared_tasks([*arguments.task_path, *own_tasks(arguments.runs_dir)])
    if arguments.task not in (None, *tasks):
        raise ConfigError(
            f"there is no task {arguments.task!r}",
            where="--task",
            remedy=f"choose one of {', '.join(tasks)}, or name its folder with --task-path",
        )
    local = Path("results")
    results_dir = arguments.results_dir or (local if local.is_dir() else results_folder())
    records = read_records(results_dir)
    if arguments.runs:
        # An imported run counts once: `build` keeps the last record of an id.
        records = read_runs(arguments.runs_dir) + records
    if arguments.task:
        records = [record for record in records if record["task"]["name"] == arguments.task]
    if not records:
        print(f"no records in {results_dir}", file=sys.stderr)
    known = of_known_tasks(records, tasks)
    tables = build(known, tasks=tasks, reproduced=reproduced_runs(results_dir, records))
    tables = with_statistics(tables, known, read_statistics(results_dir))
    if arguments.format == "html":
        # Several libraries, which the other formats do without.
        from rnaernie_bench.leaderboard.page.build import Evidence, prediction_folders

        folders = prediction_folders(known, results_dir, arguments.runs_dir)
        return _page(tables, Evidence(known, folders), arguments.output)
    text = render(
        tables, arguments.format, references=references_of(tables), across=across_tasks(tables)
    )
    if arguments.output:
        write_text(arguments.output, text)
    else:
        print(text, end="")
    return 0


def _page(tables: Sequence[Table], evidence: Evidence, output: Path | None) -> int:
    """Write the page of results to `output`, or print it."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.leaderboard.page.build import fits_one_file, one_page, write_page

    if output:
        print(write_page(output, tables, evidence))
        return 0
    if not fits_one_file(tables):
        raise ConfigError(
            "there are too many rows for one page",
            where="--format html",
            remedy="name a file with -o; further pages will stand in a folder beside it",
        )
    print(one_page(tables, evidence))
    return 0


def of_known_tasks(records: Sequence[Record], tasks: Mapping[str, TaskInfo]) -> list[Record]:
    """Return the records of `tasks`; one line on standard error tells how many others there are."""
    known = [record for record in records if record["task"]["name"] in tasks]
    # By id: an imported run that is read beside its record is one.
    unknown = {r["run_id"]: r["task"]["name"] for r in records if r["task"]["name"] not in tasks}
    if unknown:
        one = len(unknown) == 1
        print(
            f"{len(unknown)} record{'' if one else 's'} of unknown tasks "
            f"({', '.join(sorted(set(unknown.values())))}) {'is' if one else 'are'} left out; "
            "name their folder with --task-path",
            file=sys.stderr,
        )
    return known


def declared_tasks(folders: Iterable[Path] = ()) -> dict[str, TaskInfo]:
    """Return what the leaderboard needs to know of every task found; `folders` are further ones."""
    from rnaernie_bench.leaderboard.tables import TaskInfo
    from rnaernie_bench.task.task import load_tasks

    return {
        name: TaskInfo(
            title=task.title,
            main_metric=task.main_metric.name,
            higher_is_better=task.main_metric.higher_is_better,
            default_part=task.default_test_part,
            metrics=task.metrics,
            caveats=task.caveats,
            by=task.resampling,
            shortcuts=task.shortcuts,
            default_split=task.default_split,
            version=task.version,
        )
        for name, task in load_tasks(folders).items()
    }
