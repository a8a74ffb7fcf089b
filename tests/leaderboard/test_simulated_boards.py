"""A small run of `benchmarks/statistics.py`, whose table stands in docs/statistics.md."""

from __future__ import annotations

import pytest

from benchmarks.statistics import SEED_SD, Case, simulate


@pytest.mark.parametrize("seeds", [(5, 5), (3, 3)])
def test_equal_recipes_are_rarely_called_different(seeds: tuple[int, int]) -> None:
    found = simulate(Case(10, seeds), 120)
    # 5 % of 120, and three standard errors of 2 points; 95 % give or take as much.
    assert found.any_claim <= 0.11
    assert found.coverage >= 0.89


def test_three_standard_deviations_are_found_with_five_seeds() -> None:
    assert simulate(Case(10, ahead=3 * SEED_SD), 20).power >= 0.8
