"""The figures of the documents are those of the committed records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnaernie_bench.cli.main import main

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(?s)<!-- results:begin ?(\w*) -->\n(.*?)<!-- results:end -->")
"""What a page says of results: of a task, or of all where none is named."""

PAGES = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("tasks/*/README.md"))
GENERATED = [page for page in PAGES if MARKED.search(page.read_text(encoding="utf-8"))]


def leaderboard(format: str, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    folder = ("--results-dir", str(ROOT / "results"))
    assert main(["leaderboard", "--format", format, *folder, *more]) == 0
    return capsys.readouterr().out


def test_the_page_of_results_is_that_of_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    """So are the contrasts: where those of a table are out of date, its columns are missing."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert leaderboard("md", capsys).strip() in page


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_pages_say_of_results_is_that_of_the_records(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the marks stands what `leaderboard --format front` says, of one task or of all."""
    for task, shown in MARKED.findall(page.read_text(encoding="utf-8")):
        chosen = ("--task", task) if task else ()
        assert leaderboard("front", capsys, *chosen).strip() == shown.strip()


def test_the_readme_shows_results() -> None:
    assert ROOT / "README.md" in GENERATED
