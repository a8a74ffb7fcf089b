"""Logistic and ridge regression along a path of regularisation strengths.

All minimise

    C * (sum of losses) + |W|² / 2

with a bias that is not regularised: cross-entropy over classes, log-loss of each label, or half the
squared error of each quantity. Only the sum of losses depends on the features, and the penalty does
not change when they are rotated: so features are turned once to their principal axes, where the
curvature is nearly diagonal and known. L-BFGS on variables scaled by it needs tens of steps where
on plain features it needs hundreds, and the solution at one strength starts that at the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnaernie_bench.metrics.problems import quantitative, several_classes
from rnaernie_bench.metrics.targets import Targets

MOST_AXES = 3000
"""Features, or units, up to which principal axes are computed."""

UNREACHED = -50.0
"""The score of a class that train lacks."""


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


@dataclass(frozen=True)
class Axes:
    """Features of some units, about their mean and along their principal axes."""

    mean: np.ndarray
    """float64 (features,)."""
    basis: np.ndarray | None
    """float64 (features, axes); None: the features as they are, with a mean of 0."""
    rows: Any
    """(units, axes)."""
    variances: np.ndarray
    """float64 (axes,): the mean square of each column of `rows`."""

    def plain(self, weights: np.ndarray, bias: np.ndarray) -> Linear:
        """Return as a model of the features what `weights` and `bias` are of the axes."""
        turned = weights if self.basis is None else weights @ self.basis.T
        return Linear(turned.astype(np.float32), (bias - turned @ self.mean).astype(np.float32))


def principal_axes(features: Any) -> Axes:
    """Return features (n, features), dense or sparse, along their principal axes.

    Of more features than units, the axes follow from the units' inner products.
    """
    from scipy.linalg import eigh

    n, width = features.shape
    if min(n, width) > MOST_AXES:
        squares = features.power(2) if hasattr(features, "power") else np.square(features)
        variances = np.asarray(squares.mean(axis=0), dtype=np.float64).ravel()
        return Axes(np.zeros(width), None, features, variances)
    mean = np.asarray(features.mean(axis=0, dtype=np.float64)).ravel()
    if width <= n:
        gram = _dense(features.T @ features) - n * np.outer(mean, mean)
        values, basis = eigh(gram, overwrite_a=True, driver="evd")
        kept = values > max(values[-1], 1e-30) * 1e-9
        values, basis = values[kept], basis[:, kept]
    else:
        inner = _dense(features @ features.T)
        inner -= inner.mean(axis=0)
        inner -= inner.mean(axis=1, keepdims=True)
        values, units = eigh(inner, overwrite_a=True, driver="evd")
        kept = values > max(values[-1], 1e-30) * 1e-9
        values, units = values[kept], units[:, kept]
        basis = (features.T @ units - np.outer(mean, units.sum(axis=0))) / np.sqrt(values)
    turned = features @ basis.astype(features.dtype, copy=False) - mean @ basis
    rows = np.asarray(turned, dtype=np.float32)
    return Axes(mean, basis, rows, values / n)


def _dense(matrix: Any) -> np.ndarray:
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(dense, dtype=np.float64)


class Regressions:
    """The linear models of a problem on the same features, one for each strength.

    Args:
        features: (units, features), dense or sparse.
        targets: of the same units; those that are unknown teach nothing.
        width: how many scores there are.
        class_weights: float32 (width,), see `metrics.targets.class_weights`.
        weights: float32 (units, width), how much each value counts.
        iterations: the most steps of L-BFGS a strength.
    """

    def __init__(
        self,
        features: Any,
        targets: Targets,
        width: int,
        *,
        class_weights: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        iterations: int = 1000,
    ) -> None:
        known = targets.labelled
        units = known.reshape(len(known), -1).any(axis=1)
        taught = features if units.all() else features[np.flatnonzero(units)]
        values, known = targets.values[units], known[units]
        self.axes, self.width, self.iterations = principal_axes(taught), width, iterations
        self.classes = np.arange(width)
        if several_classes(targets.problem):
            self.classes = np.unique(values)
            truth = (values[:, None] == self.classes).astype(np.float32)
            counted = None if class_weights is None else class_weights[values][:, None]
            self.loss: Loss = _cross_entropy
        else:
            truth = np.where(known, values, 0).astype(np.float32)
            counted = known.astype(np.float32)
            if weights is not None:
                counted = np.where(known, weights[units], 0).astype(np.float32)
            if class_weights is not None:
                counted = counted * np.where(truth == 1, class_weights, 1).astype(np.float32)
            self.loss = _squared_error if quantitative(targets.problem) else _log_loss
        self.truth, self.counted = truth, counted
        outputs = truth.shape[1]
        self.solution = np.zeros((outputs, len(self.axes.variances) + 1))

    def at(self, strength: float) -> Linear:
        """Return the best model at a strength C, found from the last one.

        Args:
            strength: the inverse of the regularisation, C above.
        """
        from scipy.optimize import minimize

        n, rows = len(self.truth), self.axes.rows
        penalty = 1 / (strength * n)
        curvature = 1.0 if self.loss is _squared_error else 0.1  # p (1 - p), about
        scales = np.append(np.sqrt(curvature * self.axes.variances + penalty), 1.0)

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            whole = flat.reshape(self.solution.shape) / scales
            weights, bias = whole[:, :-1], whole[:, -1]
            scores = rows @ weights.T.astype(np.float32) + bias.astype(np.float32)
            losses, slopes = self.loss(scores, self.truth)
            if self.counted is not None:
                losses, slopes = losses * self.counted, slopes * self.counted
            gradient = np.empty_like(whole)
            gradient[:, :-1] = (rows.T @ slopes).T / n + penalty * weights
            gradient[:, -1] = slopes.sum(axis=0, dtype=np.float64) / n
            value = losses.sum(dtype=np.float64) / n + penalty / 2 * float((weights**2).sum())
            return float(value), (gradient / scales).ravel()

        found = minimize(
            objective,
            (self.solution * scales).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.iterations, "ftol": 1e-8, "gtol": 1e-4, "maxcor": 20},
        )
        self.solution = found.x.reshape(self.solution.shape) / scales
        part = self.axes.plain(self.solution[:, :-1], self.solution[:, -1])
        if len(self.classes) == self.width:
            return part
        weights = np.zeros((self.width, part.weights.shape[1]), dtype=np.float32)
        bias = np.full(self.width, UNREACHED, dtype=np.float32)
        weights[self.classes], bias[self.classes] = part.weights, part.bias
        return Linear(weights, bias)


Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Maps scores and truth, float32 (units, outputs), to losses, and to their slopes by score."""


def _cross_entropy(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import log_softmax

    logs = log_softmax(scores, axis=1)
    return -(logs * truth).sum(axis=1, keepdims=True), np.exp(logs) - truth


def _log_loss(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import expit

    return np.logaddexp(0, scores) - truth * scores, expit(scores) - truth


def _squared_error(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    away = scores - truth
    return away**2 / 2, away
