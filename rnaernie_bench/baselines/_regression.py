"""What baselines that are linear models of features share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnaernie_bench.baselines._report import closed_report
from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.linear import Linear


READS = ("task.train_fraction", "task.class_weights", "task.error_weights")
"""Options of all runs that a regression reads."""


def check_strengths(strengths: tuple[float, ...]) -> None:
    """Refuse inverse regularisation strengths that are none, or not above 0."""
    if not strengths or min(strengths) <= 0:
        raise ConfigError("one or more values above 0 are needed", where="backbone.C")


def check_kmers(min_k: int, max_k: int) -> None:
    """Refuse lengths of k-mers that are out of range."""
    if not 1 <= min_k <= max_k <= 8:
        raise ConfigError("1 <= min_k <= max_k <= 8 must hold", where="backbone.max_k")


def fit_on_features(
    context: FitContext, features: Callable[[Sequence[Any]], Any], strengths: Sequence[float]
) -> tuple[Linear, FitReport]:
    """Fit one regression for each of `strengths`, and keep the best on validation.

    Args:
        context: the task's.
        features: from the inputs of items to a matrix, dense or sparse, with a row a unit.
        strengths: inverse regularisation strengths.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.linear import best_on_validation

    started = time.perf_counter()
    train, validation = (
        features([item.input for item in items]) for items in (context.train, context.validation)
    )
    linear, strength = best_on_validation(context, train, validation, strengths)
    return linear, closed_report(
        context,
        linear.weights.size + linear.bias.size,
        started,
        trials=len(strengths),
        selected={"C": strength},
    )
