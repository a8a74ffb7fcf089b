"""Ranks and wins of tiny tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, studentized_range

from rnaernie_bench.leaderboard.ranking import (
    average_ranks,
    critical_difference,
    win_rates,
)


def test_ranks_by_hand() -> None:
    scores = [[0.9, 0.8, 0.8], [0.1, 0.3, 0.2]]  # of the second task, lower is better
    ranks = average_ranks(scores, higher_is_better=[True, False])
    assert ranks == [1, 2.75, 2.25]


def test_critical_difference_is_that_of_demsar() -> None:
    # Section 3.2.2 of Demsar 2006: 4 classifiers on 14 data sets, q = 2.569, CD = 1.25.
    assert critical_difference(14, 4) == pytest.approx(2.569 * (20 / 84) ** 0.5, abs=1e-3)
    assert critical_difference(14, 4, level=0.1) == pytest.approx(
        2.291 * (20 / 84) ** 0.5, abs=1e-3
    )


@pytest.mark.parametrize("models", [2, 5, 40])
def test_critical_difference_is_that_of_scipy(models: int) -> None:
    quantile = studentized_range.ppf(0.95, models, np.inf) / 2**0.5
    expected = quantile * (models * (models + 1) / (6 * 9)) ** 0.5
    assert critical_difference(9, models) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=5))
def test_ranks_are_those_of_scipy(scores: list[list[int]]) -> None:
    ranks = average_ranks(scores, higher_is_better=[False] * len(scores))
    assert ranks == pytest.approx(rankdata(scores, axis=1).mean(axis=0))


def test_wins_by_hand() -> None:
    scores = [[0.9, 0.8], [0.5, 0.5], [0.3, 0.2]]
    rates = win_rates(scores, higher_is_better=[True, True, False])
    assert rates == [[0.5, 0.5], [0.5, 0.5]]
    rates = win_rates(scores, higher_is_better=[True, True, True])
    assert rates == [[0.5, pytest.approx(2.5 / 3)], [pytest.approx(0.5 / 3), 0.5]]
