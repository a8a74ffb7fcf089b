"""Metrics of a class for each item: the truth has shape (n,), runs hold log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units, alike
from rnaernie_bench.metrics.scoring.composites import (
    CALIBRATION_BINS,
    AbsoluteScorer,
    AurocScorer,
    MakeScorer,
    absolute_share,
    additive,
    auroc_scorer,
)
from rnaernie_bench.metrics.scoring.confusion import calibration_gaps, from_counts

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def counted(metric: str) -> MakeScorer:
    """Return a metric that `from_counts` gives."""

    def kinds(truth: Array, runs: Sequence[Array]) -> Sequence[Array]:
        return [truth, *(run["scores"].argmax(axis=1) for run in runs)]

    def sums(truth: Array, run: Array) -> Array:
        one_hot = np.eye(run["scores"].shape[1], dtype=bool)
        labels, predicted = one_hot[truth], one_hot[run["scores"].argmax(axis=1)]
        return np.hstack([predicted & labels, labels, predicted])

    def value(totals: Floats) -> Floats:
        return from_counts(metric, *np.split(totals, 3, axis=1))

    # Counts of items: single precision holds them exactly up to 16 million.
    return additive(sums, value, kinds=kinds, dtype=np.float32)


def calibration() -> MakeScorer:
    """Return the expected calibration error of the predicted class."""
    bins = np.eye(CALIBRATION_BINS + 1)

    def sums(truth: Array, run: Array) -> Floats:
        scores = run["scores"].astype(np.float64)
        _, bin_of, gaps = calibration_gaps(truth, scores, scores.shape[1])
        return np.column_stack([bins[bin_of] * gaps[:, None], np.ones(len(gaps))])

    return additive(sums, absolute_share, kind=AbsoluteScorer)


def auroc() -> MakeScorer:
    """Return the area under the ROC curve of the second of two classes."""

    def make(truth: Array, runs: Sequence[Array], whole: Units | None) -> AurocScorer:
        scores = np.array([run["scores"][:, 1] for run in runs], dtype=np.float64)
        return auroc_scorer(truth == 1, scores, whole or alike(np.arange(len(truth))))

    return make
