"""`rnaernie-bench compare`: is one row better than another, and where do they differ?"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.leaderboard import add_record_folders
from rnaernie_bench.cli.output import add_json, show

if TYPE_CHECKING:
    from rnaernie_bench.leaderboard.comparison import Comparison
    from rnaernie_bench.leaderboard.disagreement import Disagreement, Tally
    from rnaernie_bench.leaderboard.selection import Selected

EXAMPLES = """A row is BACKBONE or BACKBONE/STRATEGY of the leaderboard, with all its seeds; a run
folder, a run id or its first 6 letters or more; or several runs joined by +, the seeds of one row.

examples:
  rnaernie-bench compare kmer cnn rnaernie-tiny/frozen
  rnaernie-bench compare 3f9a2c 81b0de --metric accuracy --items 20
  rnaernie-bench compare 3f9a2c+77c1d0 kmer --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "Compare rows by paired tests on their predictions for the same items."
    parser.epilog = EXAMPLES
    parser.add_argument("rows", nargs="+", metavar="ROW", help="two or more; see below")
    parser.add_argument("--task", metavar="TASK", help="look for rows of this task only")
    parser.add_argument("--split", metavar="SPLIT", help="look for rows of this split only")
    parser.add_argument("--fold", metavar="FOLD", help="look for rows of this fold only")
    parser.add_argument("--part", metavar="PART", help="default: the task's default test part")
    parser.add_argument("--metric", metavar="METRIC", help="default: the task's main metric")
    parser.add_argument(
        "--by",
        choices=["item", "group", "group_in_class"],
        help="resample items, whole groups, or those of each class (default: as the task declares)",
    )
    parser.add_argument(
        "--items",
        type=_count,
        default=10,
        metavar="N",
        help="list this many disputed items and groups (default: 10)",
    )
    add_json(parser, "all figures, unrounded, as JSON")
    add_record_folders(parser)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("0 or more are needed")
    return number


def execute(arguments: argparse.Namespace) -> int:
    """Print the comparison.

    Raises:
        ConfigError: there is no such task.
        ResultError: a row is not found, rows may not be compared, or predictions are not sound.
    """
    from rnaernie_bench.cli.leaderboard import declared_tasks
    from rnaernie_bench.core.errors import ConfigError, ResultError
    from rnaernie_bench.core.paths import own_tasks, results_folder
    from rnaernie_bench.leaderboard.comparison import Options, compare
    from rnaernie_bench.leaderboard.disagreement import disagreement
    from rnaernie_bench.leaderboard.selection import (
        find_records,
        load_aligned,
        other_scores,
        refuse_undefined,
        select_all,
    )
    from rnaernie_bench.metrics.answers.base import width
    from rnaernie_bench.metrics.registry import METRICS

    if len(arguments.rows) < 2:
        raise ResultError("two rows or more are needed", where="compare", remedy="name another")
    tasks = declared_tasks([*arguments.task_path, *own_tasks(arguments.runs_dir)])
    local = Path("results")
    results_dir = arguments.results_dir or (local if local.is_dir() else results_folder())
    found = find_records(results_dir, arguments.runs_dir)
    for wanted, stated in (
        (arguments.task, lambda record: record["task"]["name"]),
        (arguments.split, lambda record: record["split"]["name"]),
        (arguments.fold, lambda record: record["split"]["fold"]),
    ):
        found = [run for run in found if wanted is None or stated(run.record) == wanted]

    def usual(record: Mapping[str, Any]) -> bool:
        task = tasks.get(record["task"]["name"])
        if task is None or record["task"]["version"] != task.version:
            return False
        return record["split"]["name"] in (task.default_split, arguments.split)

    rows = select_all(arguments.rows, found, usual)
    record = rows[0].runs[0].record
    name = record["task"]["name"]
    if name not in tasks:
        raise ConfigError(
            f"there is no task {name!r}", where="compare", remedy="name its folder with --task-path"
        )
    task = tasks[name]
    metric = arguments.metric or task.main_metric
    options = Options(
        metric=metric,
        higher_is_better=metric not in METRICS or METRICS.get(metric).higher_is_better,
        by=arguments.by or task.by,
    )
    part = arguments.part or task.default_part
    refuse_undefined(rows, part, metric)
    aligned_runs = load_aligned(rows, part)
    comparison = compare(aligned_runs, options, others=other_scores(rows, found, part, metric))
    disputes = None
    if not aligned_runs.answer.graded:
        per_class = record["tests"][part].get("per_class") or {}
        n_classes = width(aligned_runs.predicted[0][0])
        labels = list(per_class) if len(per_class) == n_classes else [*map(str, range(n_classes))]
        disputes = disagreement(aligned_runs, labels, most=arguments.items)
    title = f"{task.title} ({name}@{record['task']['version']}), test part {part}"
    if record["protocol"] == "as_published":
        title = f"{record['protocol'].upper()}: {title}"
    if record["dataset"]["simulated"]:
        title = f"SIMULATED DATA: {title}"
    value = _as_dict(title, rows, comparison, disputes)
    show(arguments, value, lambda: _text(title, rows, comparison, disputes))
    return 0


