"""The page and plot of type guidance in the folder of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnaernie_bench.core.figures import save_figure
from rnaernie_bench.core.files import write_text
from rnaernie_bench.leaderboard.guidance import as_markdown, guidance
from rnaernie_bench.leaderboard.guidance_figure import guidance_figure
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record

PAGE, PICTURE = "type_guidance.md", "type_guidance.svg"


def build_guidance(
    results_dir: Path, tables: Sequence[Table], records: Sequence[Record]
) -> list[Path]:
    """Write a page and a plot for every task that has type-guided rows.

    Args:
        results_dir: the folder of imported records.
        tables: those of its records, with their contrasts.
        records: its records.

    Returns:
        The pages.

    Raises:
        BenchError: a file cannot be written.
    """
    pages = []
    by_id = {record["run_id"]: record for record in records}
    tasks = {table.key.task.partition("@")[0]: table.task for table in tables}
    for name, task in sorted(tasks.items()):
        own = [table for table in tables if table.task is task]
        reports, folder = guidance(own, by_id), results_dir / name
        if reports:
            save_figure(guidance_figure(reports, task.title), folder / PICTURE)
            write_text(folder / PAGE, as_markdown(reports, task, PICTURE))
            pages.append(folder / PAGE)
    return pages
