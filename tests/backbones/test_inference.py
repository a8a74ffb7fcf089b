"""Inference in batches: order, padding, and nothing at all."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.inference import TokenIds, scores
from rnaernie_bench.core import distributed
from rnaernie_bench.data.encoding import Encoded, single


def encoded(lengths):
    ids = tuple(np.full(length, i + 1, dtype=np.int64) for i, length in enumerate(lengths))
    return single(ids, np.zeros(len(ids), dtype=bool))


def sums(batch):
    """Return for each sequence its sum, its length, and the padded length of its batch."""
    input_ids, mask = batch["input_ids"], batch["attention_mask"]
    padded = torch.full((len(input_ids),), input_ids.shape[1])
    found = torch.stack([input_ids.sum(1), mask.sum(1), padded], dim=1).float()
    return batch["copy_weights"] @ found if "copy_weights" in batch else found


def scored(compute, sequences, token_budget, **arguments):
    inputs = TokenIds(sequences, 0)
    device = torch.device("cpu")
    return scores(compute, inputs, token_budget=token_budget, device=device, **arguments)


def test_rows_come_in_the_callers_order_under_the_budget():
    lengths = [3, 9, 4, 9, 2, 30]
    done = []
    rows = scored(sums, encoded(lengths), 20, progress=done.append)
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
    rows = scored(sums, several, 8)
    assert rows[:, 0].tolist() == [4, 0.25 * 9 + 0.75 * 16, 1]
    assert rows[:, 2].tolist() == [2, 4, 2]  # the sequence of two inputs makes a batch by itself


def test_no_gradients_are_kept():
    weight = torch.ones(1, requires_grad=True)
    seen = []

    def compute(batch):
        output = batch["input_ids"] * weight
        seen.append(output.requires_grad)
        return output

    scored(compute, encoded([2]), 9)
    assert seen == [False]


def test_nothing_gives_nothing():
    rows = scored(sums, encoded([]), 9)
    assert rows.shape == (0, 0)


def test_units_of_items_stand_in_their_order():
    """An item of n tokens has n units: its number, repeated."""
    rows = scored(
        lambda batch: batch["input_ids"][batch["attention_mask"]].float()[:, None],
        encoded([2, 3, 1]), 3, sizes=np.array([2, 3, 1]),
    )  # fmt: skip
    assert rows[:, 0].tolist() == [1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize("count", [2, 3])
def test_the_processes_of_a_launch_share_the_batches(monkeypatch, count):
    sequences, budget = encoded([3, 9, 4, 9, 2, 30]), 20
    computed = []

    def counting(batch):
        computed.append(len(batch["input_ids"]))
        return sums(batch)

    alone = scored(counting, sequences, budget)
    batches, shares = len(computed), []
    monkeypatch.setattr(distributed, "count", lambda: count)
    for number in range(count):  # what each would compute, and hand to the others
        monkeypatch.setattr(distributed, "number", lambda number=number: number)
        monkeypatch.setattr(distributed, "gather", lambda found: [shares.append(found), [], []])
        with contextlib.suppress(TypeError):
            scored(sums, sequences, budget, together=True)
    assert sorted(map(len, shares)) == sorted(len(range(n, batches, count)) for n in range(count))
    monkeypatch.setattr(distributed, "gather", lambda found: shares)
    assert np.array_equal(scored(sums, sequences, budget, together=True), alone)
