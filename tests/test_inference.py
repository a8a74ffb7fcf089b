"""Inference in batches: order, padding, and nothing at all."""

from __future__ import annotations

import numpy as np
import torch

from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.inference import in_batches


def encoded(lengths):
    ids = tuple(np.full(length, i + 1, dtype=np.int64) for i, length in enumerate(lengths))
    return Encoded(ids, np.zeros(len(ids), dtype=bool))


def sums(input_ids, attention_mask):
    """Return for each row its sum, its length, and the padded length of its batch."""
    padded = torch.full((len(input_ids),), input_ids.shape[1])
    return torch.stack([input_ids.sum(1), attention_mask.sum(1), padded], dim=1)


def test_rows_come_in_the_callers_order_under_the_budget():
    lengths = [3, 9, 4, 9, 2, 30]
    done = []
    rows = in_batches(
        sums, encoded(lengths), pad_id=0, token_budget=20, device=torch.device("cpu"),
        progress=done.append,
    )  # fmt: skip
    assert rows.dtype == np.float32
    assert rows[:, 0].tolist() == [3, 18, 12, 36, 10, 180]
    assert rows[:, 1].tolist() == lengths
    assert rows[5, 2] == 30  # alone, over the budget
    assert sum(done) == 6 and max(done) * 9 <= 20 + 9


def test_no_gradients_are_kept():
    weight = torch.ones(1, requires_grad=True)
    seen = []

    def compute(input_ids, attention_mask):
        output = input_ids * weight
        seen.append(output.requires_grad)
        return output

    in_batches(compute, encoded([2]), pad_id=0, token_budget=9, device=torch.device("cpu"))
    assert seen == [False]


def test_nothing_gives_nothing():
    rows = in_batches(sums, encoded([]), pad_id=0, token_budget=9, device=torch.device("cpu"))
    assert rows.shape == (0, 0)
