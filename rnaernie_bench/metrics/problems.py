"""What can be asked of the units of a task."""

from __future__ import annotations

from typing import Literal

Problem = Literal["binary", "multiclass", "multilabel", "regression"]
PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "multilabel", "regression")


def categorical(problem: Problem) -> bool:
    """Return whether each unit is of one class: labels are the names of classes."""
    return problem in ("binary", "multiclass")


def several_classes(problem: Problem) -> bool:
    """Return whether the scores of a unit are of classes of which one is true (softmax)."""
    return problem == "multiclass"


def two_classes(problem: Problem) -> bool:
    """Return whether each unit is positive or negative: of the second of two classes, or not."""
    return problem == "binary"


def quantitative(problem: Problem) -> bool:
    """Return whether labels are the names of quantities."""
    return problem == "regression"


def outputs(problem: Problem, labels: int) -> int:
    """Return how many numbers a model gives for each unit of a task with so many labels.

    Labels are classes where there are two (`binary`) or more (`multiclass`), and columns else.
    """
    return 1 if problem == "binary" else labels
