"""What is known of the rows of a board, and how far chance moves a row or the gap between two.

A row's score is its mean over runs. Seeds move it, by the variance that the rows of the board
share (`seed_variance`); test items, or groups of them, move all rows at once, by what the jackknife
finds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnaernie_bench.leaderboard.aligned import Aligned, Floats, distinct, drawn, scorer_of
from rnaernie_bench.leaderboard.paired import satterthwaite
from rnaernie_bench.leaderboard.rows import bounds_of
from rnaernie_bench.leaderboard.seed_variance import SeedVariance, seed_variance
from rnaernie_bench.metrics.resampling import Drawn, Spread, Units, spread_of, steadied
from rnaernie_bench.metrics.scoring.composites import AbsoluteScorer


@dataclass(frozen=True, eq=False)
class Estimate:
    """A row: the metric of its runs, and of what would be left of it without each unit."""

    values: Floats
    """Shape (runs,); one of a row whose runs are equal, or that no seed moves."""
    left_out: Floats
    """Shape (m,): the mean over runs without each unit."""
    luck: float
    """How much of the jackknife's variance is that of single runs, which right items by chance: it
    is part of what runs differ by, and not counted twice."""
    seeded: bool
    """Whether another seed would give another run."""
    noise: tuple[float, float] = (0.0, 0.0)
    """See `Spread.noise`."""

    @property
    def value(self) -> float:
        """The mean over runs."""
        return float(self.values.mean())


@dataclass(frozen=True, eq=False)
class Board:
    """Rows on the same items."""

    units: Units
    rows: tuple[Estimate, ...]
    seeds: SeedVariance
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """Of the metric."""

    def row(self, row: int) -> Spread | None:
        """Return how far chance moves a row, or None where that is unknown.

        Of a single run that is the choice of items alone.
        """
        found = self.rows[row]
        items = spread_of(self.units, found.left_out)
        if items is None:
            return None
        steady = steadied(items, found.value, self.bounds)
        return replace(self._with_seeds([found], steady), noise=found.noise)

    def gap(self, first: int, second: int) -> Spread | None:
        """Return how far chance moves the difference of two rows, or None where it is unknown.

        A row of one run that depends on its seed is taken to vary as the other rows do.
        """
        a, b = self.rows[first], self.rows[second]
        alone = len(a.values) == len(b.values) == 1
        items = spread_of(self.units, a.left_out - b.left_out)
        return items and self._with_seeds([a, b], items, pooled=not alone)

    def _with_seeds(
        self, rows: Sequence[Estimate], items: Spread, *, pooled: bool = False
    ) -> Spread:
        over_items = max(items.error**2 - sum(row.luck for row in rows), 0.0)
        seeds = []
        for row in rows:
            runs = len(row.values)
            if row.seeded and (runs > 1 or pooled):
                own = float(row.values.var(ddof=1)) if runs > 1 else 0.0
                variance, degrees = self.seeds.of(own, runs - 1)
                seeds.append((variance / runs, degrees))
        over_seeds = sum(variance for variance, _ in seeds)
        known = satterthwaite(over_seeds, seeds)
        parts = [(over_items, items.degrees)]
        if known is not None:
            # One estimate stands behind what rows share: its degrees do not add up.
            parts.append((over_seeds, min(known, float(self.seeds.degrees))))
        total = over_items + over_seeds
        return Spread(total**0.5, satterthwaite(total, parts) or items.degrees)


def board_of(
    estimates: Sequence[Estimate],
    units: Units,
    others: Sequence[Sequence[float]] = (),
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Board:
    """Return rows with the variance over seeds that they share.

    Args:
        estimates: the rows.
        units: what is drawn.
        others: the scores of the runs of further rows that share it.
        bounds: of the metric.
    """
    repeated = [row.values for row in estimates if row.seeded] + [np.array(runs) for runs in others]
    repeated = [values[np.isfinite(values)] for values in repeated]
    repeated = [values for values in repeated if len(values) > 1]
    shared = seed_variance(
        [float(values.var(ddof=1)) for values in repeated], [len(values) - 1 for values in repeated]
    )
    return Board(units, tuple(estimates), shared, bounds)


def estimate_of(
    units: Units,
    values: Sequence[float],
    left_out: Sequence[Floats],
    *,
    seeded: bool,
    noise: tuple[float, float] = (0.0, 0.0),
) -> Estimate:
    """Return a row of its runs.

    Args:
        units: what is drawn, m of them.
        values: the metric of each run.
        left_out: of each run without each unit, shape (m,) each.
        seeded: whether another seed would give another run.
        noise: see `Spread.noise`.
    """
    mean = np.mean(left_out, axis=0)
    luck = 0.0
    if len(values) > 1:
        # What runs share is their covariance, the mean over pairs: the variance of their mean holds
        # it, and a share of the variances of each.
        spreads = [spread_of(units, run) for run in (mean, *left_out)]
        if all(spreads):
            whole, *each = (spread.error**2 for spread in spreads if spread)
            luck = max((float(np.mean(each)) - whole) / (len(values) - 1), 0.0)
    return Estimate(np.asarray(values, np.float64), np.asarray(mean), luck, seeded, noise)


def estimates(
    aligned: Aligned, metric: str, by: Drawn, others: Sequence[Sequence[float]] = ()
) -> Board:
    """Return what is known of the rows of `aligned`.

    Args:
        aligned: what their runs predicted.
        metric: the metric.
        by: what is drawn.
        others: the scores of the runs of further rows of the board.

    Raises:
        ResultError: the metric cannot be computed from the predictions.
    """
    units = drawn(aligned, metric, by)
    rows = []
    # Row by row: the sums of all items and runs of a long board do not fit into memory.
    for row, runs in enumerate(aligned.predicted):
        if aligned.fixed[row]:
            runs = distinct(aligned.answer, runs, metric)
        scorer = scorer_of(metric, aligned, runs, units)
        numbers = range(len(runs))
        values = [scorer.value(run) for run in numbers]
        left_out = [scorer.without_each(run) for run in numbers]
        spread = scorer.spread(numbers) if isinstance(scorer, AbsoluteScorer) else None
        noise = spread.noise if spread else (0.0, 0.0)
        seeded = not aligned.fixed[row]
        rows.append(estimate_of(units, values, left_out, seeded=seeded, noise=noise))
    return board_of(rows, units, others, bounds_of(metric))
