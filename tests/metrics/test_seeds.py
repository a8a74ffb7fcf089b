"""Intervals over seeds."""

from __future__ import annotations

import math
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.metrics.seeds import deviation, over_seeds

RUNS = [0.4, 0.5, 0.6]


def test_three_seeds_by_hand() -> None:
    # Standard deviation .1, t(2) = 4.302653.
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert over_seeds(RUNS, [(v, v) for v in RUNS]) == pytest.approx((0.5 - half, 0.5 + half))
    # Items of standard error .1 besides.
    wider = 4.302653 * math.sqrt(0.01 / 3 + 0.01)
    ends = [(value - 0.1959964, value + 0.1959964) for value in RUNS]
    assert over_seeds(RUNS, ends) == pytest.approx((0.5 - wider, 0.5 + wider))


def test_one_run_and_equal_runs_have_the_interval_of_a_run() -> None:
    assert over_seeds([0.4], [(0.3, 0.6)]) == (0.3, 0.6)
    assert over_seeds([0.4, 0.4], [(0.3, 0.6)] * 2) == (0.3, 0.6)
    assert over_seeds([0.4], [(0.41, 0.6)]) == (None, None)  # it has to contain the figure
    assert over_seeds([0.4], [(None, None)]) == (None, None)


@pytest.mark.parametrize("n", [*range(2, 34), 100, 1000])
def test_quantiles_are_those_of_student(n: int) -> None:
    from scipy.stats import t

    values = [0.0, 1.0] * (n // 2) + [0.5] * (n % 2)
    low, high = over_seeds(values, [(value, value) for value in values])
    expected = t.interval(0.95, n - 1, 0.5, math.sqrt((n // 2) * 0.5 / (n - 1) / n))
    assert (low, high) == pytest.approx(expected, rel=1e-4)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_deviations_are_those_of_fractions(values: list[float]) -> None:
    assert deviation(values) == pytest.approx(stdev(values), rel=1e-9, abs=1e-12)


def test_equal_values_deviate_by_nothing_at_all() -> None:
    assert deviation([0.1] * 3) == 0
    assert deviation([0.1]) is None
