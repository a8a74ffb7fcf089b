"""What a board says of imported models: what `results build` has tested, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from rnaernie_bench.leaderboard.contrasts import ALONE, Contrast, Standing, claim, declared, missing
from rnaernie_bench.leaderboard.page.elsewhere import computed_elsewhere
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build

TASK = TaskInfo("ncRNA", "macro_f1", True, "full", default_split="published")


def table_of(make_record: Any, scores: dict[str, float], fold: str | None = None) -> Table:
    external = {
        "files": [{"sha256": "d" * 64, "bytes": 9}],
        "gives": "classes",
        "items": dict.fromkeys(("rows", "unknown", "duplicate", "contradictory", "missing"), 0),
        "selection": "unknown",
    }
    records = [
        make_record(
            value,
            backbone={"name": name, "kind": "external" if name != "kmer" else "baseline",
                      "init": None},
            selection={"ended_by": "optimum"} if name == "kmer" else {},
            split={"fold": fold},
            **({"external": external} if name != "kmer" else {}),
        )
        for name, value in scores.items()
    ]  # fmt: skip
    found = build(records, tasks={"ncrna_cls": TASK})
    return next(table for table in found if table.key.part == "full")


def as_built(table: Table, *ahead: str) -> Table:
    """Return a table as `results build` leaves it, some rows being ahead of the baseline."""
    from dataclasses import replace

    [shortcut] = [row for row in table.rows if row.kind == "baseline"]
    rows = []
    for row in table.rows:
        if row.kind == "external":
            gain = 0.1 if row.backbone in ahead else -0.1
            told = Contrast(ALONE, row.run_ids, shortcut.run_ids, gain, p=0.001, p_holm=0.01,
                            claim=claim(ALONE, gain, 0.01))  # fmt: skip
            row = replace(row, contrasts=(told,))
        rows.append(row)
    return replace(table, rows=tuple(rows), built=True)


def test_the_sentence_tells_who_beats_what_where(make_record: Any) -> None:
    part = as_built(table_of(make_record, {"Big": 0.8, "Small": 0.4, "kmer": 0.6}), "Big")
    folds = [
        as_built(table_of(make_record, {"Big": 0.8, "Small": 0.4, "kmer": 0.6}, "x"), "Big"),
        as_built(table_of(make_record, {"Big": 0.5, "Small": 0.4, "kmer": 0.6}, "y")),
    ]
    assert computed_elsewhere([part, *folds]) == (
        "Of 2 models computed elsewhere, model against model: on published, full, Big beats kmer "
        "(0.600), and Big has 0.800; of 2 folds, Big beats the best shortcut on x, none beats the "
        "best shortcut on y."
    )
    none = computed_elsewhere([as_built(folds[1])])
    assert "none beats the best shortcut on y" in none
    behind = as_built(table_of(make_record, {"Big": 0.5, "Small": 0.4, "kmer": 0.6}))
    assert "none beats kmer (0.600): the best, Big, has 0.500" in computed_elsewhere([behind])
    assert computed_elsewhere([table_of(make_record, {"Big": 0.8, "kmer": 0.6})]) == ""


def test_one_model_is_tested_without_five_trainings(make_record: Any) -> None:
    table = table_of(make_record, {"Big": 0.8, "kmer": 0.6})
    records = {row.run_ids[0]: make_record() for row in table.rows}
    [(kind, row, reference)] = declared(table.standings, records, ())
    assert (kind, row.name, reference.name) == (ALONE, "Big", "kmer")
    assert missing(row, reference) == ""
    trained = Standing(row.run_ids, 0.8, "net", "encoder", True, "")
    assert missing(trained, reference) == "1 seed, of 5 needed"
    assert claim(ALONE, 0.1, 0.01) == "beats"
    assert claim(ALONE, -0.1, 0.01) == ""


@pytest.mark.parametrize(
    ("selection", "told"), [("unknown", "what chose its epoch is unknown"), ("validation", "")]
)
def test_what_nobody_could_check_stands_on_the_row(
    make_record: Any, selection: str, told: str
) -> None:
    record = make_record(
        backbone={"name": "Big", "kind": "external", "init": None},
        external={"selection": selection, "caveats": ["it saw them"]},
    )
    [table, _] = build([record], tasks={"ncrna_cls": TASK})
    assert table.rows[0].notes == ", ".join(filter(None, [told, "it saw them"]))
    assert table.rows[0].provenance == "computed elsewhere"
