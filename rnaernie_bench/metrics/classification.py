"""Metrics over the scores of a whole part: one report function a problem type.

A report function takes every item of a part at once, so nothing is averaged over batches and no
item is dropped. Precision, recall, F1 and calibration come from torchmetrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.metrics.scoring.composites import CALIBRATION_BINS
from rnaernie_bench.metrics.scoring.confusion import classification_metrics


@dataclass(frozen=True)
class ClassScores:
    """How well one class is found."""

    precision: float
    recall: float
    f1: float
    support: int
    """Items that truly are of the class."""


@dataclass(frozen=True)
class ClassificationReport:
    """The metrics of one part of a multiclass task."""

    metrics: Mapping[str, float]
    """By name."""
    per_class: Mapping[str, ClassScores]
    """By label, in the task's order."""
    confusion: np.ndarray
    """Counts, int64 (classes, classes): rows are the truth, columns the prediction."""


def classification_report(
    scores: np.ndarray, labels: np.ndarray, label_names: Sequence[str]
) -> ClassificationReport:
    """Score multiclass predictions, the class with the highest score being predicted.

    The macro averages leave out classes that neither occur nor are predicted. A class that is
    never predicted has precision 0, one that never occurs has recall 0. The expected calibration
    error is the l1 gap between confidence and accuracy of the predicted class over
    `CALIBRATION_BINS` equal-width bins (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    Args:
        scores: (n, classes) logits or log-probabilities, in any float type.
        labels: (n,) true classes, as indices into `label_names`.
        label_names: the classes in the task's order.

    Raises:
        BenchError: if scores are NaN or infinite.
        ValueError: if the arguments do not fit each other.
    """
    scores = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(labels)
    classes = len(label_names)
    _check(scores, labels, classes)

    import torch
    from torchmetrics.functional.classification import (
        binary_calibration_error,
        multiclass_confusion_matrix,
        multiclass_f1_score,
        multiclass_precision,
        multiclass_recall,
    )

    predicted = scores.argmax(axis=1)
    pair = torch.from_numpy(predicted), torch.from_numpy(labels.astype(np.int64))
    confusion = multiclass_confusion_matrix(*pair, num_classes=classes).numpy()

    # The error of the top class is a binary one: confidence against being right. Feeding it so,
    # instead of the whole matrix, keeps torchmetrics from guessing whether these are logits.
    confidence = np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1) ** -1.0
    right = predicted == labels
    metrics = {
        "accuracy": float(right.mean()),
        "macro_precision": _seven_decimals(multiclass_precision(*pair, classes, "macro")),
        "macro_recall": _seven_decimals(multiclass_recall(*pair, classes, "macro")),
        "macro_f1": _seven_decimals(multiclass_f1_score(*pair, classes, "macro")),
        # torchmetrics 1.9 gives a constant predictor on two classes up to .5 instead of 0.
        "mcc": float(classification_metrics(confusion)["mcc"]),
        "ece": _seven_decimals(
            binary_calibration_error(
                torch.from_numpy(confidence),
                torch.from_numpy(right.astype(np.int64)),
                n_bins=CALIBRATION_BINS,
                norm="l1",
            )
        ),
    }
    columns = (
        multiclass_precision(*pair, classes, "none"),
        multiclass_recall(*pair, classes, "none"),
        multiclass_f1_score(*pair, classes, "none"),
        confusion.sum(axis=1),
    )
    per_class = {
        name: ClassScores(
            _seven_decimals(precision), _seven_decimals(recall), _seven_decimals(f1), int(support)
        )
        for name, precision, recall, f1, support in zip(label_names, *columns, strict=True)
    }
    return ClassificationReport(metrics, per_class, confusion)


def _check(scores: np.ndarray, labels: np.ndarray, classes: int) -> None:
    if scores.ndim != 2 or scores.shape[1] != classes or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"scores {scores.shape} and labels {labels.shape} do not fit {classes} classes"
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be indices of the {classes} classes, and at least one")
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise BenchError(
            f"{broken} of {len(scores)} items have NaN or infinite scores",
            remedy="train with a lower learning rate or in full precision",
        )


def _seven_decimals(value: object) -> float:
    """Bring a float32 result to the seven decimals it knows."""
    return round(float(value), 7)  # type: ignore[arg-type]
