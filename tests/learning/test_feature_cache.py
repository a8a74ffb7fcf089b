"""The cache of features: computed once for one question, by one of those who ask."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.learning.feature_cache import cached_features

KEY = {"weights": "w", "data": "d", "head": "pooled", "length": "truncate"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Counting:
    """Features that tell a sequence's length and first letter, and how often they were made."""

    def __init__(self, pause: float = 0.0) -> None:
        self.calls: list[list[str]] = []
        self.pause = pause

    def __call__(self, sequences):
        self.calls.append(list(sequences))
        time.sleep(self.pause)
        return np.array([[len(s), ord(s[0])] for s in sequences], dtype=np.float32)


def test_each_distinct_sequence_is_computed_once_and_only_once():
    compute = Counting()
    first = cached_features(["AC", "GGG", "AC"], compute, key=KEY)
    second = cached_features(["AC", "GGG", "AC"], compute, key=KEY)
    assert compute.calls == [["AC", "GGG"]]
    assert (first.cached, second.cached, second.seconds) == (False, True, 0.0)
    for table in (first, second):
        assert table.of(["GGG", "AC", "GGG"])[:, 0].tolist() == [3, 2, 3]
        assert "AC" in table and "A" not in table


@pytest.mark.parametrize("changed", KEY)
def test_every_part_of_the_key_counts(changed):
    compute = Counting()
    cached_features(["AC"], compute, key=KEY)
    cached_features(["AC"], compute, key={**KEY, changed: "other"})
    assert len(compute.calls) == 2


def test_a_failure_leaves_nothing_behind(cache):
    def fail(sequences):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_features(["AC"], fail, key=KEY)
    assert not list(cache.rglob("*.npy"))
    assert not cached_features(["AC"], Counting(), key=KEY).cached


def test_those_who_ask_together_compute_once():
    compute, tables = Counting(pause=0.2), []
    threads = [
        threading.Thread(
            target=lambda: tables.append(cached_features(["AC", "G"], compute, key=KEY))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(compute.calls) == 1
    assert sorted(table.cached for table in tables) == [False, True, True, True]
    assert all(table.of(["G"]).tolist() == [[1, ord("G")]] for table in tables)


def test_a_file_in_the_way_of_the_cache(cache):
    cache.write_text("")
    with pytest.raises(BenchError, match=r"a file is where a folder is needed"):
        cached_features(["AC"], Counting(), key=KEY)
