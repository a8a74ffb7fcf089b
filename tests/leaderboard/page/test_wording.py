from __future__ import annotations

from collections.abc import Callable

import pytest

from rnaernie_bench.leaderboard.page import wording


@pytest.mark.parametrize(
    ("show", "value", "shown"),
    [
        (wording.count, None, "–"),
        (wording.count, 0, "0"),
        (wording.count, 13, "13"),
        (wording.count, 17745, "17.7 k"),
        (wording.count, 1929229, "1.93 M"),
        (wording.count, 86e6, "86 M"),
        (wording.count, 752, "752"),
        (wording.duration, None, "–"),
        (wording.duration, 0.00167, "1.67 ms"),
        (wording.duration, 26.3, "26.3 s"),
        (wording.duration, 90, "1.5 min"),
        (wording.duration, 7200, "2 h"),
        (wording.memory, 558.2, "558 MB"),
        (wording.memory, 1099, "1.1 GB"),
    ],
)
def test_figures_have_three_digits_and_a_unit(
    show: Callable[[float | None], str], value: float | None, shown: str
) -> None:
    assert show(value) == shown


def test_lists() -> None:
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b"]) == "a and b"
    assert wording.listed(list("abcdef")) == "a, b, c, d and 2 more"


def test_an_anchor_holds_nothing_of_the_text() -> None:
    assert wording.anchor("../../x") != wording.anchor("../..", "x")
    assert set(wording.anchor("../../x")) <= set("0123456789abcdef")
