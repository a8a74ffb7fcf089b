"""Classification metrics and their bootstrap intervals, vectorised over confusion matrices.

The metrics follow torchmetrics (and scikit-learn where they agree): 0/0 counts as 0, and a class
found neither among the labels nor among the predictions is left out of the macro averages. Tests
compare the three.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "ece")
"""Names of the classification metrics of a record."""

CALIBRATION_BINS = 15
"""Equal-width bins of the expected calibration error, as in Guo et al. 2017."""

_EDGES = np.linspace(0, 1, CALIBRATION_BINS + 1)
_BLOCK = 1 << 21
"""Items drawn at once while resampling: bounds the memory to some tens of megabytes."""

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
        raise ValueError(f"a class lies outside 0..{n_classes - 1}")
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
        Arrays of the shape of the leading axes, by the names in `METRICS` (all but `ece`).
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


def evaluate(
    labels: Integers, scores: npt.NDArray[np.floating], n_classes: int
) -> dict[str, float]:
    """Return every metric in `METRICS` for the predictions `argmax(scores)`.

    The expected calibration error is that of Guo et al. (2017, arXiv 1706.04599) over 15 equal bins
    of the top probability, a probability of exactly 1 in a bin of its own as torchmetrics has it.

    Args:
        labels: shape (n,), n > 0.
        scores: shape (n, n_classes), log-probabilities up to a constant a row.
        n_classes: number of classes.

    Raises:
        ValueError: no items, or shapes that do not fit.
    """
    predictions, bins, gaps = calibration_gaps(labels, scores, n_classes)
    confusion = confusion_matrix(labels, predictions, n_classes)
    metrics = {name: float(v) for name, v in classification_metrics(confusion).items()}
    return metrics | {"ece": float(np.abs(np.bincount(bins, gaps)).sum() / len(labels))}


def bootstrap_intervals(
    labels: Integers,
    scores: npt.NDArray[np.floating],
    n_classes: int,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals over items (Efron and Tibshirani 1993, chapter 13).

    They tell how much a figure depends on the choice of test items, not on the training seed.

    Args:
        labels: shape (n,), n > 0.
        scores: shape (n, n_classes), log-probabilities up to a constant a row.
        n_classes: number of classes.
        n_resamples: how many times the items are drawn with replacement.
        seed: equal seeds give equal intervals.
        confidence: between 0 and 1.

    Returns:
        Low and high end by the names in `METRICS`.

    Raises:
        ValueError: no items, or shapes that do not fit.
    """
    predictions, bins, gaps = calibration_gaps(labels, scores, n_classes)
    for_cells, for_items = np.random.default_rng(seed).spawn(2)
    confusions = resample_confusion(
        confusion_matrix(labels, predictions, n_classes), n_resamples, for_cells
    )
    samples = classification_metrics(confusions)
    samples["ece"] = _resample_ece(bins, gaps, n_resamples, for_items)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    quantiles = {name: np.quantile(values, tails) for name, values in samples.items()}
    return {name: (float(low), float(high)) for name, (low, high) in quantiles.items()}


def resample_confusion(
    confusion: Integers, n_resamples: int, generator: np.random.Generator
) -> Integers:
    """Return the confusion matrices of `n_resamples` bootstrap resamples of the items.

    Items of one cell are interchangeable, so drawing n items with replacement and counting them
    is one multinomial draw over the cells that are not empty: exact, and far cheaper.

    Returns:
        Shape (n_resamples, classes, classes).
    """
    counts = confusion.ravel()
    filled = np.flatnonzero(counts)
    total = counts.sum()
    resamples = np.zeros((n_resamples, counts.size), dtype=np.int64)
    resamples[:, filled] = generator.multinomial(total, counts[filled] / total, size=n_resamples)
    return resamples.reshape(n_resamples, *confusion.shape)


def _resample_ece(
    bins: Integers, gaps: Floats, n_resamples: int, generator: np.random.Generator
) -> Floats:
    """Return the calibration errors of `n_resamples` resamples of the items, drawn in blocks."""
    n, width = len(bins), CALIBRATION_BINS + 1
    errors = np.empty(n_resamples)
    step = max(1, _BLOCK // n)
    for start in range(0, n_resamples, step):
        rows = min(step, n_resamples - start)
        drawn = generator.integers(n, size=(rows, n))
        cells = bins[drawn] + width * np.arange(rows)[:, None]
        sums = np.bincount(cells.ravel(), gaps[drawn].ravel(), minlength=rows * width)
        errors[start : start + rows] = np.abs(sums.reshape(rows, width)).sum(axis=1) / n
    return errors


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


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, with 0/0 (and anything over 0) as 0."""
    return np.divide(
        numerator, denominator, out=np.zeros_like(numerator, np.float64), where=denominator != 0
    )
