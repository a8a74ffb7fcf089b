"""Linear models of the features of a task's units, their regularisation chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.learning.regression import Linear, Regressions
from rnaernie_bench.learning.strengths import Found, best_strength
from rnaernie_bench.metrics.problems import categorical, outputs, quantitative
from rnaernie_bench.metrics.targets import Targets

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext
    from rnaernie_bench.task.task import Task


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


class LinearSearch:
    """Linear models of a task, on any features of its units, compared on validation.

    Args:
        context: the task's; curves are logged by trial.

    Raises:
        DataError: if train holds one class only, or so of a label.
    """

    def __init__(self, context: FitContext) -> None:
        from rnaernie_bench.learning.objective import objective

        self.context, self.learned = context, objective(context)
        self.trials = 0
        """Models that validation has compared."""
        if not quantitative(context.task.problem):
            refuse_one_class(context, self.learned.train.truth.targets)

    def best(
        self,
        train: Any,
        validation: Any,
        strengths: Sequence[float] = (),
        *,
        thorough: bool = True,
    ) -> Found[Linear]:
        """Return the best model of some features; see `strengths.best_strength`.

        Args:
            train: features of the units of train, dense or sparse.
            validation: the same of validation.
            strengths: the values of C to compare; none: as many as it takes.
            thorough: whether each model is fitted to its optimum, and half decades are tried;
                features are compared by less.
        """
        task = self.context.task
        path = Regressions(
            train,
            self.learned.train.truth.targets,
            outputs(task.problem, len(task.labels)),
            class_weights=self.learned.class_weights,
            weights=self.learned.train.truth.weights,
            iterations=OPTIMUM if thorough else COMPARISON,
        )

        def score(model: Linear) -> float:
            metrics = self.learned.score(model.logits(validation))
            self.trials += 1
            curves = {f"eval_{name}": value for name, value in metrics.items()}
            self.context.log(curves, self.trials)
            return signed(task, metrics)

        return best_strength(path.at, score, strengths, refine=thorough)

    def in_units(self, model: Linear) -> Linear:
        """Return a model that gives quantities in the units of the data, not scaled ones."""
        if self.learned.scaling is None:
            return model
        scale, shift = self.learned.scaling.scale, self.learned.scaling.shift
        return Linear(model.weights * scale[:, None], model.bias * scale + shift)


def signed(task: Task, metrics: Mapping[str, float]) -> float:
    """Return the main metric of a task as a score, the higher the better; nan if undefined."""
    from rnaernie_bench.metrics.measuring import goodness

    return goodness(task.main_metric.name, metrics[task.main_metric.name])


OPTIMUM, COMPARISON = 1000, 40
"""The most steps of L-BFGS a strength: to the optimum, and to compare features."""
