"""Losses: torch's own where all is known, and the mean over what is known else."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from rnaernie_bench.metrics.losses import loss_of

NAN = float("nan")


def test_classes_have_cross_entropy():
    scores = torch.tensor([[2.0, 0.5], [0.1, 0.3], [9.0, 9.0]])
    truth = torch.tensor([0, 1, -100])
    expected = functional.cross_entropy(scores[:2], truth[:2])
    assert loss_of("multiclass", scores, truth).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("problem", ["binary", "multilabel"])
def test_columns_have_the_mean_over_what_is_known(problem):
    scores = torch.tensor([[2.0], [0.5], [7.0]])
    truth = torch.tensor([[1.0], [0.0], [NAN]])
    expected = functional.binary_cross_entropy_with_logits(scores[:2], truth[:2])
    assert loss_of(problem, scores, truth) == pytest.approx(expected.item())
    double = loss_of(problem, scores, truth, class_weights=torch.tensor([3.0]))
    first, second = functional.softplus(torch.tensor(-2.0)), functional.softplus(torch.tensor(0.5))
    assert double == pytest.approx(((3 * first + second) / 2).item())


def test_quantities_have_weighted_squares():
    scores, truth = torch.tensor([[1.0, 5.0], [3.0, 2.0]]), torch.tensor([[0.0, NAN], [1.0, 2.0]])
    assert loss_of("regression", scores, truth) == pytest.approx((1 + 4 + 0) / 3)
    weights = torch.tensor([[2.0, 9.0], [0.5, 1.0]])
    assert loss_of("regression", scores, truth, weights=weights) == pytest.approx(4 / 3.5)


def test_nothing_known_gives_0_and_no_gradient_that_is_not_a_number():
    scores = torch.zeros(2, 1, requires_grad=True)
    loss = loss_of("regression", scores, torch.full((2, 1), NAN))
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.tolist() == [[0], [0]]
