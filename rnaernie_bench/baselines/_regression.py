"""What baselines that are linear models of features share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnaernie_bench.baselines._report import closed_report
from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.regression import Linear


READS = ("task.train_fraction", "task.train_by_seed", "task.class_weights", "task.error_weights")
"""Options of all runs that a regression reads."""


def check_strengths(strengths: tuple[float, ...]) -> None:
    """Refuse inverse regularisation strengths that are not above 0."""
    if strengths and min(strengths) <= 0:
        raise ConfigError("the values must be above 0", where="backbone.C")


def check_kmers(min_k: int, max_k: int) -> None:
    """Refuse lengths of k-mers that are out of range."""
    if not 1 <= min_k <= max_k <= 8:
        raise ConfigError("1 <= min_k <= max_k <= 8 must hold", where="backbone.max_k")


def fit_on_features(
    context: FitContext, features: Callable[[Sequence[Any]], Any], strengths: Sequence[float] = ()
) -> tuple[Linear, FitReport]:
    """Fit a regression, its regularisation chosen on validation.

    Args:
        context: the task's.
        features: from the inputs of items to a matrix, dense or sparse, with a row a unit.
        strengths: inverse regularisation strengths to choose from; none: as many as it takes, see
            `learning.strengths`.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.linear import LinearSearch

    started = time.perf_counter()
    search = LinearSearch(context)
    train, validation = (
        features([item.input for item in items]) for items in (context.train, context.validation)
    )
    found = search.best(train, validation, strengths)
    linear = search.in_units(found.model)
    return linear, closed_report(
        context,
        linear.weights.size + linear.bias.size,
        started,
        trials=search.trials,
        selected=found.to_record(),
    )
