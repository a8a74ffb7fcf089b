"""Inference in batches: order, padding, and nothing at all."""

from __future__ import annotations

import numpy as np
import torch

from rnaernie_bench.backbones.inference import in_batches
from rnaernie_bench.data.encoding import Encoded, single


def encoded(lengths):
    ids = tuple(np.full(length, i + 1, dtype=np.int64) for i, length in enumerate(lengths))
    return single(ids, np.zeros(len(ids), dtype=bool))


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


def test_a_sequence_of_several_inputs_is_their_weighted_mean():
    ids = tuple(np.full(n, n, dtype=np.int64) for n in (2, 3, 4, 1))
    several = Encoded(
        ids,
        np.zeros(3, dtype=bool),
        counts=np.array([1, 2, 1]),
        weights=np.array([1, 0.25, 0.75, 1], dtype=np.float32),
    )
    assert several.lengths.tolist() == [2, 4, 1]
    rows = in_batches(sums, several, pad_id=0, token_budget=8, device=torch.device("cpu"))
    assert rows[:, 0].tolist() == [4, 0.25 * 9 + 0.75 * 16, 1]
    assert rows[:, 2].tolist() == [2, 4, 2]  # the sequence of two inputs makes a batch by itself


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
