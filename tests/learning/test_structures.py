"""The loss of structures, from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rnaernie_bench.data.items import ContactItem
from rnaernie_bench.learning.structures import (
    IGNORED,
    StructureTruth,
    contact_loss,
    contact_targets,
    impossible_pairs,
)


@pytest.mark.parametrize("average", ["bases", "pairs"])
@pytest.mark.parametrize("weight, gamma", [(None, 0.0), (3.0, 0.0), (None, 2.0), (2.0, 1.5)])
def test_loss_from_its_definition(average, weight, gamma):
    lengths = [9, 4, 1, 6]
    pairs = [np.array([[0, 8], [1, 6], [3, 5]]), np.empty((0, 2)), [], np.array([[0, 5]])]
    targets = contact_targets(pairs, lengths)
    mask = torch.arange(9) < torch.tensor(lengths)[:, None]
    logits = torch.randn(4, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits = logits + logits.mT
    terms: list[list[float]] = []
    for row, length in enumerate(lengths):
        paired = {tuple(pair) for pair in np.asarray(pairs[row]).tolist()}
        terms.append([])
        for i in range(length):
            for j in range(i + 4, length):
                truth = (i, j) in paired
                p = 1 / (1 + math.exp(-logits[row, i, j].item()))
                p = p if truth else 1 - p
                factor = (weight or 1.0) if truth else 1.0
                terms[-1].append(-factor * (1 - p) ** gamma * math.log(p))
    assert [len(each) for each in terms] == [15, 0, 0, 3]
    if average == "pairs":
        expected = sum(map(sum, terms)) / 18
    else:
        expected = (sum(terms[0]) / 9 + sum(terms[3]) / 6) / 4
    rubbish = logits.masked_fill(targets < 0, torch.nan)
    loss = contact_loss(
        rubbish, targets, mask, positive_weight=weight, focal_gamma=gamma, average=average
    )
    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize("average", ["bases", "pairs"])
def test_loss_without_a_pair_to_count_is_0(average):
    mask = torch.arange(4) < torch.tensor([[1], [4]])
    logits = torch.ones(2, 4, 4, requires_grad=True)
    loss = contact_loss(logits, contact_targets([[], []], [1, 4]), mask, average=average)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_loss_takes_extreme_logits():
    logits = torch.full((1, 6, 6), 1e4)
    logits[:, 0, 5] = logits[:, 5, 0] = -1e4
    logits.requires_grad_()
    targets, mask = contact_targets([np.array([[0, 5]])], [6]), torch.ones(1, 6, dtype=torch.bool)
    loss = contact_loss(logits, targets, mask, positive_weight=2.0, focal_gamma=2.0)
    loss.backward()
    assert loss.item() == pytest.approx((2e4 + 2 * 1e4) / 6)  # pairs 0-4, 1-5 and 0-5 of 6 bases
    assert logits.grad.isfinite().all()


def test_targets():
    targets = contact_targets([np.array([[0, 2]], dtype=np.int32), []], [3, 2])
    assert targets.tolist() == [
        [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
        [[0, 0, IGNORED], [0, 0, IGNORED], [IGNORED] * 3],
    ]


def test_truth_counts_what_can_pair():
    """Of GAAAACU, G0-C5 and G0-U6 can; A1-C5, a base pair all the same, is not counted."""
    item = ContactItem("a", "GAAAACU", np.array([[0, 6], [1, 5]]))
    [labels] = StructureTruth((item,)).batch([0])["labels"]
    counted = {(i, j): labels[i, j].item() for i, j in (labels >= 0).nonzero().tolist() if i < j}
    assert counted == {(0, 5): 0, (0, 6): 1, (1, 6): 0, (2, 6): 0}
    assert torch.equal(labels, labels.T)
    assert impossible_pairs((item,)) == 1
