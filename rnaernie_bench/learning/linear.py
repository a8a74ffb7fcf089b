"""Logistic and ridge regression (scikit-learn), their regularisation chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.metrics.problems import categorical, outputs, quantitative, several_classes
from rnaernie_bench.metrics.targets import Targets

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext


@dataclass(frozen=True)
class Linear:
    """A linear model: of logits of classes, of log-odds or of quantities."""

    weights: np.ndarray
    """float32 of shape (outputs, features)."""
    bias: np.ndarray
    """float32 of shape (outputs,)."""

    def logits(self, features: Any) -> np.ndarray:
        """Return float32 scores (n, outputs) of features (n, features), dense or sparse."""
        return np.asarray(features @ self.weights.T + self.bias, dtype=np.float32)


def regress(
    features: Any,
    labels: np.ndarray,
    classes: int,
    strength: float = 1.0,
    *,
    weights: np.ndarray | None = None,
) -> Linear:
    """Fit one regression.

    Args:
        features: (n, features), dense or sparse.
        labels: (n,), of two classes or more.
        classes: how many there are; those that `labels` lack get a score out of reach.
        strength: the inverse of the regularisation.
        weights: (n,), how much each row counts; None: all alike.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=strength, max_iter=2000).fit(features, labels, weights)
    coefficients = np.zeros((classes, fitted.coef_.shape[1]), dtype=np.float32)
    bias = np.full(classes, -50.0, dtype=np.float32)
    if len(fitted.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients[fitted.classes_[1]] = fitted.coef_[0]
        bias[fitted.classes_] = [0.0, fitted.intercept_[0]]
    else:
        coefficients[fitted.classes_] = fitted.coef_
        bias[fitted.classes_] = fitted.intercept_
    return Linear(coefficients, bias)


def fit_linear(
    features: Any,
    targets: Targets,
    width: int,
    strength: float,
    *,
    class_weights: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Linear:
    """Fit the linear model that a problem asks for: one regression a column, but for classes.

    Args:
        features: (units, features), dense or sparse.
        targets: of the same units; those that are unknown teach nothing.
        width: how many scores there are.
        strength: the inverse of the regularisation.
        class_weights: float32 (width,), see `metrics.targets.class_weights`.
        weights: float32 (units, width), how much each value counts.
    """
    from sklearn.linear_model import Ridge

    known = targets.labelled
    if several_classes(targets.problem):
        labels = targets.values[known]
        by_class = None if class_weights is None else class_weights[labels]
        return regress(features[known], labels, width, strength, weights=by_class)
    columns = []
    for j in range(width):
        rows, values = features[known[:, j]], targets.values[known[:, j], j]
        counted = None if weights is None else weights[known[:, j], j]
        if quantitative(targets.problem):
            model = Ridge(alpha=1 / strength).fit(rows, values, counted)
            columns.append(Linear(model.coef_[None], np.array([model.intercept_])))
            continue
        if class_weights is not None:
            by_class = np.where(values == 1, class_weights[j], 1.0)
            counted = by_class if counted is None else by_class * counted
        both = regress(rows, values.astype(np.int64), 2, strength, weights=counted)
        columns.append(Linear(both.weights[1:] - both.weights[:1], both.bias[1:] - both.bias[:1]))
    weights, biases = (
        np.concatenate([getattr(c, n) for c in columns]) for n in ("weights", "bias")
    )
    return Linear(weights.astype(np.float32), biases.astype(np.float32))


def refuse_one_class(context: FitContext, train: Targets) -> None:
    """Refuse targets of train that know one class only, in any column.

    Raises:
        DataError: naming the data set, and the column if there are several.
    """
    names, known = context.task.labels, train.labelled.reshape(len(train.values), -1)
    values = train.values.reshape(known.shape)
    for column in range(known.shape[1]):
        if len(np.unique(values[known[:, column], column])) < 2:
            of = f"'{names[column]}'" if not categorical(train.problem) else "items"
            raise DataError(
                f"the train part holds {of} of one class, two are needed",
                where=f"data set {context.dataset.name}",
                remedy="give it examples of another; backbone=majority needs none",
            )


def best_on_validation(
    context: FitContext, train: Any, validation: Any, strengths: Sequence[float]
) -> tuple[Linear, float]:
    """Fit one linear model for each of `strengths`; return the best on validation, and its own.

    Args:
        context: the task's; curves are logged by trial.
        train: features of the units of train, dense or sparse.
        validation: the same of validation.
        strengths: one or more.

    Raises:
        DataError: if train holds one class only, or so of a label.
    """
    from rnaernie_bench.learning.objective import objective

    task, metric, learned = context.task, context.task.main_metric, objective(context)
    targets = learned.train.truth.targets
    if not quantitative(task.problem):
        refuse_one_class(context, targets)
    width = outputs(task.problem, len(task.labels))
    best: tuple[float, float, Linear] | None = None
    for trial, strength in enumerate(strengths, 1):
        model = fit_linear(
            train,
            targets,
            width,
            strength,
            class_weights=learned.class_weights,
            weights=learned.train.truth.weights,
        )
        metrics = learned.score(model.logits(validation))
        context.log({f"eval_{name}": value for name, value in metrics.items()}, trial)
        value = metrics[metric.name] * (1 if metric.higher_is_better else -1)
        if best is None or value > best[0]:
            best = (value, strength, model)
    assert best is not None
    _, strength, model = best
    if learned.scaling is not None:
        scale, shift = learned.scaling.scale, learned.scaling.shift
        model = Linear(model.weights * scale[:, None], model.bias * scale + shift)
    return model, strength
