"""What can be asked of the units of a task."""

from __future__ import annotations

from typing import Literal

Problem = Literal["binary", "multiclass", "multilabel", "regression"]


def outputs(problem: Problem, labels: int) -> int:
    """Return how many numbers a model gives for each unit of a task with so many labels.

    Labels are classes where there are two (`binary`) or more (`multiclass`), and columns else.
    """
    return 1 if problem == "binary" else labels
