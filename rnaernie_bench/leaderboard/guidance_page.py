"""The page and plot of type guidance in the folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnaernie_bench.core.figures import save_figure
from rnaernie_bench.core.files import write_text
from rnaernie_bench.leaderboard.guidance import STRATEGY, as_markdown, guidance
from rnaernie_bench.leaderboard.guidance_figure import guidance_figure
from rnaernie_bench.leaderboard.selection import Found
from rnaernie_bench.leaderboard.tables import TaskInfo
from rnaernie_bench.results.record import Record

PAGE, PICTURE = "type_guidance.md", "type_guidance.svg"


def build_guidance(
    results_dir: Path, records: Sequence[Record], *, tasks: Mapping[str, TaskInfo]
) -> list[Path]:
    """Write a page and a plot for every task that has type-guided rows.

    Args:
        results_dir: the folder of imported records.
        records: its records.
        tasks: by name, every task that the records are of.

    Returns:
        The pages.

    Raises:
        ResultError: predictions are not those that their record names.
        BenchError: a file cannot be written.
    """
    pages = []
    guided = [record for record in records if record["strategy"]["name"] == STRATEGY]
    for name in sorted({record["task"]["name"] for record in guided}):
        folder, task = results_dir / name, tasks[name]
        found = [
            Found(record, folder / record["split"]["name"])
            for record in guided
            if record["task"]["name"] == name
        ]
        reports = guidance(found, task)
        if reports:
            save_figure(guidance_figure(reports, task.title), folder / PICTURE)
            write_text(folder / PAGE, as_markdown(reports, task, PICTURE))
            pages.append(folder / PAGE)
    return pages
