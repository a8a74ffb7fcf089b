"""Resampling by kinds of item against drawing items, and intervals against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.interval_coverage import coverage
from rnaernie_bench.metrics import resampling
from rnaernie_bench.metrics.resampling import (
    Spread,
    Units,
    alike,
    grouped,
    interval,
    jackknife,
    permutations,
    spread_of,
    steadied,
)


def test_items_that_look_alike_are_one_kind() -> None:
    units = alike([0, 0, 1, 0], [2, 2, 2, 3])
    assert units.member.tolist() == [0, 0, 2, 1]
    assert units.copies.tolist() == [2, 1, 1]
    assert units.sums([[1.0], [1.0], [5.0], [7.0]]).tolist() == [[1], [7], [5]]


def test_a_group_adds_all_its_items_and_no_name_is_no_relation() -> None:
    units = grouped(["b", "", "b", ""])
    assert sorted(units.copies.tolist()) == [1, 1, 1]
    assert units.member[0] == units.member[2]
    assert len({*units.member[[0, 1, 3]].tolist()}) == 3
    assert sorted(units.sums([[1.0], [2.0], [3.0], [4.0]]).ravel()) == [2, 4, 4]


def test_an_exchange_moves_half_of_the_items_and_whole_groups() -> None:
    def drawn(units: Units) -> np.ndarray:
        return permutations(
            units, lambda w: w.astype(float), n_resamples=5000, generator=np.random.default_rng(0)
        )

    items = drawn(alike([0, 0, 0, 0]))
    assert items.mean() == pytest.approx(2, abs=0.05)
    assert items.var() == pytest.approx(1, abs=0.05)
    assert set(drawn(grouped(["a", "a", "a"])).ravel()) == {0, 1}


@pytest.mark.parametrize("items", [[0, 0, 1, 2, 2], [0, 1, 2, 3, 4], list(range(40))])
def test_blocks_do_not_change_what_is_drawn(
    monkeypatch: pytest.MonkeyPatch, items: list[int]
) -> None:
    def draw() -> np.ndarray:
        return permutations(
            alike(items),
            lambda w: w.astype(float),
            n_resamples=51,
            generator=np.random.default_rng(3),
        )

    whole = draw()
    monkeypatch.setattr(resampling, "_BLOCK", 3 * len(items))
    assert (draw() == whole).all()


def test_units_that_are_one_each_are_exchanged_as_any_others() -> None:
    moved = permutations(
        alike(range(5)),
        lambda w: w.astype(float),
        n_resamples=20_000,
        generator=np.random.default_rng(0),
    )
    assert set(moved.ravel()) == {0, 1}
    assert moved.mean(axis=0) == pytest.approx([0.5] * 5, abs=0.02)
    assert np.corrcoef(moved.T)[0, 1:] == pytest.approx([0] * 4, abs=0.03)


def test_blocks_do_not_change_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    units = alike([0, 0, 1, 2, 2])
    left_out = jackknife(units, lambda w: w.astype(float))
    monkeypatch.setattr(resampling, "_BLOCK", 10)
    assert (jackknife(units, lambda w: w.astype(float)) == left_out).all()
    assert left_out.tolist() == [[1, 1, 2], [2, 0, 2], [2, 1, 1]]


def test_groups_within_classes_are_strata() -> None:
    """Class 0: groups a (2 items) and b; class 1: c alone, whose two items are drawn instead."""
    groups, classes = ["a", "a", "b", "c", "c"], np.array([0, 0, 0, 1, 1])
    units = grouped(groups, classes)
    assert units.strata is not None
    assert units.strata.tolist() == [0, 0, 1, 1]
    assert units.member[0] == units.member[1] != units.member[2]
    assert len({*units.member[2:].tolist()}) == 3


def test_the_standard_error_of_a_mean_is_that_of_the_textbook() -> None:
    """Of a mean the jackknife gives s / sqrt(n); of strata, their variances are added."""
    values = np.array([1.0, 2.0, 4.0, 9.0])
    units = alike(range(4))
    spread = spread_of(units, jackknife(units, lambda w: w @ values / w.sum(axis=1)))
    assert spread is not None
    assert spread.error == pytest.approx(values.std(ddof=1) / 2)
    assert spread.degrees == 3
    # Two of a hundred items make up all of the variance: 2 / (100 / 99 (2 / 4 - 1 / 100)).
    rare = spread_of(alike(range(100)), np.array([-1.0, 1.0] + [0.0] * 98))
    assert rare is not None
    assert rare.degrees == pytest.approx(2 * 99 / 49)
    ten = alike(np.array([0] * 6 + [1] * 4))
    share = spread_of(ten, jackknife(ten, lambda w: w[:, 1] / w.sum(axis=1)))
    assert share is not None
    assert share.error == pytest.approx((0.4 * 0.6 / 9) ** 0.5)
    both = Units(np.arange(4), np.ones(4, int), np.array([0, 0, 1, 1]))
    parts = spread_of(both, jackknife(both, lambda w: w @ values / w.sum(axis=1)))
    # Without a unit the others weigh 1/3: each class moves by its own values only.
    left = np.array([(16 - v) / 3 for v in values])
    squares = [((part - part.mean()) ** 2).sum() / 2 for part in (left[:2], left[2:])]
    assert parts is not None
    assert parts.error == pytest.approx(sum(squares) ** 0.5)


def test_what_hangs_on_one_unit_has_no_standard_error() -> None:
    units = alike(range(3))
    assert spread_of(units, np.array([0.5, np.nan, 0.5])) is None
    assert spread_of(alike([0]), np.array([np.nan])) is None


@pytest.mark.parametrize(
    ("value", "bounds"),
    [(0.9, (0, 1)), (0.5, (0, 1)), (-0.2, (-1, 1)), (0.3, (0, np.inf)), (-4.0, (-np.inf, 1)),
     (7.0, (-np.inf, np.inf)), (1.0, (0, 1)), (0.0, (0, 1)), (0.0, (0, np.inf)), (1.0, (-1, 1))],
)  # fmt: skip
def test_an_interval_contains_its_figure_and_stays_within_bounds(
    value: float, bounds: tuple[float, float]
) -> None:
    for spread in (Spread(0.1, 9), Spread(3.0, 1), Spread(0.0, 99)):
        low, high = interval(value, spread, bounds)
        assert bounds[0] <= low <= value <= high <= bounds[1]


def test_intervals_cover_what_more_items_would_show() -> None:
    """A tiny version of `benchmarks.interval_coverage`; 60 test parts leave 3 % of chance."""
    found = {line.metric: line for line in coverage(60, sizes=[130])}
    assert all(line.holds_own == 1 and line.n == 60 for line in found.values())
    for metric, line in found.items():
        assert line.covered >= 0.85, metric
    for metric in ("macro F1, 13 classes", "accuracy", "AUROC 0.8, ten positives"):
        assert 0.01 < found[metric].width < 0.5, metric


def test_few_units_are_not_alike_by_more_than_luck() -> None:
    assert steadied(Spread(0.0, 9), 0.8, (0, 1)).error == pytest.approx(
        (0.25 * 0.016 / 9.25) ** 0.5
    )
    assert steadied(Spread(0.2, 3), 0.5, (0, 2)).error == pytest.approx(
        ((3 * 0.04 + 0.25 * 0.75 / 4) / 3.25) ** 0.5
    )
    assert steadied(Spread(0.2, 3), 0.5, (0, np.inf)) == Spread(0.2, 3)


def test_intervals_by_hand() -> None:
    many = Spread(0.02, 1e9)
    # A share of 0.8 with this error is one of 400 items.
    ends = binomtest(320, 400).proportion_ci(method="wilson")
    assert interval(0.8, many, (0, 1)) == pytest.approx([ends.low, ends.high], rel=1e-6)
    twice = [2 * ends.low - 1, 2 * ends.high - 1]
    assert interval(0.6, Spread(0.04, 1e9), (-1, 1)) == pytest.approx(twice, rel=1e-6)
    step = 1.959964 * 0.02 / 0.8
    errors = interval(0.8, many, (0, np.inf))
    assert errors == pytest.approx([0.8 * np.exp(-step), 0.8 * np.exp(step)], rel=1e-6)
    # Ten of ten right: the exact interval of Clopper and Pearson.
    certain = interval(1.0, Spread(0.0, 9), (0, 1))
    assert certain == pytest.approx((0.025**0.1, 1))
