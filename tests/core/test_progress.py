from __future__ import annotations

import io
import sys
from itertools import count

import pytest

from rnaernie_bench.core import progress
from rnaernie_bench.core.progress import _Lines, shown, steps, tracked


def test_a_log_gets_a_line_after_ten_seconds_and_then_one_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seconds = count(0, 5)  # the clock is five seconds later whenever it is read
    step = _Lines("folding", 1600, "sequences", clock=lambda: float(next(seconds)))
    for _ in range(15):
        step(100)
    assert capsys.readouterr().err.splitlines() == [
        "folding: 200 of 1,600 sequences in 10 s, 70 s left",
        "folding: 1,400 of 1,600 sequences in 70 s, 10 s left",
    ]


def test_what_may_end_earlier_is_said_to_end_at_most_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seconds = count(0, 10)
    step = _Lines("training", 900, "steps", clock=lambda: float(next(seconds)), bound=True)
    step(100)
    assert capsys.readouterr().err == (
        "training: 100 of at most 900 steps in 10 s, at most 80 s left\n"
    )


def test_what_is_short_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked([1, 2, 3], "folding")) == [1, 2, 3]
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_bar_of_the_outermost_step(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "DELAY", 0)
    with steps("embedding", 5, "sequences") as step:
        list(tracked(range(3), "reading"))
        step(5)
    assert "embedding" in terminal.getvalue()
    assert "reading" not in terminal.getvalue()
    terminal.truncate(0)
    with shown(False), shown(True), steps("embedding", 5) as step:
        step(5)
    assert terminal.getvalue() == ""
    list(tracked(range(3), "reading"))  # what was hidden inside shows again
    assert "reading" in terminal.getvalue()
