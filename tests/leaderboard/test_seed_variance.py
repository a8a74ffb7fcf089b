"""How far rows share their variance over seeds, with hand-computed expectations."""

from __future__ import annotations

import math

import pytest
from scipy.special import polygamma

from rnaernie_bench.leaderboard.seed_variance import _inverse_trigamma, seed_variance


def test_rows_that_agree_share_the_pooled_variance() -> None:
    found = seed_variance([1.0, 1.2, 0.8], [4, 4, 2])
    assert (found.weight, found.degrees) == (math.inf, 10)
    assert found.typical == pytest.approx((4 + 4.8 + 1.6) / 10)
    assert found.of(1.2, 4) == (found.typical, 10)
    assert found.of(0.0, 0) == (found.typical, 10)  # a row of one run varies as the others do


def test_rows_that_differ_keep_their_own() -> None:
    found = seed_variance([1e-6, 2e-6, 1e-6, 1.0], [2, 2, 2, 2])
    assert found.weight < 1
    assert found.of(1.0, 2) == (1.0, 2)  # nobody vouches for the one that varies most
    variance, degrees = found.of(1e-6, 2)
    assert variance == pytest.approx(1e-6, rel=0.1)
    assert degrees == pytest.approx(2, rel=0.1)


def test_without_repeats_nothing_is_known() -> None:
    found = seed_variance([], [])
    assert (found.typical, found.degrees) == (0, 0)
    assert seed_variance([0.0, 0.0], [2, 2]).typical == 0
    alone = seed_variance([0.5], [4])
    assert alone.of(0.5, 4) == (0.5, 4)


@pytest.mark.parametrize("value", [1e-3, 0.2, 1.0, 30.0])
def test_the_inverse_is_one(value: float) -> None:
    assert float(polygamma(1, _inverse_trigamma(value))) == pytest.approx(value)
