"""The front table, its letters and its sentences, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rnaernie_bench.leaderboard.contrasts import Contrast
from rnaernie_bench.leaderboard.front import GROUPS, as_markdown, front, leaders
from rnaernie_bench.leaderboard.letters import letters, told_apart
from rnaernie_bench.leaderboard.plain import says, shows_not
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build

TASK = TaskInfo(
    "Classes", "macro_f1", True, "full", caveats=("See `full`.",), default_split="published"
)
SOLVED = {"selection": {"ended_by": "optimum"}, "strategy": {"name": "baseline"}}
KMER = {"backbone": {"name": "kmer", "kind": "baseline", "init": None}, **SOLVED}
MAJORITY = {"backbone": {"name": "majority", "kind": "baseline", "init": None}, **SOLVED}
PRETRAINED = {"backbone": {"init": "pretrained", "weights_sha256": "b" * 64}}


def validated(value: float) -> dict[str, Any]:
    return {"validation": {"n": 5, "metrics": {"macro_f1": value}}}


@pytest.fixture
def table(make_record: Any) -> Table:
    """Give a board: two controls, a network untrained, and pre-trained under two strategies."""
    records = [
        make_record(0.5, **KMER, **validated(0.6)),
        make_record(0.7, **MAJORITY, **validated(0.1)),  # lucky on the test part
        make_record(0.6, **validated(0.5)),
        make_record(0.8, **PRETRAINED, **validated(0.8)),
        make_record(0.9, **PRETRAINED, strategy={"name": "lora"}, **validated(0.7)),
    ]
    [found] = [t for t in build(records, tasks={"ncrna_cls": TASK}) if t.key.part == "full"]
    return found


def of(table: Table, name: str, strategy: str) -> tuple[str, ...]:
    [row] = [r for r in table.rows if (r.backbone, r.strategy) == (name, strategy)]
    return row.run_ids


def told(table: Table, *contrasts: Contrast) -> Table:
    rows = [
        replace(row, contrasts=tuple(c for c in contrasts if c.row == row.run_ids))
        for row in table.rows
    ]
    return replace(table, rows=tuple(rows))


def test_validation_chooses_who_stands_for_a_group(table: Table) -> None:
    found = {heading: (row.backbone, row.strategy) for heading, row in leaders(table).items()}
    control, network, pretrained, _ = GROUPS
    assert found == {
        control: ("kmer", "baseline"),
        network: ("rnaernie-tiny (random)", "full"),
        pretrained: ("rnaernie-tiny", "full"),
    }
    flawed = [replace(row, flaws=("cut short",)) for row in table.rows]
    assert leaders(replace(table, rows=tuple(flawed))) == {}


def test_the_table_has_a_line_a_task_with_letters(table: Table) -> None:
    ids = of(table, "rnaernie-tiny", "full")
    [line] = front([replace(table, letters={ids: "a"})])
    text = as_markdown([line])
    shown = "| kmer 0.500 [0.400, 0.600] | rnaernie-tiny (random) full 0.600 [0.500, 0.700] | "
    assert f"| `ncrna_cls` | `published`, `full` | macro_f1 {shown}" in text
    assert "| rnaernie-tiny full 0.800 [0.700, 0.900] a | – |\n" in text
    assert as_markdown([]) == ""
    assert front([replace(table, simulated=True)]) == []
    fold = replace(table, key=replace(table.key, fold="1"))
    assert [line.table for line in front([fold, table])] == [table]


def test_a_board_begins_with_what_its_contrasts_come_to(table: Table) -> None:
    full, kmer = of(table, "rnaernie-tiny", "full"), of(table, "kmer", "baseline")
    twin = of(table, "rnaernie-tiny (random)", "full")
    assert says(table) == "No row of this board can be tested yet."
    ahead = Contrast("shortcut", full, kmer, 0.3, 0.2, 0.4, 0.001, 0.001, "beats")
    pays = Contrast("untrained", full, twin, 0.2, 0.1, 0.3, 0.001, 0.001, "beats")
    assert says(told(table, ahead, pays)) == (
        "The best control, kmer, is beaten by rnaernie-tiny full, by 0.300 [0.200, 0.400], p "
        "0.001; pre-training pays for 1 of 1 rows tested, most for rnaernie-tiny full, by 0.200 "
        "[0.100, 0.300], p 0.001."
    )
    even = replace(ahead, claim="", p_holm=0.4), replace(pays, claim="", p_holm=0.4)
    assert says(told(table, *even)) == (
        "Nothing here is shown to beat the best control, kmer; "
        "pre-training is not shown to pay for any of 1 rows tested."
    )
    costs = replace(pays, claim="trails", gain=-0.2, low=-0.3, high=-0.1)
    assert "Pre-training costs 1 of 1 rows tested" in says(told(table, costs))
    few = replace(ahead, claim="", p_holm=None, missing="1 seed")
    assert says(told(table, few)) == (
        "Nothing is tested against the best control, kmer, yet; "
        "what pre-training is worth is not tested yet."
    )
    assert shows_not(table).endswith("See `full`.")


@pytest.mark.parametrize(
    ("count", "differ", "expected"),
    [
        (3, [], ["a", "a", "a"]),
        (3, [(0, 2)], ["a", "ab", "b"]),
        (3, [(0, 1), (0, 2), (1, 2)], ["a", "b", "c"]),
        (4, [(0, 2), (0, 3), (1, 3)], ["a", "ab", "bc", "c"]),
        (0, [], []),
    ],
)
def test_rows_share_a_letter_unless_they_differ(
    count: int, differ: list[tuple[int, int]], expected: list[str]
) -> None:
    assert letters(count, differ) == expected


def test_pairs_are_told_apart_after_correction() -> None:
    # Holm: .01 x 3, then .02 x 2, then .04.
    found = told_apart([((0, 1), 0.01), ((0, 2), 0.04), ((1, 2), 0.03)], 0.05)
    assert found == {(0, 1)}
