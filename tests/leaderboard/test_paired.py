"""Paired tests by hand, against SciPy, and by their properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnaernie_bench.leaderboard.paired import (
    holm,
    mcnemar,
    odds_ratio,
    permutation_p,
    satterthwaite,
    t_test,
)
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.resampling import grouped
from rnaernie_bench.metrics.scoring.composites import additive

bits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def discordant(first: int, second: int, both: int = 5) -> tuple[list[bool], list[bool]]:
    a = [True] * first + [False] * second + [True] * both
    return a, [False] * first + [True] * second + [True] * both


def test_mcnemar_is_the_published_example() -> None:
    # Bentur et al. 2009 as in Fagerland, Lydersen and Laake 2013: 1 and 7 discordant pairs.
    found = mcnemar(*discordant(1, 7))
    assert (found.only_first, found.only_second) == (1, 7)
    assert found.p == pytest.approx(18 / 256)  # 2 (1 + 8) / 2^8
    assert found.mid_p == pytest.approx(10 / 256)


def test_mcnemar_where_neither_is_ahead() -> None:
    even = mcnemar(*discordant(3, 3))
    assert even.p == 1
    assert even.mid_p == pytest.approx(1 - math.comb(6, 3) / 2**7)
    same = mcnemar(*discordant(0, 0))
    assert (same.p, same.mid_p) == (1, 1)


@settings(max_examples=30, deadline=None)
@given(bits)
def test_mcnemar_is_the_binomial_test_and_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    first, second = zip(*pairs, strict=True)
    found, other = mcnemar(first, second), mcnemar(second, first)
    assert (found.p, found.mid_p) == (other.p, other.mid_p)
    assert 0 < found.mid_p <= found.p <= 1
    if total := found.only_first + found.only_second:
        assert found.p == pytest.approx(stats.binomtest(found.only_first, total).pvalue)


def test_effect_sizes_by_hand() -> None:
    assert odds_ratio(7, 2) == 3
    assert odds_ratio(0, 0) == 1
    assert odds_ratio(4, 9) == pytest.approx(1 / odds_ratio(9, 4))


def permuted(scores: list[list[float]], *, groups: list[str] | None = None, n: int = 4000) -> float:
    values = np.array(scores)
    mean = additive(
        lambda truth, run: np.column_stack([run, np.ones_like(run)]), lambda s: s[:, 0] / s[:, 1]
    )
    scorer = mean(values[0], list(values), grouped(groups) if groups else None)
    return permutation_p(scorer, 0, 1, n_resamples=n, generator=np.random.default_rng(0))


def test_permutation_of_scores_is_the_sign_flip_test_of_scipy() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.4, 1, 12), rng.normal(size=12)
    exact = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert permuted([first, second], n=20_000) == pytest.approx(exact, abs=0.01)


def test_permutation_of_right_and_wrong_is_mcnemar() -> None:
    first, second = map(np.array, discordant(9, 3))
    labels = np.ones(len(first), dtype=int)
    runs = [MULTICLASS.pack(np.log(np.eye(2)[run.astype(int)] + 1)) for run in (first, second)]
    scorer = MULTICLASS.scorer("accuracy", labels, runs)
    p = permutation_p(scorer, 0, 1, n_resamples=20_000, generator=np.random.default_rng(1))
    assert p == pytest.approx(mcnemar(first, second).p, abs=0.01)


def test_relatives_that_all_agree_are_one_observation() -> None:
    scores = [[1.0] * 8, [0.0] * 8]
    assert permuted(scores) < 0.02  # 2 of 256 exchanges are as extreme
    # Two groups: two of four exchanges are.
    assert permuted(scores, groups=["a"] * 4 + ["b"] * 4) == pytest.approx(0.5, abs=0.03)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-5, 5)] * 2), min_size=1, max_size=8))
def test_permutation_p_is_in_its_range_and_1_for_equals(pairs: list[tuple[float, float]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    assert 1 / 51 <= permuted([first, second], n=50) <= 1
    assert permuted([first, first], n=50) == 1


def test_holm_by_hand() -> None:
    # 4 x .01, 3 x .02, 2 x .03 and then never less than before.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.6, 0.9]) == [1, 1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p: list[float]) -> None:
    corrected = holm(p)
    assert all(a <= c <= min(1, len(p) * a) + 1e-12 for a, c in zip(p, corrected, strict=True))
    ordered = [corrected[index] for index in np.argsort(p, kind="stable")]
    assert ordered == sorted(ordered)


def test_welch_with_seeds_alone_is_scipys() -> None:
    first, second = np.array([0.61, 0.55, 0.7]), np.array([0.5, 0.52, 0.49, 0.55])
    parts = [(x.var(ddof=1) / len(x), len(x) - 1) for x in (first, second)]
    variance = sum(part for part, _ in parts)
    degrees = satterthwaite(variance, parts)
    theirs = stats.ttest_ind(first, second, equal_var=False)
    gap = first.mean() - second.mean()
    assert degrees == pytest.approx(theirs.df)
    assert t_test(gap, variance**0.5, degrees) == pytest.approx(theirs.pvalue)


def test_without_seeds_the_normal_distribution_serves() -> None:
    assert satterthwaite(1.0, [(0.0, 2)]) is None
    assert t_test(1.959964, 1.0, None) == pytest.approx(0.05, abs=1e-6)
    assert (t_test(0, 0, None), t_test(0.1, 0, None)) == (1, 0)
