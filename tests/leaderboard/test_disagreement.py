"""The disputed items of a table small enough to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnaernie_bench.leaderboard.aligned import Aligned
from rnaernie_bench.leaderboard.disagreement import Tally, disagreement
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.results.predictions import hash_ids

NAMES = ["tRNA", "miRNA"]


@pytest.fixture
def rows() -> Aligned:
    """Give two rows, the second of two runs, on five items: tRNA, tRNA, tRNA, miRNA, miRNA."""

    def scores(*chances: float) -> np.ndarray:
        return MULTICLASS.pack(np.log([[p, 1 - p] for p in chances]))

    return Aligned(
        answer=MULTICLASS,
        ids=hash_ids("abcde"),
        groups=["RF5", "RF5", "", "RF9", "RF9"],
        truth=np.array([0, 0, 0, 1, 1]),
        run_ids=[["1"], ["2", "3"]],
        predicted=[
            [scores(0.9, 0.9, 0.6, 0.4, 0.2)],
            [scores(0.8, 0.1, 0.7, 0.7, 0.8), scores(0.8, 0.1, 0.4, 0.3, 0.9)],
        ],
        fixed=[False, False],
    )


def test_shares_by_label_and_group(rows: Aligned) -> None:
    found = disagreement(rows, NAMES, most=9)
    # One run of two is not most of them: items c and d are disputed as b and e are.
    assert found.disputed == 4
    assert found.labels == (
        Tally("miRNA", 2, 2, (1.0, 0.25)),
        Tally("tRNA", 3, 2, (1.0, 0.5)),
    )
    assert found.groups == (Tally("RF9", 2, 2, (1.0, 0.25)), Tally("RF5", 2, 1, (1.0, 0.5)))


def test_items_come_widest_spread_first(rows: Aligned) -> None:
    found = disagreement(rows, NAMES, most=9).items
    # b: .9 and .1 for the truth; e: .8 and .15; then half right: d .6 and .5, c .6 and .55.
    hashes = dict(zip((f"{int(h):016x}" for h in rows.ids), "abcde", strict=True))
    assert "".join(hashes[item.id] for item in found) == "bedc"
    assert [item.right for item in found] == [(1, 0), (1, 0), (1, 0.5), (1, 0.5)]
    assert (found[0].group, found[0].label) == ("RF5", "tRNA")
    assert found[0].predicted == ("tRNA", "miRNA")
    assert len(disagreement(rows, NAMES, most=2).items) == 2


def test_rows_that_agree_dispute_nothing(rows: Aligned) -> None:
    same = replace(rows, predicted=[rows.predicted[0], rows.predicted[0]])
    found = disagreement(same, NAMES, most=9)
    assert (found.disputed, found.groups, found.items) == (0, (), ())
