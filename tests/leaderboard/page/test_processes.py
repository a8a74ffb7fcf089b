"""Work spread over processes, and the same work done here."""

from __future__ import annotations

import os

import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.page.processes import spread


def test_the_order_is_kept() -> None:
    base = 10
    assert spread(lambda item: base + item, range(20), least=2) == list(range(10, 30))
    assert spread(str, [], least=0) == []


def test_few_items_make_no_processes() -> None:
    assert spread(lambda _: os.getpid(), range(2), least=3) == [os.getpid()] * 2


def test_an_error_is_the_one_that_was_raised() -> None:
    def fail(item: int) -> None:
        raise ResultError("not sound", where=f"record {item}", remedy="restore it")

    with pytest.raises(ResultError, match="record 0: not sound; restore it") as caught:
        spread(fail, range(4), least=2)
    assert caught.value.remedy == "restore it"
