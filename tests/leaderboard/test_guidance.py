"""The page of type guidance: which rows are compared, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.leaderboard.contrasts import Contrast
from rnaernie_bench.leaderboard.guidance import Guidance, Line, as_markdown, finding, guidance
from rnaernie_bench.leaderboard.guidance_page import PAGE, PICTURE, build_guidance
from rnaernie_bench.leaderboard.kept import with_statistics
from rnaernie_bench.leaderboard.rows import Cell
from rnaernie_bench.leaderboard.significance import build_statistics
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build
from rnaernie_bench.results.record import Record
from rnaernie_bench.results.store import import_run, read_records

TASK = TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))


def guided(types: str, k: int = 1, base: str = "frozen") -> dict[str, Any]:
    return {"strategy": {"name": "type_guided", "types": types, "k": k, "base": base}}


@pytest.fixture
def results(tmp_path: Path, make_run: Callable[..., Path]) -> Path:
    folder = tmp_path / "results"
    for types, k in (("none", 1), ("oracle", 1), ("predicted", 2), ("random", 2), ("random", 3)):
        for seed in (0, 1):
            import_run(make_run(seed=seed, **guided(types, k)), folder)
    import_run(make_run(**guided("predicted", 3, base="full")), folder)  # nothing to compare with
    return folder


def tables_of(results: Path) -> tuple[list[Table], list[Record]]:
    records = read_records(results)
    tables = build(records, tasks={"ncrna_cls": TASK})
    return with_statistics(tables, records, build_statistics(results, tables, records)), records


def test_lines_and_contrasts(results: Path) -> None:
    tables, records = tables_of(results)
    [report] = guidance(tables, {record["run_id"]: record for record in records})
    assert (report.base, report.n, report.part) == ("frozen", 3, "deduplicated")
    assert [(line.types, line.k, line.seeds) for line in report.lines] == [
        ("none", 1, 2), ("predicted", 2, 2), ("random", 2, 2), ("random", 3, 2), ("oracle", 1, 2),
    ]  # fmt: skip
    assert [line.against_none is None for line in report.lines] == [True, *[False] * 3, True]
    assert [line.against_random is None for line in report.lines] == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert [line.against_none.gain for line in report.lines[1:4] if line.against_none] == [0] * 3


def test_the_page_is_built_beside_the_records(results: Path) -> None:
    tables, records = tables_of(results)
    assert build_guidance(results, tables, records) == [results / "ncrna_cls" / PAGE]
    folder = results / "ncrna_cls"
    first = [(folder / name).read_bytes() for name in (PAGE, PICTURE)]
    build_guidance(results, tables, records[::-1])
    assert [(folder / name).read_bytes() for name in (PAGE, PICTURE)] == first
    text = first[0].decode()
    assert "| oracle [control] | 1 | 2 |" in text
    assert "no difference from none is significant" in text
    assert text.count("<") == 0 and first[1].startswith(b"<?xml")


def test_records_without_types_make_no_page(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    import_run(make_run(), tmp_path / "results")
    assert build_guidance(tmp_path / "results", *tables_of(tmp_path / "results")) == []


def contrast(kind: str, gain: float, p: float) -> Contrast:
    claim = "" if p > 0.05 else "beats" if gain > 0 else "trails"
    return Contrast(kind, ("a",), ("b",), gain, gain - 0.01, gain + 0.01, p, p, claim)


@pytest.mark.parametrize(
    ("none", "random", "said"),
    [
        ((0.1, 0.01), (0.1, 0.01), "help: better than none and than random types at k = 2."),
        ((0.1, 0.01), (0.1, 0.20), "Better than none at k = 2, but not significantly better than"),
        ((0.1, 0.20), (0.1, 0.01), "do not help: no difference from none is significant. They are"),
        ((-0.1, 0.01), (-0.1, 0.01), "do not help: worse than none at k = 2. At no k"),
    ],
)
def test_the_finding_follows_the_tests(
    none: tuple[float, float], random: tuple[float, float], said: str
) -> None:
    score = Cell(0.5, 0.1, 0.4, 0.6)
    pairs = contrast("unguided", *none), contrast("random_types", *random)
    line = Line("predicted", 2, 5, score, *pairs)
    report = Guidance(
        "tiny", "full", "mean", "at most 1 epochs", "full", 9, "macro_f1",
        (Line("none", 1, 5, score), line), None,
    )  # fmt: skip
    assert said in finding(report)
    quality = {
        "validation": {"n": 5, "accuracy": 0.5, "top3_accuracy": 0.75, "ece": 0.125},
        "held_out": {"n": 849, "accuracy": 0.423, "top3_accuracy": 0.813, "ece": None},
    }
    text = as_markdown([replace(report, quality=quality)], TASK, "x.svg")
    assert "5 validation items: accuracy 0.500, among the first three 0.750, cal" in text
    assert "849 held-out families: accuracy 0.423, among the first three 0.813." in text
