"""Rows of a table compared with each other: differences, intervals, tests and tied groups.

A row is one training recipe, its runs are trainings with other seeds. Two rows of one run each are
compared as the trained models they are: on other test items, would the difference stand? Where a
row has several runs, the question is that of its recipe: trained anew and on other items? See
`docs/statistics.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from rnaernie_bench.leaderboard.aligned import (
    Aligned,
    Floats,
    Predicted,
    Unit,
    distinct,
    scorer_of,
)
from rnaernie_bench.leaderboard.paired import (
    holm,
    mcnemar,
    odds_ratio,
    permutation_p,
    satterthwaite,
    t_quantile,
    t_test,
)
from rnaernie_bench.leaderboard.ranking import tied_groups
from rnaernie_bench.metrics.resampling import (
    N_RESAMPLES,
    Integers,
    bca_interval,
    bootstrap,
    jackknife,
)


@dataclass(frozen=True)
class Options:
    """How rows are compared."""

    metric: str = "macro_f1"
    higher_is_better: bool = True
    by: Unit = "item"
    """What is resampled: items, or groups of relatives as a whole."""
    level: float = 0.05
    """Of tests; intervals hold 1 - level."""
    n_resamples: int = N_RESAMPLES
    seed: int = 0


@dataclass(frozen=True)
class RowScore:
    """The metric of a row, over its runs."""

    value: float
    low: float
    high: float
    distinct_runs: int
    """Runs with equal predictions count once: a deterministic model has no spread."""


@dataclass(frozen=True)
class Pair:
    """Two rows: how far apart, and whether that can be chance."""

    first: int
    second: int
    difference: float
    """The first row's metric minus the second's."""
    low: float
    high: float
    p: float
    p_holm: float
    """Corrected for all pairs compared."""
    test: str
    """`mcnemar`, `permutation` (of items) or `bootstrap` (of seeds and items)."""
    degrees: float | None
    """Degrees of freedom that the number of seeds leaves; None: not limited by it."""
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
    rows: tuple[RowScore, ...]
    pairs: tuple[Pair, ...]
    """Every two rows, the one given earlier first."""
    groups: tuple[tuple[int, ...], ...]
    """Rows among which no two differ significantly, best first: see `tied_groups`."""


@dataclass(frozen=True, eq=False)
class _Row:
    """A row's distinct runs with their metric, as it is and resampled."""

    predicted: Sequence[Predicted]
    values: Floats
    """Shape (runs,)."""
    samples: Floats
    """Shape (r, runs): of resamples of the units, the same for all rows."""
    left_out: Floats
    """Shape (m, runs): without each unit."""
    chosen: Floats
    """Shape (r, runs): how much each run counts in a resample of the runs."""

    @property
    def error(self) -> float:
        """Variance that stems from the choice of seeds alone."""
        runs = len(self.values)
        return float(self.values.var(ddof=1) / runs) if runs > 1 else 0.0

    @property
    def resampled(self) -> Floats:
        """The mean over runs, shape (r,), runs and units resampled."""
        return np.einsum("rn,rn->r", self.samples, self.chosen)


def compare(aligned: Aligned, options: Options) -> Comparison:
    """Compare every two rows.

    Equal rows and options give equal figures, in whichever order the rows are given.

    Raises:
        ResultError: the metric cannot be computed from the predictions.
    """
    indices = range(len(aligned.run_ids))
    order = sorted(indices, key=lambda row: sorted(aligned.run_ids[row]))
    rows, copies = _resample(aligned, options, order)
    scores = [_row_score(row, copies, options) for row in rows]
    found = {
        (first, second): _pair(aligned, options, rows, copies, first, second)
        for first, second in combinations(indices, 2)
    }
    corrected = holm([pair.p for pair in found.values()])
    pairs = {
        key: replace(pair, p_holm=p)
        for (key, pair), p in zip(found.items(), corrected, strict=True)
    }
    sign = -1 if options.higher_is_better else 1
    best_first = sorted(order, key=lambda row: sign * scores[row].value)
    different = [pair for pair, test in pairs.items() if test.p_holm <= options.level]
    return Comparison(
        options=options,
        n=len(aligned.truth),
        n_units=int(copies.sum()),
        rows=tuple(scores),
        pairs=tuple(pairs.values()),
        groups=tuple(map(tuple, tied_groups(best_first, different))),
    )


