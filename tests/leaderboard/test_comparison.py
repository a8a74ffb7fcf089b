"""Rows compared: what is asked, what does not depend on the order, how often intervals hold."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.cli.leaderboard import declared_tasks
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.aligned import Aligned
from rnaernie_bench.leaderboard.comparison import Comparison, Options, compare
from rnaernie_bench.leaderboard.kept import read_statistics, with_statistics
from rnaernie_bench.leaderboard.paired import mcnemar
from rnaernie_bench.leaderboard.selection import find_records, load_aligned, other_scores, select
from rnaernie_bench.leaderboard.tables import build
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.results.predictions import hash_ids

Predicted = list[list[list[int]]]
SHIPPED = Path(__file__).parents[2] / "results"


def outcomes(
    labels: list[int], predicted: Predicted, groups: list[str] | None = None, fixed: str = ""
) -> Aligned:
    """Make outcomes from the predicted classes by row and run, certain at 0.8.

    Rows whose place stands in `fixed` do not depend on seeds.
    """
    classes = max(max(labels), *(c for row in predicted for run in row for c in run)) + 1
    table = np.log(np.full((classes, classes), 0.2 / (classes - 1)) + np.eye(classes) * 0.6)
    return Aligned(
        answer=MULTICLASS,
        ids=hash_ids(map(str, range(len(labels)))),
        groups=groups or [""] * len(labels),
        truth=np.array(labels, np.int16),
        run_ids=[[f"{r}{s}" for s in range(len(row))] for r, row in enumerate(predicted)],
        predicted=[[MULTICLASS.pack(table[run]) for run in row] for row in predicted],
        fixed=[str(place) in fixed for place in range(len(predicted))],
    )


def flipped(labels: list[int], wrong: range) -> list[int]:
    return [1 - label if index in wrong else label for index, label in enumerate(labels)]


LABELS = [0, 1] * 20
QUICK = Options(metric="accuracy", n_resamples=1000)


def test_two_runs_are_compared_as_they_are() -> None:
    good, bad = flipped(LABELS, range(2)), flipped(LABELS, range(1, 12))
    found = compare(outcomes(LABELS, [[good], [bad]]), QUICK)
    [pair] = found.pairs
    assert [row.value for row in found.rows] == pytest.approx([38 / 40, 29 / 40])
    assert pair.difference == pytest.approx(9 / 40)
    assert pair.low < pair.difference < pair.high
    assert (pair.only_first, pair.only_second, pair.odds_ratio) == (10, 1, 7)
    right = [np.array(run) == LABELS for run in (good, bad)]
    assert (pair.test, pair.p, pair.mid_p) == ("mcnemar", *_p(right))
    f1 = compare(outcomes(LABELS, [[good], [bad]]), Options(n_resamples=2000))
    assert f1.pairs[0].test == "permutation"
    assert f1.pairs[0].p == pytest.approx(pair.p, abs=0.01)


def _p(right: list[np.ndarray]) -> tuple[float, float]:
    found = mcnemar(*right)
    return found.p, found.mid_p


@pytest.mark.parametrize("metric", ["macro_f1", "mcc", "ece", "auroc"])
def test_the_order_of_rows_changes_signs_and_nothing_else(metric: str) -> None:
    rows = [
        [flipped(LABELS, range(4))],
        [flipped(LABELS, range(3, 13)), flipped(LABELS, range(3, 9))],
        [flipped(LABELS, range(20, 26))],
    ]
    whole, options = outcomes(LABELS, rows), Options(metric=metric, n_resamples=300)
    order = [2, 0, 1]
    turned = Aligned(
        whole.answer, whole.ids, whole.groups, whole.truth,
        [whole.run_ids[row] for row in order], [whole.predicted[row] for row in order], [False] * 3,
    )  # fmt: skip
    one, other = compare(whole, options), compare(turned, options)
    for place, row in zip((1, 2, 0), one.rows, strict=True):
        assert astuple(other.rows[place]) == pytest.approx(astuple(row))
    pairs = {(order[p.first], order[p.second]): p for p in other.pairs}
    for pair in one.pairs:
        same = pairs.get((pair.first, pair.second))
        turned_pair = same or pairs[pair.second, pair.first]
        sign = 1 if same else -1
        assert pair.difference == sign * turned_pair.difference
        assert pair.p == pytest.approx(turned_pair.p)
        ends = sorted([sign * turned_pair.low, sign * turned_pair.high])
        assert [pair.low, pair.high] == pytest.approx(ends)


def test_equal_predictions_do_not_differ() -> None:
    run = flipped(LABELS, range(6))
    [pair] = compare(outcomes(LABELS, [[run], [run, run]]), QUICK).pairs
    assert (pair.difference, pair.low, pair.high, pair.p, pair.odds_ratio) == (0, 0, 0, 1, 1)


def test_runs_that_no_seed_moves_count_once() -> None:
    run, other = flipped(LABELS, range(6)), flipped(LABELS, range(8))
    found = compare(outcomes(LABELS, [[run, run, run], [other]], fixed="01"), QUICK)
    assert [row.distinct_runs for row in found.rows] == [1, 1]
    assert found.pairs[0].test == "mcnemar"


def test_a_lucky_seed_does_not_decide() -> None:
    # The items leave no doubt that the mean over these runs is ahead; the seeds leave much.
    wide = [flipped(LABELS * 10, range(n)) for n in (0, 40, 190)]
    narrow = [flipped(LABELS * 10, range(n)) for n in (110, 112, 114)]
    found = compare(outcomes(LABELS * 10, [wide, narrow]), QUICK)
    [pair] = found.pairs
    assert (pair.test, pair.mid_p) == ("t", None)
    assert pair.degrees == pytest.approx(2, abs=0.2)
    assert pair.low is not None and pair.high is not None and pair.p is not None
    assert pair.low < 0 < pair.difference < pair.high
    assert pair.p > 0.3
    # The interval of a row holds its seeds as well, and stays where accuracies are.
    [row, _] = found.rows
    assert row.low is not None and row.high is not None
    assert 0 < row.low < 1 - 190 / 400 and 0.9 < row.high < 1
    # Further rows of the board tell what seeds do.
    others = [[0.5, 0.501, 0.502], [0.3, 0.301, 0.299]]
    [_, alone] = compare(outcomes(LABELS * 10, [wide, narrow[:1]]), QUICK, others=others).rows
    assert alone.distinct_runs == 1


def test_relatives_widen_the_interval() -> None:
    labels = [0, 1] * 40
    runs = [[flipped(labels, range(0))], [flipped(labels, range(20))]]
    groups = [f"g{index // 10}" for index in range(80)]

    def width(found: Comparison) -> float:
        [pair] = found.pairs
        assert pair.low is not None and pair.high is not None
        return pair.high - pair.low

    items = compare(outcomes(labels, runs, groups), QUICK)
    whole = compare(
        outcomes(labels, runs, groups), Options(metric="accuracy", by="group", n_resamples=1000)
    )
    assert (items.n_units, whole.n_units, whole.n) == (80, 8, 80)
    assert width(whole) > 2 * width(items)
    p_values = [found.pairs[0].p or 0 for found in (items, whole)]
    assert p_values[0] < 0.001 < 0.3 < p_values[1]  # 2 of 8 groups differ


def test_auroc_needs_two_classes_and_names_are_checked() -> None:
    case = outcomes([0, 1, 2], [[[0, 1, 2]], [[0, 1, 1]]])
    for metric in ("auroc", "macro_f2"):
        with pytest.raises(ResultError, match=f"{metric} cannot be compared on .* of 3 classes"):
            compare(case, Options(metric=metric))


def simulated(generator: np.random.Generator, seeds: int, n: int = 120) -> Aligned:
    """Draw two recipes of equal accuracy: items, seeds and chance each have their effect."""
    difficulty = generator.normal(size=n)
    rows = []
    for _ in range(2):
        skill = generator.normal(0.7, 0.8 if seeds > 1 else 0, size=seeds)
        own = generator.normal(0, 0.3, size=n)  # what this recipe finds hard
        chance = 1 / (1 + np.exp(-(skill[:, None] + difficulty + own)))
        rows.append([list(run) for run in (generator.random((seeds, n)) > chance).astype(int)])
    return outcomes([0] * (n - 1) + [1], [[[*run[:-1], 1] for run in row] for row in rows])


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    options = Options(metric="accuracy", n_resamples=250)
    trials = 150
    held = positive = 0
    for _ in range(trials):
        [pair] = compare(simulated(generator, seeds), options).pairs
        assert pair.low is not None and pair.high is not None and pair.p is not None
        held += pair.low <= 0 <= pair.high
        positive += pair.p <= 0.05
    # 95 % of 150, give or take three standard errors of 1.8 points; more is no harm.
    assert held / trials > 0.895
    assert positive / trials < 0.105


def test_committed_records_say_what_their_predictions_do() -> None:
    found = find_records(SHIPPED, SHIPPED / "none")
    info = declared_tasks()["sirna"]
    records = [run.record for run in found if run.record["task"]["name"] == "sirna"]
    tables = build(records, tasks={"sirna": info})
    boards = [
        (table, [row for row in table.rows if len(row.seeds) > 1 and row.seeded][:2])
        for table in with_statistics(tables, records, read_statistics(SHIPPED))
    ]
    table, several = next(board for board in boards if len(board[1]) == 2)
    rows = [select("+".join(row.run_ids), found) for row in several]
    metric, part = info.main_metric, table.key.part
    compared = compare(
        load_aligned(rows, part),
        Options(metric=metric, by=info.by),
        others=other_scores(rows, found, part, metric),
    )
    for shown, score in zip(several, compared.rows, strict=True):
        cell = shown.metrics[metric]
        assert score.value == pytest.approx(cell.mean, abs=1e-6)
        # One interval, here and in the table: seeds of all rows of the board tell what seeds do.
        assert (score.low, score.high) == pytest.approx((cell.low, cell.high), abs=1e-4)
    gap = several[0].metrics[metric].mean - several[1].metrics[metric].mean
    assert compared.pairs[0].difference == pytest.approx(gap, abs=1e-6)
