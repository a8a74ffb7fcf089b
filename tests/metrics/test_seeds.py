"""Intervals over seeds."""

from __future__ import annotations

import math
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.metrics.seeds import deviation, over_seeds


def test_three_seeds_by_hand() -> None:
    # Standard deviation .1, t(2) = 4.302653.
    half = 4.302653 * 0.1 / math.sqrt(3)
    expected = (0.5, 0.1, 0.5 - half, 0.5 + half)
    assert over_seeds([0.4, 0.5, 0.6]) == pytest.approx(expected)


def test_one_seed_tells_no_spread() -> None:
    assert over_seeds([0.4]) == (0.4, None, None, None)


@pytest.mark.parametrize("n", [*range(2, 34), 100, 1000])
def test_quantiles_are_those_of_student(n: int) -> None:
    from scipy.stats import t

    values = [0.0, 1.0] * (n // 2) + [0.5] * (n % 2)
    mean, _, low, high = over_seeds(values)
    expected = t.interval(0.95, n - 1, 0.5, math.sqrt((n // 2) * 0.5 / (n - 1) / n))
    assert (mean, low, high) == pytest.approx((0.5, *expected), rel=1e-4)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_deviations_are_those_of_fractions(values: list[float]) -> None:
    assert deviation(values) == pytest.approx(stdev(values), rel=1e-9, abs=1e-12)


def test_equal_values_deviate_by_nothing_at_all() -> None:
    assert deviation([0.1] * 3) == 0
    assert deviation([0.1]) is None
