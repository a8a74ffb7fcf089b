from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.aligned import Outcomes
from rnaernie_bench.leaderboard.comparison import Options, compare
from rnaernie_bench.metrics.answers.structures import (
    STRUCTURE_METRICS,
    StructurePredictions,
    breakdown,
    evaluate_structures,
    structure_intervals,
    structure_scorer,
)
from rnaernie_bench.metrics.resampling import alike
from rnaernie_bench.results.predictions import read_predictions, write_predictions
from rnaernie_bench.structure.scores import COUNTS


def counts(*rows: tuple[int, int, int]) -> np.ndarray:
    """Return the counts of sequences of 50 bases: predicted, reference and right pairs."""
    full = [(50, p, r, c, c, c, p, r, c) for p, r, c in rows]
    return np.array(full, dtype=COUNTS)


TWO = counts((4, 4, 4), (4, 4, 2))
"""F1 of 1 and .5."""


def predictions(found: np.ndarray) -> StructurePredictions:
    n = len(found)
    return StructurePredictions(
        ids=np.arange(n, dtype=np.uint64),
        groups=["a", "b", ""][:n],
        counts=found,
        parts={"test": np.ones(n, dtype=bool)},
    )


def test_metrics_are_means_over_sequences_and_pooled() -> None:
    found = evaluate_structures(counts((4, 4, 4), (0, 4, 0), (0, 0, 0)))
    assert tuple(found) == STRUCTURE_METRICS
    assert found["f1"] == found["precision"] == found["recall"] == 0.5  # of two: one is undefined
    assert found["pooled_f1"] == pytest.approx(2 * 4 / (4 + 8))
    assert evaluate_structures(counts((0, 0, 0)))["f1"] == 0


def test_kinds_of_pairs_and_bands_of_identity_by_hand() -> None:
    """One sequence with a crossing pair of two, which is missed; one without a pair; one right."""
    found = np.array(
        [(50, 4, 6, 3, 3, 3, 4, 4, 3), (50, 0, 0, 0, 0, 0, 0, 0, 0), (50, 2, 2, 2, 2, 2, 2, 2, 2)],
        dtype=COUNTS,
    )
    told = breakdown(found, np.array([0.0, 0.85, 0.8], dtype=np.float32))
    assert told["pairs"] == {
        "nested": {"n": 2, "f1": (0.75 + 1) / 2, "pooled_f1": 5 / 6},
        "pseudoknotted": {"n": 1, "f1": 0.0, "pooled_f1": 0.0},
    }
    first = pytest.approx(2 * 3 / 10)
    assert told["identity"] == {
        "< 0.6": {"n": 1, "f1": first, "pooled_f1": first},
        "0.8 to < 0.9": {"n": 1, "f1": 1.0, "pooled_f1": 1.0},
    }
    assert breakdown(found[1:2], None) == {
        "pairs": {kind: {"n": 0, "f1": None, "pooled_f1": None} for kind in told["pairs"]}
    }


def test_predictions_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    write_predictions(path, predictions(TWO))
    found = read_predictions(path)
    assert isinstance(found, StructurePredictions)
    np.testing.assert_array_equal(found.counts, TWO)
    assert found.groups == ["a", "b"]
    assert found.right.tolist() == [1.0, 0.5]
    assert (found.parts["test"]).all()


@pytest.mark.parametrize(
    "wrong", [counts((4, 4, 5)), counts((26, 4, 4)), counts((2, 4, 3)), counts((4, 4, -1))]
)
def test_counts_that_contradict_each_other_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pairs are right|paired twice"):
        predictions(wrong)


def test_intervals_hold_the_value_and_follow_from_the_seed() -> None:
    found = counts(*[(4, 4, right) for right in (0, 1, 2, 3, 4)] * 8)
    value, intervals = evaluate_structures(found), structure_intervals(found)
    assert intervals == structure_intervals(found)
    for name in STRUCTURE_METRICS:
        low, high = intervals[name]
        assert low < value[name] < high


def test_a_composite_takes_items_of_both_runs() -> None:
    other = counts((4, 4, 0), (4, 4, 0))
    scorer = structure_scorer("f1", [TWO, other], alike(np.arange(2)))
    kept, moved = np.array([[1, 0]]), np.array([[0, 1]])
    assert scorer.score({0: kept, 1: moved}).tolist() == [0.5]  # F1 of 1 and of 0
    assert scorer.score({0: kept + moved}).tolist() == [0.75]


def outcomes(*runs: np.ndarray) -> Outcomes:
    n = len(runs[0])
    return Outcomes(
        ids=np.arange(n, dtype=np.uint64),
        groups=[""] * n,
        labels=runs[0]["reference"],
        run_ids=[[str(index)] for index in range(len(runs))],
        scores=[[run] for run in runs],
    )


def test_rows_of_structures_are_tested_by_permutation() -> None:
    better, worse = counts(*[(4, 4, 4)] * 12), counts(*[(4, 4, 2)] * 12)
    found = compare(outcomes(better, worse), Options(metric="f1", n_resamples=500))
    (pair,) = found.pairs
    assert (pair.test, pair.difference, pair.mid_p) == ("permutation", 0.5, None)
    assert (pair.only_first, pair.only_second) == (12, 0)
    assert pair.p < 0.01
    assert [row.value for row in found.rows] == [1.0, 0.5]


def test_metrics_of_classes_are_refused() -> None:
    with pytest.raises(ResultError, match="macro_f1 cannot be compared on structures"):
        compare(outcomes(TWO, TWO), Options(metric="macro_f1"))
