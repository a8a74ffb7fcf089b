"""What moves rows and their differences: checked against SciPy where only seeds do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnaernie_bench.leaderboard.comparison import gap
from rnaernie_bench.leaderboard.estimates import Estimate, board_of, estimate_of
from rnaernie_bench.metrics.resampling import Units

UNITS = Units(np.arange(6), np.ones(6, np.int64))
A, B = (0.50, 0.54, 0.58), (0.61, 0.64, 0.70)


def row(values: tuple[float, ...], *, seeded: bool = True) -> Estimate:
    """Return a row that no item moves."""
    return estimate_of(UNITS, values, [np.full(6, value) for value in values], seeded=seeded)


def test_seeds_alone_are_the_t_test_with_pooled_variance() -> None:
    board = board_of([row(A), row(B)], UNITS)
    found, expected = gap(board, 0, 1), stats.ttest_ind(A, B)
    assert found.p == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.degrees == pytest.approx(4)


def test_a_row_without_seeds_is_a_number() -> None:
    board = board_of([row(A), row((0.7,), seeded=False)], UNITS)
    assert gap(board, 0, 1).p == pytest.approx(stats.ttest_1samp(A, 0.7).pvalue)


def test_other_rows_of_the_board_tell_what_seeds_do() -> None:
    board = board_of([row(A), row((0.9,))], UNITS, [(0.1, 0.14, 0.18), (0.2,)])
    variance = 0.0016  # of both rows of three
    spread = board.gap(0, 1)
    assert spread is not None
    assert spread.error == pytest.approx((variance / 3 + variance) ** 0.5)
    assert spread.degrees == pytest.approx(4)


def test_fewer_runs_are_never_more_significant() -> None:
    p_values = [gap(board_of([row(A), row(b)], UNITS, [A]), 0, 1).p or 0 for b in ((0.65,), B)]
    assert p_values[0] > p_values[1]


def test_items_move_rows_together() -> None:
    left_out = np.array([0.50, 0.52, 0.54, 0.46, 0.48, 0.50])
    shifted = estimate_of(UNITS, [0.6], [left_out + 0.1], seeded=False)
    board = board_of([estimate_of(UNITS, [0.5], [left_out], seeded=False), shifted], UNITS)
    spread = board.row(0)
    assert spread is not None
    assert spread.error**2 == pytest.approx(5 / 6 * 0.0040)  # the jackknife's, by hand
    assert gap(board, 0, 1).p < 1e-12  # what is left is certain


def test_the_luck_of_single_runs_is_counted_once() -> None:
    # Two runs that err on different items share nothing: all that items do to them is luck.
    first = np.array([0.49, 0.51, 0.49, 0.51, 0.49, 0.51])
    lucky = estimate_of(UNITS, [0.4, 0.6], [first, 1 - first], seeded=True)
    assert lucky.luck == pytest.approx(5 / 6 * 6 * 0.01**2)
    alike = estimate_of(UNITS, [0.4, 0.6], [first, first], seeded=True)
    assert alike.luck == pytest.approx(0)


def test_a_figure_that_hangs_on_one_unit_has_no_interval() -> None:
    broken = np.array([np.nan, 0.5, 0.5, 0.5, 0.5, 0.5])
    board = board_of([estimate_of(UNITS, [0.5], [broken], seeded=False), row(A)], UNITS)
    assert board.row(0) is None
    assert (gap(board, 0, 1).p, gap(board, 0, 1).low) == (None, None)