def _resample(
    aligned: Aligned, options: Options, order: Sequence[int]
) -> tuple[list[_Row], Integers]:
    """Return all rows with their metric resampled, and how many of each unit there are.

    The units are drawn once for all runs. Of a row's S runs, S - 1 are drawn with replacement, so
    that their mean spreads as it should (Rao and Wu 1988, doi 10.1080/01621459.1988.10478591);
    drawing S would make its variance too small by a factor of (S - 1) / S.
    """
    runs_of = {
        row: distinct(aligned.answer, aligned.predicted[row], options.metric) for row in order
    }
    runs = [predicted for row in order for predicted in runs_of[row]]
    scorer = scorer_of(options.metric, aligned, runs, options.by)
    units = scorer.units

    def values(weights: Integers) -> Floats:
        return np.stack([scorer.score({run: weights}) for run in range(len(runs))], axis=1)

    generator = np.random.default_rng(options.seed)
    samples = bootstrap(units, values, n_resamples=options.n_resamples, generator=generator)
    [estimates], left_out = values(units.copies[None]), jackknife(units, values)
    rows, start = {}, 0
    for row in order:
        count = len(runs_of[row])
        own, draws = slice(start, start + count), max(count - 1, 1)
        chosen = generator.multinomial(draws, np.full(count, 1 / count), options.n_resamples)
        rows[row] = _Row(
            runs_of[row], estimates[own], samples[:, own], left_out[:, own], chosen / draws
        )
        start += count
    return [rows[row] for row in sorted(rows)], units.copies


def _row_score(row: _Row, copies: Integers, options: Options) -> RowScore:
    value, runs = float(row.values.mean()), len(row.values)
    if runs == 1:
        low, high = bca_interval(
            row.samples[:, 0], value, row.left_out[:, 0], copies, confidence=1 - options.level
        )
    else:
        variance = float(row.resampled.var(ddof=1))
        degrees = satterthwaite(variance, [(row.error, runs - 1)])
        half = t_quantile(degrees, 1 - options.level) * variance**0.5
        low, high = value - half, value + half
    return RowScore(value, low, high, runs)


def _pair(
    aligned: Aligned,
    options: Options,
    rows: Sequence[_Row],
    copies: Integers,
    first: int,
    second: int,
) -> Pair:
    """Compare two rows; the correction of p for other pairs is left to the caller."""
    a, b = rows[first], rows[second]
    difference = float(a.values.mean() - b.values.mean())
    share_a, share_b = aligned.right(first), aligned.right(second)
    if aligned.answer.graded:
        only_first, only_second = float((share_a > share_b).sum()), float((share_b > share_a).sum())
    else:
        only_first = float((share_a * (1 - share_b)).sum())
        only_second = float((share_b * (1 - share_a)).sum())
    confidence, mid_p, degrees = 1 - options.level, None, None
    if len(a.values) == len(b.values) == 1:
        samples, left_out = a.samples - b.samples, a.left_out - b.left_out
        low, high = bca_interval(
            samples[:, 0], difference, left_out[:, 0], copies, confidence=confidence
        )
        exact = mcnemar(share_a > 0.5, share_b > 0.5)
        by_items = options.by == "item" and not aligned.answer.graded
        mid_p = exact.mid_p if by_items else None
        if options.metric == "accuracy" and by_items:
            test, p = "mcnemar", exact.p
        else:
            test, p = "permutation", _permutation(aligned, options, a, b, first, second)
    else:
        variance = float((a.resampled - b.resampled).var(ddof=1))
        test, degrees = (
            "bootstrap",
            satterthwaite(variance, [(row.error, len(row.values) - 1) for row in (a, b)]),
        )
        half = t_quantile(degrees, confidence) * variance**0.5
        low, high = difference - half, difference + half
        p = t_test(difference, variance**0.5, degrees)
    return Pair(
        first, second, difference, low, high, p, p, test, degrees, mid_p,
        only_first, only_second, odds_ratio(only_first, only_second),
    )  # fmt: skip


def _permutation(
    aligned: Aligned, options: Options, a: _Row, b: _Row, first: int, second: int
) -> float:
    """Return p by exchanging predictions, drawn alike for equal runs in either order."""
    if sorted(aligned.run_ids[first]) > sorted(aligned.run_ids[second]):
        a, b = b, a
    scorer = scorer_of(options.metric, aligned, [a.predicted[0], b.predicted[0]], options.by)
    generator = np.random.default_rng(options.seed)
    return permutation_p(scorer, 0, 1, n_resamples=options.n_resamples, generator=generator)
