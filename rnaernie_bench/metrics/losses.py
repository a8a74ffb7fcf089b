"""The loss of each problem; values that are not known count nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import UNLABELLED

if TYPE_CHECKING:
    from torch import Tensor


def loss_of(
    problem: Problem,
    scores: Tensor,
    truth: Tensor,
    *,
    weights: Tensor | None = None,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Return the mean loss over the known values: cross-entropy, or squared error.

    Args:
        problem: what is asked.
        scores: (units, outputs): logits, or quantities.
        truth: int64 (units,) of classes, else float (units, outputs), nan where unknown.
        weights: of the shape of `truth`, how much each value counts; quantities and columns only.
        class_weights: see `metrics.targets.class_weights`.

    Returns:
        A scalar; of quantities and columns, 0 where nothing is known.
    """
    from torch.nn import functional

    if problem == "multiclass":
        return functional.cross_entropy(
            scores,
            truth,
            weight=None if class_weights is None else class_weights.to(scores),
            ignore_index=UNLABELLED,
        )
    known = ~truth.isnan()
    truth = truth.nan_to_num(0.0).to(scores.dtype)
    if problem == "regression":
        losses = (scores - truth) ** 2
    else:
        losses = functional.binary_cross_entropy_with_logits(
            scores,
            truth,
            reduction="none",
            pos_weight=None if class_weights is None else class_weights.to(scores),
        )
    counted = known.to(scores.dtype) if weights is None else known * weights.to(scores.dtype)
    return (losses * counted).sum() / counted.sum().clamp_min(1e-9)
