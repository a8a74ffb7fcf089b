"""Metrics by hand and against torchmetrics and scikit-learn; properties of the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.scoring.confusion import (
    calibration_gaps,
    classification_metrics,
    confusion_matrix,
    per_class_metrics,
)
from tests import answer_kit


def evaluate(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    return answer_kit.evaluate(MULTICLASS, labels, MULTICLASS.pack(scores))


def log_softmax(scores: np.ndarray) -> np.ndarray:
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def random_case(seed: int, n: int, n_classes: int, used: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and float16 scores of which only the first `used` classes occur."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(used, size=n)
    scores = rng.normal(size=(n, n_classes))
    scores[np.arange(n), labels] += 1
    scores[:, used:] -= 30
    return labels, log_softmax(scores).astype(np.float16)


def test_confusion_by_hand() -> None:
    confusion = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_class_out_of_range_is_an_error(wrong: int) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.2"):
        confusion_matrix(np.array([0, wrong]), np.array([0, 0]), 3)


def test_metrics_by_hand() -> None:
    # Class 0: precision 2/2, recall 2/3; class 1: precision 1/2, recall 1/1; class 2 is absent.
    confusion = np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    table = per_class_metrics(confusion)
    assert table["precision"] == pytest.approx([1, 0.5, np.nan], nan_ok=True)
    assert table["recall"] == pytest.approx([2 / 3, 1, np.nan], nan_ok=True)
    assert table["f1"] == pytest.approx([0.8, 2 / 3, np.nan], nan_ok=True)
    assert table["support"].tolist() == [3, 1, 0]
    metrics = classification_metrics(confusion)
    assert metrics["accuracy"] == 0.75
    assert metrics["macro_precision"] == 0.75
    assert metrics["macro_recall"] == pytest.approx(5 / 6)
    assert metrics["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    # (3 x 4 - (3 x 2 + 1 x 2)) / sqrt((16 - 10) (16 - 8))
    assert metrics["mcc"] == pytest.approx(4 / np.sqrt(48))


def test_a_class_that_is_only_predicted_is_left_out_and_one_never_predicted_counts_0() -> None:
    metrics = classification_metrics([[1, 1], [0, 0]])
    assert metrics["macro_f1"] == pytest.approx(2 / 3)
    assert np.isnan(metrics["mcc"])
    never = classification_metrics([[1, 0], [1, 0]])
    assert never["macro_precision"] == pytest.approx((1 / 2 + 0) / 2)
    assert never["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.int64, (4, 4), elements=st.integers(0, 50)))
def test_matthews_correlation_is_the_correlation_of_indicators(confusion: np.ndarray) -> None:
    truth, predicted = np.nonzero(np.ones_like(confusion))
    weights = confusion[truth, predicted]
    x = np.repeat(np.eye(4)[truth], weights, axis=0)
    y = np.repeat(np.eye(4)[predicted], weights, axis=0)
    x, y = x - x.sum(0) / max(len(x), 1), y - y.sum(0) / max(len(y), 1)
    spread = (x * x).sum() * (y * y).sum()
    expected = (x * y).sum() / math.sqrt(spread) if spread > 1e-9 else np.nan
    found = float(classification_metrics(confusion)["mcc"])
    assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_leading_axes_are_independent() -> None:
    confusions = np.arange(24).reshape(2, 3, 2, 2)
    together = classification_metrics(confusions)
    for i, j in np.ndindex(2, 3):
        for name, value in classification_metrics(confusions[i, j]).items():
            assert together[name][i, j] == pytest.approx(value, abs=1e-12, nan_ok=True)


def test_calibration_error_by_hand() -> None:
    # Top probabilities .625 (hit), .625 (miss) share a bin; .75 (hit) has its own.
    scores = np.log([[0.625, 0.375], [0.625, 0.375], [0.25, 0.75]])
    ece = evaluate(np.array([0, 1, 1]), scores)["ece"]
    assert ece == pytest.approx((abs(1 - 1.25) + abs(1 - 0.75)) / 3, abs=1e-3)  # half precision


@pytest.mark.parametrize(("n", "n_classes", "used"), [(200, 13, 13), (50, 5, 3), (7, 4, 4)])
def test_agrees_with_torchmetrics(n: int, n_classes: int, used: int) -> None:
    import torch
    from torchmetrics import classification

    labels, scores = random_case(n, n, n_classes, used)
    target, logits = torch.from_numpy(labels), torch.from_numpy(scores.astype(np.float32))
    expected = {
        "accuracy": classification.MulticlassAccuracy(n_classes, average="micro"),
        "macro_precision": classification.MulticlassPrecision(n_classes),
        "macro_recall": classification.MulticlassRecall(n_classes),
        "macro_f1": classification.MulticlassF1Score(n_classes),
        "mcc": classification.MulticlassMatthewsCorrCoef(n_classes),
        "ece": classification.MulticlassCalibrationError(n_classes, n_bins=15, norm="l1"),
    }
    ours = evaluate(labels, scores)
    assert tuple(ours) == MULTICLASS.metrics == tuple(expected)
    for name, metric in expected.items():
        assert ours[name] == pytest.approx(metric(logits, target).item(), abs=1e-6), name


def test_probabilities_of_one_are_binned_as_by_torchmetrics() -> None:
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    # The first two are certain, a bin of their own; the third lies in the bin below.
    scores = np.log([[1, 1e-300], [1, 1e-300], [0.98, 0.02]])
    expected = binary_calibration_error(
        torch.tensor([1.0, 1.0, 0.98], dtype=torch.float64), torch.tensor([0, 1, 1]), n_bins=15
    )
    ece = evaluate(np.array([1, 0, 0]), scores)["ece"]
    assert ece == pytest.approx((abs(1 - 2) + abs(1 - 0.98)) / 3, abs=1e-3)
    assert ece == pytest.approx(expected.item(), abs=1e-3)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=30, deadline=None)
@given(data=st.data(), n=st.integers(1, 30))
def test_agrees_with_scikit_learn(data: st.DataObject, n: int) -> None:
    from sklearn import metrics

    classes = st.lists(st.integers(0, 4), min_size=n, max_size=n)
    true, predicted = data.draw(classes), data.draw(classes)
    ours = classification_metrics(confusion_matrix(np.array(true), np.array(predicted), 5))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        true, predicted, labels=sorted(set(true)), average="macro", zero_division=0
    )
    assert ours["macro_precision"] == pytest.approx(precision)
    assert ours["macro_recall"] == pytest.approx(recall)
    assert ours["macro_f1"] == pytest.approx(f1)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted))
    if len(set(true)) > 1 < len(set(predicted)):
        assert ours["mcc"] == pytest.approx(metrics.matthews_corrcoef(true, predicted))


@pytest.mark.parametrize("shape", [(0, 3), (4, 2), (3, 3)])
def test_shapes_that_do_not_fit_are_an_error(shape: tuple[int, int]) -> None:
    labels = np.zeros(0 if shape[0] == 0 else 4, int)
    with pytest.raises(ValueError, match="do not fit"):
        calibration_gaps(labels, np.zeros(shape), 3)
