"""The page as a file: what stands in it, what does not, and what lies beside it."""

from __future__ import annotations

import random
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.errors import BenchError, ResultError
from rnaernie_bench.leaderboard.explanations import LIMITS
from rnaernie_bench.leaderboard.page import boards, breakdowns, runs
from rnaernie_bench.leaderboard.page import build as page
from rnaernie_bench.leaderboard.page.build import Evidence, prediction_folders, write_page
from rnaernie_bench.leaderboard.tables import build
from tests.leaderboard.page.conftest import HOSTILE, TASKS, evidence_of, tables_of


class Reader(HTMLParser):
    """Collects elements, links and the text of headers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def values(self, attribute: str) -> list[str]:
        return [found[attribute] or "" for _, found in self.elements if attribute in found]


def written(tmp_path: Path, evidence: Evidence, name: str = "index.html") -> tuple[str, Reader]:
    path = write_page(tmp_path / name, tables_of(evidence), evidence)
    text = path.read_text(encoding="utf-8")
    return text, Reader(text)


def test_folds_of_the_default_split_come_first(
    tmp_path: Path, make_record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [make_record(0.9, split={"name": "published"})]
    records += [
        make_record(score, split={"name": name, "fold": fold})
        for name in ("families", "others")
        for fold, score in (("1", 0.25), ("2", 0.5))
    ]
    info = replace(TASKS["ncrna_cls"], default_split="families")
    monkeypatch.setitem(TASKS, "ncrna_cls", info)
    text, _ = written(tmp_path, evidence_of(records))
    assert "leads with macro F1 0.375, the mean of 2 folds" in text
    titles = ("All folds of families", "split published, protocol", "All folds of others")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_one_file_holds_everything(tmp_path: Path, records: Any) -> None:
    text, reader = written(tmp_path, evidence_of(records))
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert not any(value.startswith(("http", "//", "/")) for value in reader.values("href"))
    assert reader.values("src") == []
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    links = {value[1:] for value in reader.values("href") if value.startswith("#")}
    assert links <= set(ids)
    for words in (
        "Learning curves",
        "F1 by class",
        "Across tasks",
        "Confusion",
        "See <code>full</code>",
        "Protocol <code>clean</code>",
        f"<li>{LIMITS[0]}</li>",
        "git commit",
        "macro F1 0.750",
    ):
        assert words in text


def test_the_finding_comes_first(tmp_path: Path, records: Any) -> None:
    text, _ = written(tmp_path, evidence_of(records))
    said = "<strong>net · full</strong> leads with macro F1 0.750 [0.000, 1.000]."
    assert said in text
    assert "It beats the best shortcut, &lt;img" in text
    assert '<td class="contrast claimed">beats it by 0.100 [0.050, 0.200], p 0.002</td>' in text
    assert text.index(said) < text.index("<table")


def test_text_of_records_is_never_markup(tmp_path: Path, records: Any) -> None:
    text, reader = written(tmp_path, evidence_of(records))
    assert "&lt;img src=x" in text
    assert "<img" not in text
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert "onerror" not in {name for _, found in reader.elements for name in found}
    assert any(HOSTILE[:30] in value for value in reader.values("aria-label"))


def test_external_figures_are_marked_and_unranked(tmp_path: Path, records: Any) -> None:
    text, reader = written(tmp_path, evidence_of(records))
    external = text[text.index("Published elsewhere") :]
    assert "Old net <em>external</em>" in external
    assert "Old net" not in text[: text.index("Published elsewhere")]
    assert "javascript:alert(1)" not in reader.values("href")


def test_equal_records_give_equal_bytes(tmp_path: Path, records: Any) -> None:
    first, _ = written(tmp_path, evidence_of(records), "a.html")
    random.Random(0).shuffle(records)
    assert written(tmp_path, evidence_of(records), "b.html")[0] == first


def test_columns_without_items_have_no_line_of_them(tmp_path: Path, make_record: Any) -> None:
    columns = {"per_column": {"reactivity": {"macro_f1": 0.5}}}
    made = [make_record(tests={"full": columns, "deduplicated": columns})]
    text, _ = written(tmp_path, evidence_of(made))
    assert "macro F1 by column" in text
    assert '<tr class="items">' not in text


def test_folds_stand_together(tmp_path: Path, make_record: Any) -> None:
    made = [make_record(split={"fold": fold}) for fold in ("srp", "tRNA")]
    text, _ = written(tmp_path, evidence_of(made))
    together = text.index("All folds of published")
    assert text.index("The tables of all 4 folds") > together
    assert text.index('data-split="published, fold srp"') > together


def test_no_records(tmp_path: Path) -> None:
    assert "There are no records yet" in written(tmp_path, Evidence([]))[0]


def test_many_rows_are_split_over_files(
    tmp_path: Path, records: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "INLINE_ROWS", 2)
    monkeypatch.setattr(boards, "MOST_ROWS", 1)
    _, reader = written(tmp_path, evidence_of(records))
    folder = tmp_path / "index-details"
    linked = {value for value in reader.values("href") if not value.startswith("#")}
    assert linked
    follow(tmp_path, linked)
    whole = next(value for value in linked if "/table-" in value)
    assert "&lt;img src=x" in (tmp_path / whole).read_text(encoding="utf-8")
    for path in folder.glob("*.html"):
        further = Reader(path.read_text(encoding="utf-8"))
        follow(folder, {v for v in further.values("href") + further.values("src") if v[0] != "#"})
    # A page a backbone: the two rows of `net` in the other task share theirs.
    pages = [path.read_text(encoding="utf-8") for path in folder.glob("runs-*.html")]
    assert sorted(text.count('<section class="run"') for text in pages) == [1] * 5 + [2]
    [both] = (text for text in pages if text.count('<section class="run"') == 2)
    assert "train_fraction=0.1</span></h2>" in both

    monkeypatch.setattr(page, "INLINE_ROWS", 60)
    written(tmp_path, evidence_of(records))
    assert not folder.exists()


def follow(folder: Path, links: set[str]) -> None:
    """Look for what links lead to: the file, and the place in it."""
    for link in links:
        name, _, place = link.partition("#")
        text = (folder / name).read_text(encoding="utf-8")
        assert not place or f'id="{place}"' in text


def test_long_lists_of_runs_are_cut_into_pages(
    tmp_path: Path, make_record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "INLINE_ROWS", 0)
    monkeypatch.setattr(page, "ROWS_A_PAGE", 2)
    made = [make_record(strategy={"name": name}) for name in "abc"]
    _, reader = written(tmp_path, evidence_of(made))
    follow(tmp_path, {value for value in reader.values("href") if not value.startswith("#")})
    assert len(list((tmp_path / "index-details").glob("runs-*.html"))) == 2


def test_a_folder_of_others_is_left_alone(tmp_path: Path, records: Any) -> None:
    (tmp_path / "index-details").mkdir()
    (tmp_path / "index-details" / "thesis.txt").write_text("mine")
    with pytest.raises(BenchError, match="the folder has other files"):
        written(tmp_path, evidence_of(records))
    assert (tmp_path / "index-details" / "thesis.txt").read_text() == "mine"
    assert not (tmp_path / "index.html").exists()


def test_families_come_from_predictions_that_are_the_records_own(
    tmp_path: Path, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdowns, "LEAST_ITEMS", 1)
    monkeypatch.setattr(runs, "LEAST_ITEMS", 1)
    from rnaernie_bench.results.store import read_record

    folders = [make_run(backbone={"name": name}) for name in ("a", "b")]
    records = [read_record(folder / "record.json") for folder in folders]
    found = prediction_folders(records, tmp_path / "runs")
    assert found == {folder.name: folder for folder in folders}
    text, _ = written(tmp_path, evidence_of(records, found))
    assert "Accuracy by family" in text and "RF2" in text
    monkeypatch.setattr(page, "INLINE_ROWS", 0)
    monkeypatch.setattr(breakdowns, "MOST_ROWS", 1)
    written(tmp_path, evidence_of(records, found), "many.html")
    pages = [path.read_text("utf-8") for path in (tmp_path / "many-details").glob("runs-*.html")]
    assert sorted("hardest families" in text for text in pages) == [False, True]
    for folder in folders:
        (folder / "predictions.parquet").write_bytes(b"other")
    with pytest.raises(ResultError, match=r"predictions\.parquet: is not the file"):
        write_page(tmp_path / "x.html", build(records, tasks=TASKS), evidence_of(records, found))
