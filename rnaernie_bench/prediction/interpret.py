"""Scores of a model as numbers that people read, and as what they decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.tuning import Tuning


def columns_of(problem: Problem, labels: Sequence[str]) -> tuple[str, ...]:
    """Return names of the numbers: labels of quantities, `p:` and the label of probabilities."""
    if problem == "regression":
        return tuple(labels)
    shown = labels[1:] if problem == "binary" else labels
    return tuple(f"p:{label}" for label in shown)


def decides(problem: Problem) -> bool:
    """Return whether scores decide for labels; quantities are numbers alone."""
    return problem != "regression"


def interpret(
    scores: np.ndarray, problem: Problem, labels: Sequence[str], tuning: Tuning
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers, float32 (units, columns), and decisions, (units,), see `columns_of`.

    A decision is the label, or the labels joined by commas; empty for quantities.

    Args:
        scores: float32 (units, outputs), of a model.
        problem: of the task.
        labels: those of the task.
        tuning: temperature and thresholds that validation chose.
    """
    names = np.array(labels, dtype=object)
    if problem == "regression":
        return scores, np.full(len(scores), "", dtype=object)
    if problem == "multiclass":
        shares = np.exp((scores - scores.max(axis=1, keepdims=True)) / tuning.temperature)
        return shares / shares.sum(axis=1, keepdims=True), names[scores.argmax(axis=1)]
    odds = tuning.odds(scores)
    yes = tuning.decided(odds)
    probabilities = np.exp(-np.logaddexp(0, -odds.astype(np.float64))).astype(np.float32)
    if problem == "binary":
        return probabilities, names[yes[:, 0].astype(int)]
    return probabilities, np.array([",".join(names[row]) for row in yes], dtype=object)
