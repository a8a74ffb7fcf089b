"""Metrics of classes, vectorised over confusion matrices.

A class that is not among the labels defines nothing, and is left out of the macro averages, whether
or not it is predicted: to be told apart from classes that are there, and to make a resample that
lacks a class no worse than one that has it. A class that is there but never predicted has precision
0: to leave it out would reward models that never name it. Where all classes occur, the metrics are
those of torchmetrics and scikit-learn; tests compare the three.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.scoring.composites import CALIBRATION_BINS, mean_defined, ratio

FROM_COUNTS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")
"""The metrics that `from_counts` gives: which class is chosen decides them."""

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
    labels, predictions = labels.astype(np.int64), predictions.astype(np.int64)
    cells = labels * n_classes + predictions
    if not all(((a >= 0) & (a < n_classes)).all() for a in (labels, predictions)):
        raise ValueError(f"a class is outside 0..{n_classes - 1}")
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def per_class_metrics(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return precision, recall, F1 and support of each class.

    Args:
        confusion: shape (..., classes, classes), true classes as rows.

    Returns:
        Arrays of shape (..., classes) under `precision`, `recall`, `f1` and `support`, the first
        three nan for a class without support.
    """
    hits, support, predicted = _margins(confusion)
    return {**_per_class(hits, support, predicted), "support": support}


def by_class(truth: npt.NDArray[Any], decided: Integers, labels: Sequence[str]) -> dict[str, Any]:
    """Return ``confusion`` and ``per_class`` of a record; None of a class that does not occur.

    Args:
        truth: shape (n,), nan where unknown.
        decided: shape (n,).
        labels: names of the classes.
    """
    known = ~np.isnan(truth)
    confusion = confusion_matrix(truth[known], decided[known], len(labels))
    found = per_class_metrics(confusion)
    support = found.pop("support").astype(int)
    per_class = {
        label: {
            **{name: float(v[place]) if support[place] else None for name, v in found.items()},
            "support": int(support[place]),
        }
        for place, label in enumerate(labels)
    }
    return {"confusion": confusion.tolist(), "per_class": per_class}


def classification_metrics(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return accuracy, macro precision, recall and F1, and Matthews correlation.

    The correlation is the multi-class R_K of Gorodkin (2004, doi
    10.1016/j.compbiolchem.2004.09.006), nan where labels or predictions are all of one class.

    Args:
        confusion: shape (..., classes, classes), true classes as rows.

    Returns:
        Arrays of the shape of the leading axes, by name.
    """
    margins = _margins(confusion)
    shape, classes = margins[0].shape[:-1], margins[0].shape[-1]
    flat = [margin.reshape(-1, classes) for margin in margins]
    return {name: mean_defined(from_counts(name, *flat)).reshape(shape) for name in FROM_COUNTS}


def from_counts(metric: str, hits: Floats, support: Floats, predicted: Floats) -> Floats:
    """Return one of `FROM_COUNTS`, (r,), or what each class has of a macro average, (r, classes).

    Args:
        metric: its name.
        hits: shape (r, classes), items of each class that were recognised.
        support: shape (r, classes), items of each class.
        predicted: shape (r, classes), items that each class was predicted for.
    """
    if metric.startswith("macro_"):
        return _per_class(hits, support, predicted)[metric.removeprefix("macro_")]
    total, right = support.sum(axis=-1), hits.sum(axis=-1)
    if metric == "accuracy":
        return ratio(right, total)
    covariance = right * total - (support * predicted).sum(axis=-1)
    spread = (total**2 - (support**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return ratio(covariance, np.sqrt(np.maximum(spread, 0)))


def _margins(confusion: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return hits, support and predictions of each class, shape (..., classes) each."""
    table = np.asarray(confusion, dtype=np.float64)
    return np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-1), table.sum(axis=-2)


def _per_class(hits: Floats, support: Floats, predicted: Floats) -> dict[str, Floats]:
    """Return precision, recall and F1 of each class, nan for one without support."""
    there = support > 0
    return {
        "precision": ratio(hits, np.where(there, np.maximum(predicted, 1), 0)),
        "recall": ratio(hits, support),
        "f1": ratio(2 * hits, np.where(there, support + predicted, 0)),
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
