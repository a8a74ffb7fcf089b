"""The steps of a training, its learning rates, the choice among rates, and the limit of time."""

from __future__ import annotations

import math

import pytest

from rnaernie_bench.core.time_limit import TimeLimitError, check_time, seconds_left, time_limit
from rnaernie_bench.learning.rates import around, chosen_rate, evaluations_of_losers
from rnaernie_bench.learning.schedule import Schedule, Steps


@pytest.mark.parametrize(
    ("epoch", "options", "steps"),
    [
        (400, {}, (400, 400_000, 4_400)),
        (2_500, {}, (834, 2_500_000, 9_174)),  # thirds of an epoch
        (400, {"max_epochs": 3}, (400, 1_200, 1_200)),
        (400, {"max_steps": 1_000}, (400, 1_000, 1_000)),
        (400, {"patience": 2, "evaluate_every": 100}, (100, 400_000, 300)),
    ],
)
def test_steps(epoch, options, steps):
    options = {"evaluate_every": 1000, "patience": 10, "max_epochs": 1000, **options}
    found = Steps.of(epoch, **{"max_steps": None, **options})
    assert (found.interval, found.most, found.fewest) == steps


def rates(schedule, *steps):
    return pytest.approx([schedule(step) for step in steps])


def test_the_rate_rises_stays_and_falls_within_the_bound():
    schedule = Steps(epoch=10, interval=10, most=60, fewest=30).schedule(0.1)
    assert rates(schedule, 0, 1, 2, 3, 49) == [0.25, 0.5, 0.75, 1, 1]
    assert rates(schedule, 50, 51, 55, 59, 60) == [1, 0.9, 0.5, 0.1, 0]


def test_convergence_ends_it_earlier():
    schedule = Schedule(0, 500, 600)
    schedule.cool_down(step=40, taken=20)
    assert (schedule.end, schedule.converged) == (44, True)
    assert rates(schedule, 39, 40, 41, 43, 44) == [1, 1, 0.75, 0.25, 0]
    late = Schedule(0, 500, 600)
    late.cool_down(step=499, taken=499)
    assert late.end == 599
    soon = Schedule(0, 4, 5)
    soon.cool_down(step=4, taken=40)
    assert soon.end == 5


def test_the_better_half_goes_on_to_twice_the_evaluations():
    found = {(1, 2): 0.5, (10, 2): 0.6, (100, 2): 0.4, (1, 4): 0.8, (10, 4): 0.7}
    asked = []

    def score(rate, count):
        asked.append((rate, count))
        return found[rate, count]

    assert chosen_rate([100, 1, 10], score) == 1
    assert asked == [(1, 2), (10, 2), (100, 2), (1, 4), (10, 4)]


@pytest.mark.parametrize(
    ("peak", "tried"),
    [(10, {1, 10, 100}), (1000, {1, 10, 100, 1000, 10_000}), (0.01, {0.01, 0.1, 1, 10, 100})],
)
def test_the_choice_goes_on_beyond_an_edge(peak, tried):
    asked = set()

    def score(rate, _):
        asked.add(round(rate, 9))
        return -abs(math.log10(rate / peak))

    assert chosen_rate([1, 10, 100], score, further=True) == pytest.approx(peak)
    assert asked == tried


@pytest.mark.parametrize(
    ("scores", "best"), [((math.nan, 0.1, 0.2), 3), ((0.3, 0.3, 0.3), 1), ((math.nan,) * 3, 1)]
)
def test_failed_trainings_lose_and_equal_ones_choose_the_lower_rate(scores, best):
    assert chosen_rate([1, 2, 3], lambda rate, _: scores[rate - 1]) == best


def test_rates_a_decade_apart():
    assert around(1e-3) == pytest.approx((1e-4, 1e-3, 1e-2))
    assert [evaluations_of_losers(n) for n in (1, 2, 3, 5)] == [0, 2, 6, 16]


def test_a_limit_of_time_holds_inside_its_block():
    check_time()
    with time_limit(60):
        assert 3500 < seconds_left() <= 3600
        check_time()
        with time_limit(1e-12), pytest.raises(TimeLimitError, match=r"time of 1e-12 minutes is"):
            check_time()
        with time_limit(None):
            assert seconds_left() == math.inf
    assert seconds_left() == math.inf
