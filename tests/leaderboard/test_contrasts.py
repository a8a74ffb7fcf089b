"""Which comparisons a table declares, when they are claims, and how they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rnaernie_bench.leaderboard.contrasts import (
    SEEDS,
    Contrast,
    Standing,
    claim,
    declared,
    in_words,
    missing,
)
from rnaernie_bench.leaderboard.significance import corrected
from rnaernie_bench.leaderboard.tables import TaskInfo, build

TASK = TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",))
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None},
    "strategy": {"name": "baseline"},
    "selection": {"ended_by": "optimum"},
}


def guided(types: str, k: int = 1) -> dict[str, Any]:
    return {"strategy": {"name": "type_guided", "types": types, "k": k, "base": "full", "slot": 1}}


def pretrained(digit: str = "1") -> dict[str, Any]:
    return {"backbone": {"init": "pretrained", "weights_sha256": digit * 64}}


def found(records: list[dict[str, Any]], *shortcuts: str) -> list[tuple[str, str, str]]:
    [table, _] = build(records, tasks={"ncrna_cls": replace(TASK, shortcuts=shortcuts)})
    by_id = {record["run_id"]: record for record in records}
    names = {row.run_ids: f"{row.backbone}/{row.strategy}" for row in table.rows}
    return [
        (kind, names[row.run_ids], names[reference.run_ids])
        for kind, row, reference in declared(table.standings, by_id, shortcuts)
    ]


def test_rows_stand_against_the_best_shortcut_and_their_untrained_twin(make_record: Any) -> None:
    majority = {**KMER, "backbone": {**KMER["backbone"], "name": "majority"}}
    records = [
        make_record(0.7, **pretrained()),
        make_record(0.6),
        make_record(0.5, head="other", **pretrained()),
        make_record(0.4, **KMER),
        make_record(0.3, **majority),
    ]
    net, twin = "rnaernie-tiny/full", "rnaernie-tiny (random)/full"
    assert found(records) == [
        ("shortcut", net, "kmer/baseline"),
        ("shortcut", twin, "kmer/baseline"),
        ("shortcut", net, "kmer/baseline"),
        ("untrained", net, twin),
    ]
    assert {reference for kind, _, reference in found(records, "majority") if kind == "shortcut"} \
        == {"majority/baseline"}  # fmt: skip


def test_guided_rows_stand_against_no_types_and_random_ones(make_record: Any) -> None:
    rows = [guided("none", 2), guided("predicted", 2), guided("random", 2), guided("oracle")]
    records = [make_record(0.5, **row) for row in rows]
    net = "rnaernie-tiny (random)/type_guided"
    assert found(records) == [
        ("unguided", f"{net} (predicted, k=2) on full", f"{net} (none) on full"),
        ("unguided", f"{net} (random, k=2) on full", f"{net} (none) on full"),
        ("random_types", f"{net} (predicted, k=2) on full", f"{net} (random, k=2) on full"),
    ]
    # Without such a row the strategy that types guide stands for it.
    plain = {"strategy": {"name": "full", "base": None}}
    [contrast, *_] = found([make_record(0.4, **plain), records[1]])
    assert contrast[2] == "rnaernie-tiny (random)/full"


def test_rows_of_two_recipes_are_no_twins(make_record: Any) -> None:
    records = [make_record(0.7, **pretrained()), make_record(0.6, recipe_version=1)]
    assert found(records) == []


def standing(runs: int, *, seeded: bool = True, flaw: str = "") -> Standing:
    ids = tuple(map(str, range(runs)))
    return Standing(ids, 0.5, "net", "encoder", seeded, flaw)


def test_a_claim_needs_five_seeds_a_side_and_whole_trainings() -> None:
    many, one = standing(SEEDS), standing(1)
    assert missing(many, one) == "1 seed, of 5 needed"
    assert missing(many, standing(1, seeded=False)) == ""
    assert missing(many, standing(SEEDS, flaw="recipe 1")) == "recipe 1"
    assert [claim("untrained", gain, 0.05) for gain in (0.1, -0.1)] == ["beats", "trails"]
    assert [claim("shortcut", gain, 0.05) for gain in (0.1, -0.1)] == ["beats", ""]
    assert claim("untrained", 0.1, 0.051) == claim("untrained", 0.1, None) == ""


def contrast(p: float, flaw: str = "") -> Contrast:
    return Contrast("untrained", ("1",), ("2",), 0.03, 0.01, 0.05, p, missing=flaw)


def test_the_correction_is_over_what_can_be_claimed() -> None:
    made = corrected([contrast(0.02), contrast(0.04), contrast(0.001, "recipe 1")])
    assert [each.p_holm for each in made] == [pytest.approx(0.04), pytest.approx(0.04), None]
    assert [each.claim for each in made] == ["beats", "beats", ""]
    # Two questions share the level.
    other = replace(contrast(0.02), kind="unguided")
    made = corrected([contrast(0.02), contrast(0.03), other])
    assert [each.p_holm for each in made] == pytest.approx([0.08, 0.08, 0.04])


def test_words() -> None:
    [told] = corrected([contrast(0.004)])
    assert in_words(told) == "beats it by 0.030 [0.010, 0.050], p 0.004"
    behind = replace(told, gain=-0.03, low=-0.05, high=-0.01, claim="trails", p_holm=0.0001)
    assert in_words(behind) == "trails it by 0.030 [0.010, 0.050], p < 0.001"
    assert in_words(replace(told, claim="", p_holm=0.2)) == "+0.030 [0.010, 0.050], p 0.200"
    alone = Contrast("untrained", ("1",), ("2",), -0.03, missing="1 seed, of 5 needed")
    assert in_words(alone) == "-0.030, 1 seed, of 5 needed"
