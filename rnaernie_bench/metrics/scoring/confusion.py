"""Metrics of classes, vectorised over confusion matrices.

The metrics follow torchmetrics (and scikit-learn where they agree): 0/0 counts as 0, and a class
found neither among the labels nor among the predictions is left out of the macro averages. Tests
compare the three.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.scoring.composites import CALIBRATION_BINS
from rnaernie_bench.metrics.scoring.composites import ratio as _ratio

FROM_COUNTS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")
"""The metrics that `metrics_from_counts` gives: which class is chosen decides them."""

_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


def confusion_matrix(labels: Integers, predictions: Integers, n_classes: int) -> Integers:
    """Count the items by true class (row) and predicted class (column).

    Args:
        labels: shape (n,), 0-based.
        predictions: shape (n,), 0-based.
        n_classes: number of classes.

    Returns:
        Shape (n_classes, n_classes).

    Raises:
        ValueError: a class is out of range.
    """
    cells = labels.astype(np.int64) * n_classes + predictions
    if not all(((a >= 0) & (a < n_classes)).all() for a in (labels, predictions)):
        raise ValueError(f"a class is outside 0..{n_classes - 1}")
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def per_class_metrics(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return precision, recall, F1 and support of each class.

    Args:
        confusion: shape (..., classes, classes), true classes as rows.

    Returns:
        Arrays of shape (..., classes) under `precision`, `recall`, `f1` and `support`.
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, support),
        "f1": _ratio(2 * hits, support + predicted),
        "support": support,
    }


def classification_metrics(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return accuracy, macro precision, recall and F1, and Matthews correlation.

    The correlation is the multi-class R_K of Gorodkin (2004, doi
    10.1016/j.compbiolchem.2004.09.006), 0 where labels or predictions are all of one class.

    Args:
        confusion: shape (..., classes, classes), true classes as rows.

    Returns:
        Arrays of the shape of the leading axes, by name.
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return metrics_from_counts(hits, confusion.sum(axis=-1), confusion.sum(axis=-2))


def metrics_from_counts(hits: Floats, support: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return what `classification_metrics` does, from what it needs of a confusion matrix.

    Args:
        hits: shape (..., classes), items of each class that were recognised.
        support: shape (..., classes), items of each class.
        predicted: shape (..., classes), items that each class was predicted for.
    """
    total, right = support.sum(axis=-1), hits.sum(axis=-1)
    per_class = {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, support),
        "f1": _ratio(2 * hits, support + predicted),
    }
    present = ((support + predicted) > 0).sum(axis=-1)
    macro = {f"macro_{name}": _ratio(v.sum(axis=-1), present) for name, v in per_class.items()}
    covariance = right * total - (support * predicted).sum(axis=-1)
    spread = (total**2 - (support**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return {
        "accuracy": _ratio(right, total),
        **macro,
        "mcc": _ratio(covariance, np.sqrt(spread)),
    }


def calibration_gaps(
    labels: Integers, scores: npt.NDArray[np.floating], n_classes: int
) -> tuple[Integers, Integers, Floats]:
    """Return each item's prediction, calibration bin, and hit (0 or 1) minus top probability.

    The calibration error is the mean over items of the sums of the latter a bin, taken absolute.

    Args:
        labels: shape (n,), n > 0.
        scores: shape (n, n_classes), log-probabilities up to a constant a row.
        n_classes: number of classes.

    Returns:
        Three arrays of shape (n,); bins count from 0 to `CALIBRATION_BINS`.

    Raises:
        ValueError: no items, or shapes that do not fit.
    """
    if not len(labels) or scores.shape != (len(labels), n_classes):
        raise ValueError(f"{len(labels)} labels and scores of shape {scores.shape} do not fit")
    predictions = scores.argmax(axis=1)
    logits = scores.astype(np.float64)
    top = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
    bins = np.searchsorted(_EDGES, top, side="right") - 1
    return predictions, bins, (predictions == labels) - top