def _as_dict(
    title: str, rows: Sequence[Selected], comparison: Comparison, disputes: Disagreement | None
) -> dict[str, Any]:
    """Return all figures; pairs name rows by their place in `rows`."""
    named = [
        {
            "name": row.name,
            "run_ids": [run.run_id for run in row.runs],
            "seeds": [run.record["seed"] for run in row.runs],
            **dataclasses.asdict(score),
        }
        for row, score in zip(rows, comparison.rows, strict=True)
    ]
    return {
        "title": title,
        **dataclasses.asdict(comparison),
        "rows": named,
        "disagreement": dataclasses.asdict(disputes) if disputes else None,
    }


def _text(
    title: str, rows: Sequence[Selected], comparison: Comparison, disputes: Disagreement | None
) -> str:
    from rnaernie_bench.leaderboard.rendering import aligned

    options, names = comparison.options, [row.name for row in rows]
    sign = -1 if options.higher_is_better else 1
    order = sorted(range(len(rows)), key=lambda row: sign * comparison.rows[row].value)
    scores = [
        [
            names[row],
            str(len(rows[row].runs)),
            f"{comparison.rows[row].value:.3f}",
            _interval(comparison.rows[row].low, comparison.rows[row].high),
        ]
        for row in order
    ]
    pairs = [
        [
            names[pair.first],
            names[pair.second],
            f"{pair.difference:+.3f}",
            _interval(pair.low, pair.high, "+"),
            _p_value(pair.p),
            _p_value(pair.p_holm),
            f"{pair.odds_ratio:.2f}",
            f"{pair.only_first:.0f}:{pair.only_second:.0f}",
            pair.test,
        ]
        for pair in comparison.pairs
    ]
    drawn = (
        f"{comparison.n:,} items"
        if options.by == "item"
        else f"{comparison.n:,} items in {comparison.n_units:,} groups, drawn as a whole"
    )
    typical = f"; runs of a row typically differ by {comparison.seed_sd:.3f}"
    typical = typical if comparison.seed_sd else ""
    blocks = [
        f"{title}\n{drawn}; {100 * (1 - options.level):g} % intervals{typical}.",
        aligned(["row", "runs", options.metric, "interval"], scores, {"row"}),
        aligned(
            ["A", "B", "A - B", "interval", "p", "p Holm", "odds", "only A:B", "test"],
            pairs,
            {"A", "B", "test"},
        ),
        "odds: items that only A predicts correctly, per item that only B does.\n"
        "test: permutation and mcnemar ask of two trained models, on other items; t asks of the\n"
        "recipes, with other seeds and items, where five runs a row are wanted "
        "(docs/statistics.md).",
    ]
    if disputes is None:  # structures are right by degrees
        blocks[-1] = blocks[-1].replace("only A predicts correctly", "A predicts better", 1)
        blocks[-1] = blocks[-1].replace("that only B does", "that B does", 1)
        return "\n\n".join(blocks)
    blocks += [
        f"{disputes.disputed:,} of {comparison.n:,} items are disputed: right by most runs of one "
        "row, not of another.",
        aligned(*_tallies("label", disputes.labels, names)),
    ]
    if disputes.groups:
        blocks.append(aligned(*_tallies("group", disputes.groups, names)))
    if disputes.items:
        lines = [
            [
                item.id,
                item.group or "-",
                item.label,
                *(
                    f"{share:.2f} {predicted}"
                    for share, predicted in zip(item.right, item.predicted, strict=True)
                ),
            ]
            for item in disputes.items
        ]
        header = ["item", "group", "label", *names]
        blocks.append(aligned(header, lines, set(header)))
    blocks.append(
        "Figures below the names of rows are the shares of runs (and items) that are right."
    )
    return "\n\n".join(blocks)


def _tallies(
    kind: str, tallies: Sequence[Tally], names: Sequence[str]
) -> tuple[list[str], list[list[str]], set[str]]:
    """Return header, lines and left-aligned columns of a table of labels or groups."""
    lines = [
        [tally.name, str(tally.items), str(tally.disputed), *(f"{s:.2f}" for s in tally.right)]
        for tally in tallies
    ]
    return [kind, "items", "disputed", *names], lines, {kind}


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "-" if low is None or high is None else f"[{low:{sign}.3f}, {high:{sign}.3f}]"


def _p_value(value: float | None) -> str:
    """Show a p-value; the tests cannot tell those below 0.0001 apart."""
    if value is None:
        return "-"
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"
