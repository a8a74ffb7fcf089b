"""The page in a real browser: sorting, filters, themes, links, and what axe-core says of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rnaernie_bench.leaderboard.page import build as page_module
from rnaernie_bench.leaderboard.page.build import write_page
from tests.leaderboard.page.conftest import HOSTILE, evidence_of, tables_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.services

FIRST = ".board:not([hidden]) .leaderboard"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give headless Chromium, which is the system's: Playwright downloads nothing here."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def board(tmp_path: Path, records: Any) -> Path:
    """Give a written page with a hostile name in it."""
    evidence = evidence_of(records)
    return write_page(tmp_path / "index.html", tables_of(evidence), evidence)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    """Give `visit(path, ...)`; afterwards no page may have complained or asked the network."""
    complaints: list[str] = []
    contexts = []

    def visit(path: Path, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith("file://") else complaints.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def names(page: Page) -> list[str]:
    return page.locator(FIRST).first.locator("tbody tr:visible th b").all_inner_texts()


def violations(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe-core finds wrong: rule, element, and what to do."""
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(axe)
    found = page.evaluate("axe.run({preload: false})")  # it would ask for the style sheet once more
    assert found["passes"]
    return [
        (item["id"], node["html"][:200], node["failureSummary"])
        for item in found["violations"]
        for node in item["nodes"]
    ]


def test_columns_sort_and_say_so(board: Path, visit: Any) -> None:
    page = visit(board)
    assert names(page) == ["net", "kmer", f"{HOSTILE} (random)"]
    header = page.locator(FIRST).first.get_by_role("columnheader", name="train")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert names(page) == [f"{HOSTILE} (random)", "net", "kmer"]
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["kmer", "net", f"{HOSTILE} (random)"]
    page.locator(FIRST).first.get_by_role("button", name="model").click()
    assert header.get_attribute("aria-sort") is None
    assert names(page)[1:] == ["kmer", "net"]


def test_filters_leave_the_rows_that_fit(board: Path, visit: Any) -> None:
    page = visit(board)
    assert page.locator("#shown").inner_text() == "14 of 14 rows"
    page.locator("#filters [name=task]").select_option("ncrna_cls@1")
    page.locator("#filters [name=part]").select_option("full")
    assert page.locator(".board:visible").count() == 1
    page.locator("#filters [name=strategy]").select_option("baseline")
    assert names(page) == ["kmer"]
    assert page.locator("#shown").inner_text() == "1 of 14 rows"
    page.get_by_role("button", name="Reset").click()
    page.locator("#filters [name=find]").fill("NET")
    assert set(names(page)) == {"net"}
    page.locator("#filters [name=find]").fill("nothing like it")
    assert page.locator(".board:visible").count() == 0


def test_a_hostile_name_is_text(board: Path, visit: Any) -> None:
    page = visit(board)
    assert page.locator("img").count() == 0
    assert page.title() == "RNA language models, compared"
    assert page.locator(FIRST).first.get_by_text(f"{HOSTILE} (random)").is_visible()


def test_everything_reads_without_javascript(board: Path, visit: Any) -> None:
    page = visit(board, java_script_enabled=False)
    assert page.locator("#filters").is_hidden()
    assert page.get_by_text("leads with macro F1").first.is_visible()
    page.get_by_role("link", name="kmer", exact=True).first.click()
    assert "#run-" in page.url


def test_a_link_opens_its_run(board: Path, visit: Any) -> None:
    page = visit(board)
    page.locator(FIRST).first.get_by_role("link", name="kmer").click()
    assert page.locator("details.run:target").get_by_text("git commit").is_visible()


def test_confusions_are_told_to_all(board: Path, visit: Any) -> None:
    page = visit(board, java_script_enabled=False)
    panel = page.locator(".board").first.locator(".multiples")
    picture = panel.get_by_role("img").first
    said = "75 % right; most often mistaken: B for A, 50 %"
    assert picture.get_attribute("aria-label") == f"Confusion of net · full: {said}"
    assert panel.get_by_text(said).first.is_visible()
    assert picture.bounding_box()["width"] >= 56
    # A unit of the paths is a cell; what is right and what is mistaken differ in colour.
    colours = picture.locator("path").evaluate_all("all => all.map(x => getComputedStyle(x).fill)")
    assert len(set(colours)) == 3
    panel.get_by_role("link", name="net · full").click()
    assert "#run-" in page.url


def test_the_theme_follows_the_reader(board: Path, visit: Any) -> None:
    page = visit(board, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) != light
    page.reload()
    assert page.evaluate(paper) != light
    assert page.get_by_role("button", name="Light").is_visible()


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1360), ("dark", 1360), ("light", 375), ("dark", 375)]
)
def test_it_is_accessible_and_fits(
    board: Path, visit: Any, scheme: str, width: int, tmp_path: Path
) -> None:
    page = visit(board, color_scheme=scheme, viewport={"width": width, "height": 812})
    page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def test_pages_beside_it_work_alike(
    tmp_path: Path, records: Any, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "INLINE_ROWS", 2)
    evidence = evidence_of(records)
    path = write_page(tmp_path / "index.html", tables_of(evidence), evidence)
    page = visit(path)
    page.locator(FIRST).first.get_by_role("link", name="kmer").click()
    page.wait_for_url("**/index-details/runs-*.html#run-*")
    assert page.get_by_text("git commit").is_visible()
    assert violations(page) == []
    page.get_by_role("link", name="all results").click()
    page.wait_for_url("**/index.html")
