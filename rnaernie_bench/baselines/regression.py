"""Logistic regression (scikit-learn), its regularisation chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.data.items import labels_of
from rnaernie_bench.errors import DataError

if TYPE_CHECKING:
    from rnaernie_bench.fitting import FitContext


@dataclass(frozen=True)
class Linear:
    """A linear classifier."""

    weights: np.ndarray
    """float32 of shape (classes, features)."""
    bias: np.ndarray
    """float32 of shape (classes,)."""

    def logits(self, features: Any) -> np.ndarray:
        """Return float32 logits (n, classes) of features (n, features), dense or sparse."""
        return np.asarray(features @ self.weights.T + self.bias, dtype=np.float32)


def regress(features: Any, labels: np.ndarray, classes: int, strength: float = 1.0) -> Linear:
    """Fit one regression.

    Args:
        features: (n, features), dense or sparse.
        labels: (n,), of two classes or more.
        classes: how many there are; those that `labels` lack get a score out of reach.
        strength: the inverse of the regularisation.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=strength, max_iter=2000).fit(features, labels)
    weights = np.zeros((classes, fitted.coef_.shape[1]), dtype=np.float32)
    bias = np.full(classes, -50.0, dtype=np.float32)
    if len(fitted.classes_) == 2:  # scikit-learn keeps one row for two classes
        weights[fitted.classes_[1]] = fitted.coef_[0]
        bias[fitted.classes_] = [0.0, fitted.intercept_[0]]
    else:
        weights[fitted.classes_] = fitted.coef_
        bias[fitted.classes_] = fitted.intercept_
    return Linear(weights, bias)


def labels_to_learn(context: FitContext) -> np.ndarray:
    """Return the classes of train, int64 of shape (items,).

    Raises:
        DataError: if all items are of one class.
    """
    labels = labels_of(context.train)
    if len(np.unique(labels)) < 2:
        raise DataError(
            "the train part holds items of one class, two are needed",
            where=f"data set {context.dataset.name}",
        )
    return labels


def best_on_validation(
    context: FitContext, train: Any, validation: Any, strengths: Sequence[float]
) -> tuple[Linear, float]:
    """Fit one regression for each of `strengths`; return the best on validation, and its own.

    Args:
        context: the task's; curves are logged by trial.
        train: features of its items of train, dense or sparse.
        validation: the same of validation.
        strengths: one or more.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.metrics import classification_report

    task, metric = context.task, context.task.main_metric
    labels, held_out = labels_to_learn(context), labels_of(context.validation)
    best: tuple[float, float, Linear] | None = None
    for trial, strength in enumerate(strengths, 1):
        model = regress(train, labels, len(task.labels), strength)
        metrics = classification_report(model.logits(validation), held_out, task.labels).metrics
        context.log({f"eval_{name}": value for name, value in metrics.items()}, trial)
        value = metrics[metric.name] * (1 if metric.higher_is_better else -1)
        if best is None or value > best[0]:
            best = (value, strength, model)
    assert best is not None
    return best[2], best[1]
