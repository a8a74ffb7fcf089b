"""The figures of the documents are those of the committed records."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.result_pages import MARKED, filled, pages
from rnaernie_bench.cli.main import main

ROOT = Path(__file__).parents[1]
GENERATED = [page for page in pages() if MARKED.search(page.read_text(encoding="utf-8"))]


def leaderboard(format: str, capsys: pytest.CaptureFixture[str]) -> str:
    folder = ("--results-dir", str(ROOT / "results"))
    assert main(["leaderboard", "--format", format, *folder]) == 0
    return capsys.readouterr().out


def test_the_page_of_results_is_that_of_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    """So are the contrasts: where those of a table are out of date, its columns are missing."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert leaderboard("md", capsys).strip() in page


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_pages_say_of_results_is_that_of_the_records(page: Path) -> None:
    """`python -m benchmarks.result_pages` writes it."""
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text


def test_the_readme_shows_results() -> None:
    assert ROOT / "README.md" in GENERATED
