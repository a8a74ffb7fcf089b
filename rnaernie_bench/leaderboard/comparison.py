"""Rows of a table compared with each other: differences, their intervals and tests.

A row is one training recipe, its runs are trainings with other seeds. Two rows of one run each are
compared as the trained models they are: on other test items, would the difference stand? Where a
row has several runs, the question is that of its recipe: trained anew and on other items? See
`docs/statistics.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from rnaernie_bench.leaderboard.aligned import Aligned, Unit, drawn, scorer_of
from rnaernie_bench.leaderboard.estimates import Board, estimates
from rnaernie_bench.leaderboard.paired import holm, mcnemar, odds_ratio, permutation_p, t_test
from rnaernie_bench.leaderboard.rows import bounds_of
from rnaernie_bench.metrics.resampling import N_RESAMPLES, interval

LEVEL = 0.05
"""Of tests; intervals hold the rest."""


@dataclass(frozen=True)
class Options:
    """How rows are compared."""

    metric: str = "macro_f1"
    higher_is_better: bool = True
    by: Unit = "item"
    """What is drawn: items, or groups of relatives as a whole."""
    level: float = LEVEL
    """Of tests; intervals hold 1 - level."""
    n_resamples: int = N_RESAMPLES
    """Of the permutation test of two single runs."""
    seed: int = 0


@dataclass(frozen=True)
class RowScore:
    """The metric of a row, over its runs."""

    value: float
    low: float | None
    high: float | None
    """Of seeds and items together, around the value; of items alone where there is one run. None
    where a single item or group decides it."""
    distinct_runs: int
    """Runs that no seed moves count once: they have no spread."""


@dataclass(frozen=True)
class Pair:
    """Two rows: how far apart, and whether that can be chance."""

    first: int
    second: int
    difference: float
    """The first row's metric minus the second's."""
    low: float | None
    high: float | None
    p: float | None
    """None where chance is unknown: a single item or group decides."""
    p_holm: float | None
    """Corrected for all pairs compared."""
    test: str
    """`mcnemar`, `permutation` (of items), or `t` (of seeds and items)."""
    degrees: float | None
    """Degrees of freedom of `t`."""
    mid_p: float | None
    """McNemar's mid-p value, for two rows of one run."""
    only_first: float
    """Items that only the first row has right, a mean over pairs of runs; structures of which it
    has more right, by their mean F1."""
    only_second: float
    odds_ratio: float
    """The former for each of the latter: the effect size."""


@dataclass(frozen=True)
class Comparison:
    """Rows on the same items, in the order given."""

    options: Options
    n: int
    n_units: int
    """Items or groups that are drawn."""
    seed_sd: float
    """What runs of a row typically differ by; 0 where no row has several."""
    rows: tuple[RowScore, ...]
    pairs: tuple[Pair, ...]


def compare(
    aligned: Aligned, options: Options, *, others: Sequence[Sequence[float]] = ()
) -> Comparison:
    """Compare every two rows.

    Equal rows and options give equal figures, in whichever order the rows are given.

    Args:
        aligned: what the runs of the rows predicted.
        options: how they are compared.
        others: the scores of the runs of further rows, which tell what seeds do.

    Raises:
        ResultError: the metric cannot be computed from the predictions.
    """
    board = estimates(aligned, options.metric, options.by, others)
    found = [
        _pair(aligned, options, board, *pair) for pair in combinations(range(len(board.rows)), 2)
    ]
    return Comparison(
        options=options,
        n=len(aligned.truth),
        n_units=len(board.units.copies),
        seed_sd=math.sqrt(board.seeds.typical),
        rows=tuple(row_scores(board, options.metric, options.level)),
        pairs=tuple(corrected(found)),
    )


def corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs with Holm's correction over those that are tested."""
    tested = iter(holm([pair.p for pair in pairs if pair.p is not None]))
    return [pair if pair.p is None else replace(pair, p_holm=next(tested)) for pair in pairs]


def row_scores(board: Board, metric: str, level: float = LEVEL) -> Iterator[RowScore]:
    """Yield the score of each row with its interval."""
    for place, found in enumerate(board.rows):
        spread = board.row(place)
        ends: tuple[float | None, float | None] = (None, None)
        if spread and math.isfinite(found.value):
            ends = interval(found.value, spread, bounds_of(metric), confidence=1 - level)
        yield RowScore(found.value, *ends, len(found.values))


def gap(board: Board, first: int, second: int, level: float = LEVEL) -> Pair:
    """Return two rows compared over seeds and items, without correction and effect sizes."""
    difference = board.rows[first].value - board.rows[second].value
    spread = board.gap(first, second)
    low = high = p = degrees = None
    if spread and math.isfinite(difference):
        degrees = spread.degrees
        low, high = interval(difference, spread, confidence=1 - level)
        p = t_test(difference, spread.error, degrees)
    return Pair(first, second, difference, low, high, p, None, "t", degrees, None, 0, 0, 1)


def _pair(aligned: Aligned, options: Options, board: Board, first: int, second: int) -> Pair:
    found = gap(board, first, second, options.level)
    share_a, share_b = aligned.right(first), aligned.right(second)
    if aligned.answer.graded:
        only_first, only_second = float((share_a > share_b).sum()), float((share_b > share_a).sum())
    else:
        only_first = float((share_a * (1 - share_b)).sum())
        only_second = float((share_b * (1 - share_a)).sum())
    found = replace(
        found,
        only_first=only_first,
        only_second=only_second,
        odds_ratio=odds_ratio(only_first, only_second),
    )
    if found.p is None or any(len(board.rows[row].values) > 1 for row in (first, second)):
        return found
    exact = mcnemar(share_a > 0.5, share_b > 0.5)
    by_items = options.by == "item" and not aligned.answer.graded
    mid_p = exact.mid_p if by_items else None
    if options.metric == "accuracy" and by_items:
        return replace(found, test="mcnemar", p=exact.p, mid_p=mid_p, degrees=None)
    p = _permutation(aligned, options, first, second)
    return replace(found, test="permutation", p=p, mid_p=mid_p, degrees=None)


def _permutation(aligned: Aligned, options: Options, first: int, second: int) -> float:
    """Return p by exchanging predictions, drawn alike for equal runs in either order."""
    if sorted(aligned.run_ids[first]) > sorted(aligned.run_ids[second]):
        first, second = second, first
    runs = [aligned.predicted[row][0] for row in (first, second)]
    scorer = scorer_of(options.metric, aligned, runs, drawn(aligned, options.metric, options.by))
    generator = np.random.default_rng(options.seed)
    return permutation_p(scorer, 0, 1, n_resamples=options.n_resamples, generator=generator)
