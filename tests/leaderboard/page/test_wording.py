from __future__ import annotations

import pytest

from rnaernie_bench.leaderboard.page import wording


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (13, "13"), (17745, "17.7 k"), (1929229, "1.93 M"), (86e6, "86 M"), (752, "752")],
)
def test_counts(value: float | None, shown: str) -> None:
    assert wording.count(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0.00167, "1.67 ms"), (26.3, "26.3 s"), (90, "1.5 min"), (7200, "2 h")],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert wording.duration(seconds) == shown


def test_memory_and_lists() -> None:
    assert (wording.memory(558.2), wording.memory(1099)) == ("558 MB", "1.1 GB")
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b"]) == "a and b"
    assert wording.listed(list("abcdef")) == "a, b, c, d and 2 more"


def test_an_anchor_holds_nothing_of_the_text() -> None:
    assert wording.anchor("../../x") != wording.anchor("../..", "x")
    assert set(wording.anchor("../../x")) <= set("0123456789abcdef")
