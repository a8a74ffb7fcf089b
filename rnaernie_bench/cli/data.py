"""`rnaernie-bench data`: fetch, verify and audit the data of tasks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rnaernie_bench.cli.run import add_task_path

if TYPE_CHECKING:
    from rnaernie_bench.task.task import Task

_EXAMPLES = """\
examples:
  rnaernie-bench data fetch ncrna_cls                download what is not here yet
  rnaernie-bench data verify ncrna_cls               compare files with their checksums
  rnaernie-bench data audit ncrna_cls                count duplicates within and between parts
  rnaernie-bench data audit ncrna_cls --write-card   and put the figures into the task card
  rnaernie-bench data audit ncrna_cls --simulated    the same for the built-in simulated set

Files are searched in the folders of RNAERNIE_BENCH_DATA, then in the cache (RNAERNIE_BENCH_CACHE,
else the user cache of the platform); fetch downloads to the cache.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("tasks", nargs="+", metavar="TASK", help="name of a task")
    add_task_path(common)
    actions.add_parser("fetch", parents=[common], help="download what is not here yet")
    actions.add_parser("verify", parents=[common], help="compare files with their checksums")
    auditing = actions.add_parser(
        "audit", parents=[common], help="count records of parts, and duplicates between them"
    )
    auditing.add_argument("--split", metavar="NAME", help="instead of the task's default split")
    auditing.add_argument("--fold", metavar="NAME", help="of the split, where it has folds")
    auditing.add_argument("--simulated", action="store_true", help="audit the simulated set")
    auditing.add_argument(
        "--write-card", action="store_true", help="put the figures into the task card"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the chosen action on every task named.

    Returns:
        0, or 2 if `verify` found a file missing or different.
    """
    from rnaernie_bench.task.task import load_task

    if arguments.action == "audit" and arguments.write_card and arguments.simulated:
        from rnaernie_bench.core.errors import ConfigError

        raise ConfigError(
            "a card has the figures of real data",
            where="--write-card",
            remedy="leave out --simulated",
        )
    act: Callable[[Task, argparse.Namespace], int] = {
        "fetch": _fetch,
        "verify": _verify,
        "audit": _audit,
    }[arguments.action]
    tasks: Sequence[Task] = [load_task(name, arguments.task_path) for name in arguments.tasks]
    return max(act(task, arguments) for task in tasks)


def _fetch(task: Task, arguments: argparse.Namespace) -> int:
    from rnaernie_bench.data.sources import fetch
    from rnaernie_bench.data.tables import read_table

    for path in fetch(task):
        print(f"{task.name}: {path}")
    for part, table in task.dataset.tables.items():  # reading a hub set is what fetches it
        print(f"{task.name}: {part}, {len(read_table(table, task))} rows of {table.source}")
    return 0


def _verify(task: Task, arguments: argparse.Namespace) -> int:
    from rnaernie_bench.data.sources import verify

    failed = False
    for part, path, problem in verify(task):
        failed |= problem is not None
        print(f"{task.name} {part}: {problem or f'ok, {path}'}")
    for part, table in task.dataset.tables.items():
        if table.sha256:  # verified with the files
            continue
        print(f"{task.name} {part}: {table.source} declares no checksum, nothing to verify")
    return 2 if failed else 0


def _audit(task: Task, arguments: argparse.Namespace) -> int:
    from rnaernie_bench.data.audit import audit, to_markdown, write_card
    from rnaernie_bench.data.folds import first_fold
    from rnaernie_bench.data.loading import load_dataset, make_split

    dataset = load_dataset(task, simulated=arguments.simulated)
    name, fold = first_fold(task, arguments.split, arguments.fold)
    split = make_split(task, dataset, name or task.default_split, fold=fold)
    text = to_markdown(audit(task, dataset, split))
    print(text, end="")
    if arguments.write_card:
        write_card(task, text)
        print(f"written to {task.card}")
    return 0
