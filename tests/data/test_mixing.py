"""Batches for learning: every item once, equally many batches, lengths mixed and padded little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.data.mixing import MixedBatchSampler, cuts


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 2)), min_size=1, max_size=80),
    st.integers(1, 900),
)
def test_every_item_once_in_equally_many_batches(items, budget):
    costs, counts = np.array(items).T
    sampler = MixedBatchSampler(costs, budget, seed=1, counts=counts)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert sorted(i for batch in batches for i in batch) == list(range(len(items)))
        assert all(len({counts[i] for i in batch}) == 1 for batch in batches)


def test_draws_follow_from_seed_and_epoch():
    costs = np.arange(1, 101)
    one, same, other = (MixedBatchSampler(costs, 200, seed=s) for s in (1, 1, 2))
    assert list(one) == list(same) != list(other)
    same.set_epoch(1)
    assert list(one) != list(same)


def test_batches_are_about_the_budget_and_mix_lengths():
    costs = np.random.default_rng(0).integers(50, 400, 2000)
    batches = list(MixedBatchSampler(costs, 3000, seed=0))
    padded = np.array([costs[batch].max() * len(batch) for batch in batches])
    assert 0.8 * 3000 < padded.mean() < 1.05 * 3000
    assert padded.max() < 1.6 * 3000
    assert padded.sum() < 1.25 * costs.sum()
    spread = np.mean([np.ptp(costs[batch]) for batch in batches])
    assert spread > 50  # a bucket of one length spreads over 16


@pytest.mark.parametrize(
    ("costs", "parts", "places"),
    [((10, 5, 5), 2, [1]), ((9, 3, 3, 3), 2, [1]), ((5, 5, 5, 5), 4, [1, 2, 3]), ((4,), 1, [])],
)
def test_the_largest_batch_is_small(costs, parts, places):
    assert cuts(np.array(costs), parts) == places
