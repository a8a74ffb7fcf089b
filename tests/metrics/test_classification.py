from __future__ import annotations

import math

import numpy as np
import pytest

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.classification import classification_report

NAMES = ("tRNA", "5S", "IRES")


def scores_of(predictions: list[int], *, classes: int = 3) -> np.ndarray:
    """Logits that put .9 on the predicted class."""
    probabilities = np.full((len(predictions), classes), 0.1 / (classes - 1))
    probabilities[np.arange(len(predictions)), predictions] = 0.9
    return np.log(probabilities)


def test_hand_computed_report() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    report = classification_report(scores_of([0, 0, 1, 1, 1, 0]), truth, NAMES)

    assert report.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    trna, five_s, ires = (report.per_class[name] for name in NAMES)
    assert (trna.precision, trna.recall, trna.support) == pytest.approx((2 / 3, 2 / 3, 3))
    assert (five_s.precision, five_s.recall, five_s.f1) == pytest.approx((2 / 3, 1, 0.8))
    assert (ires.precision, ires.recall, ires.f1, ires.support) == (0, 0, 0, 1)
    assert tuple(report.metrics) == ANSWERS["multiclass"].metrics
    # MCC: s = 6, c = 4, truth (3, 2, 1), predicted (3, 3, 0) give (24 - 15) / sqrt(22 * 18).
    expected = {
        "accuracy": 4 / 6,
        "macro_precision": (2 / 3 + 2 / 3 + 0) / 3,
        "macro_recall": (2 / 3 + 1 + 0) / 3,
        "macro_f1": (2 / 3 + 0.8 + 0) / 3,
        "mcc": 9 / math.sqrt(22 * 18),
        "ece": 0.9 - 4 / 6,
    }
    assert report.metrics == pytest.approx(expected, abs=1e-6)


def test_calibration_error_is_taken_bin_by_bin() -> None:
    # Confidence .9 and right half the time, .5 and always right: .5 * .4 + .5 * .5.
    scores = np.log([[0.9, 0.1], [0.9, 0.1], [0.5001, 0.4999], [0.5001, 0.4999]])
    report = classification_report(scores, np.array([0, 1, 0, 0]), ("no", "yes"))
    assert report.metrics["ece"] == pytest.approx(0.45, abs=1e-4)


def test_logits_between_0_and_1_are_not_taken_for_probabilities() -> None:
    report = classification_report(np.array([[0.0, 1.0]] * 4), np.ones(4, int), ("no", "yes"))
    assert report.metrics["ece"] == pytest.approx(1 - 1 / (1 + math.exp(-1)))


def test_a_class_nobody_has_or_predicts_is_left_out_of_the_macro_averages() -> None:
    report = classification_report(scores_of([0, 1, 1]), np.array([0, 1, 1]), NAMES)
    assert report.metrics["macro_f1"] == 1.0
    assert report.per_class["IRES"].support == 0


@pytest.mark.parametrize("truth", [[1] * 8 + [0] * 2, [1] * 10])
def test_a_constant_predictor_has_no_correlation(truth: list[int]) -> None:
    report = classification_report(scores_of([1] * 10, classes=2), np.array(truth), ("no", "yes"))
    assert report.metrics["mcc"] == 0.0


def test_broken_scores_are_counted() -> None:
    scores = scores_of([0, 1, 2, 0])
    scores[1, 2] = np.nan
    scores[3] = -np.inf
    with pytest.raises(BenchError, match="2 of 4 items have NaN or infinite scores"):
        classification_report(scores, np.array([0, 1, 2, 0]), NAMES)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (np.zeros((2, 3)), np.array([0])),
        (np.zeros((2, 2)), np.array([0, 1])),
        (np.zeros((2, 3)), np.array([0, 3])),
        (np.zeros((2, 3)), np.array([-100, 1])),
        (np.zeros((0, 3)), np.array([], int)),
    ],
)
def test_arguments_that_do_not_fit(scores: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="classes"):
        classification_report(scores, labels, NAMES)
