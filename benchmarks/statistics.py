"""Simulated boards: how often equal recipes are called different, and what is found of others.

Every score is a level that all recipes share, plus effects of the item, of the recipe on the item,
of the seed, and chance. Boards hold pre-trained rows, their untrained twins, and three baselines
without seeds; contrasts are those that a leaderboard declares, computed by its functions. A claim
needs five seeds a side on a leaderboard; here contrasts of fewer are tested all the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from rnaernie_bench.leaderboard.comparison import gap, row_scores
from rnaernie_bench.leaderboard.contrasts import SHORTCUT, UNTRAINED, Contrast
from rnaernie_bench.leaderboard.estimates import Board, board_of, estimate_of
from rnaernie_bench.leaderboard.significance import corrected
from rnaernie_bench.metrics.resampling import Units

ITEMS, BASELINES = 200, 3
SEED_SD = 1.0
"""Of a run's mean over items; all else is in units of it."""
ITEM_SD, OWN_SD, CHANCE_SD = 20.0, 3.0, 3.0
"""Of the difficulty of an item, of what a recipe makes of it, and of what a run makes of it."""
METRIC = "a mean"
"""One without bounds."""


@dataclass(frozen=True)
class Case:
    """Boards to draw."""

    rows: int
    """With runs of several seeds: half of them twins of the others."""
    seeds: tuple[int, int] = (5, 5)
    """Of a row, and of its twin."""
    ahead: float = 0.0
    """How far pre-trained rows are ahead of twins and baselines."""
    spread: float = 1.0
    """Standard deviations over seeds lie between 1/spread and spread times `SEED_SD`."""


def simulated(case: Case, generator: np.random.Generator) -> tuple[Board, list[Contrast]]:
    """Return a board and its contrasts: rows against the best baseline and against their twins."""
    units = Units(np.arange(ITEMS), np.ones(ITEMS, np.int64))
    difficulty = generator.normal(0, ITEM_SD, ITEMS)
    pairs = case.rows // 2
    rows = []
    for row in range(2 * pairs + BASELINES):
        network = row < 2 * pairs
        runs = case.seeds[row >= pairs] if network else 1
        scores = difficulty + generator.normal(0, OWN_SD, ITEMS)
        scores = scores + generator.normal(0, CHANCE_SD, (runs, ITEMS))
        scale = case.spread ** generator.uniform(-1, 1)
        if network:
            scores += generator.normal(0, SEED_SD * scale, (runs, 1))
        scores += case.ahead * (row < pairs)
        left_out = (scores.sum(axis=1, keepdims=True) - scores) / (ITEMS - 1)
        values = scores.mean(axis=1)
        rows.append(estimate_of(units, list(values), list(left_out), seeded=network))
    board = board_of(rows, units)
    best = max(range(2 * pairs, len(rows)), key=lambda row: rows[row].value)
    declared = [(SHORTCUT, row, best) for row in range(2 * pairs)]
    declared += [(UNTRAINED, row, row + pairs) for row in range(pairs)]
    contrasts = []
    for kind, row, reference in declared:
        found = gap(board, row, reference)
        ids = (str(row),), (str(reference),)
        contrasts.append(Contrast(kind, *ids, found.difference, found.low, found.high, found.p))
    return board, corrected(contrasts)


@dataclass(frozen=True)
class Found:
    """Shares of boards and of contrasts."""

    any_claim: float
    """Of boards with a claim or more."""
    power: float
    """Of contrasts with twins that find the pre-trained row ahead."""
    coverage: float
    """Of intervals of rows that hold their true value."""


def simulate(case: Case, boards: int, seed: int = 0) -> Found:
    """Draw boards, and count claims and intervals that hold the truth."""
    generator = np.random.default_rng(seed)
    claims, ahead, held = [], [], []
    for _ in range(boards):
        board, contrasts = simulated(case, generator)
        claims.append(any(contrast.claim for contrast in contrasts))
        twins = [contrast for contrast in contrasts if contrast.kind == UNTRAINED]
        ahead += [contrast.claim == "beats" for contrast in twins]
        # Rows of a board share its items, so that one of them stands for it.
        score = next(row_scores(board, METRIC))
        assert score.low is not None and score.high is not None
        held.append(score.low <= case.ahead <= score.high)
    return Found(*(float(np.mean(share)) for share in (claims, ahead, held)))


SIZES = (10, 40, 100)
BOARDS = 300


def main() -> None:
    """Print the tables of docs/statistics.md."""
    start = time.process_time()
    print("Equal recipes: share of boards with a false claim, and coverage of a row's interval")
    seeds = ((5, 5), (5, 3), (3, 3))
    print(f"{'rows':>6s}", *(f"{a} against {b:<14d}" for a, b in seeds))
    cases = [Case(rows) for rows in SIZES] + [Case(40, spread=3.0)]
    for case in cases:
        found = [simulate(replace(case, seeds=pair), BOARDS) for pair in seeds]
        told = (f"{100 * each.any_claim:4.1f} %, {each.coverage:.3f}    " for each in found)
        more = "" if case.spread == 1 else f" seeds of some rows vary {case.spread**2:g} times more"
        print(f"{case.rows:6d}", *told, more, flush=True)
    print("Pre-trained rows ahead by three standard deviations over seeds, five seeds: power")
    for rows in SIZES:
        found_power = simulate(Case(rows, ahead=3 * SEED_SD), BOARDS // 6).power
        print(f"{rows:6d} {found_power:.2f}", flush=True)
    print(f"{time.process_time() - start:.0f} CPU seconds, {BOARDS} boards a figure")


if __name__ == "__main__":
    main()
