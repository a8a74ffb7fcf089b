"""Batches by length: what they hold, how much they pad, and that their number never changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.data.batching import (
    LengthBucketedBatchSampler,
    gather_batch,
    pad_batch,
    shard_batch,
)
from rnaernie_bench.data.encoding import Encoded, single

LENGTHS = st.lists(st.integers(1, 600), max_size=200)
WORLDS = st.integers(1, 4)


def sampler(lengths, budget=1000, *, shuffle=True, seed=0, rank=0, world_size=1):
    return LengthBucketedBatchSampler(
        lengths, budget, shuffle=shuffle, seed=seed, rank=rank, world_size=world_size
    )


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 3000), st.booleans(), st.integers(0, 3))
def test_every_item_once_and_within_the_budget(lengths, budget, shuffle, epoch):
    batches = sampler(lengths, budget, shuffle=shuffle)
    batches.set_epoch(epoch)
    found = list(batches)
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    assert len(found) == len(batches)
    for batch in found:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 3000), WORLDS, st.integers(0, 3))
def test_ranks_agree_and_repeats_are_known(lengths, budget, world_size, epoch):
    ranks = [sampler(lengths, budget, rank=r, world_size=world_size) for r in range(world_size)]
    for one in ranks:
        one.set_epoch(epoch)
    steps = list(zip(*ranks, strict=True))
    assert len(steps) == len(ranks[0])
    assert all(len({len(share) for share in step}) == 1 for step in steps)
    for step in steps:
        for share in step:
            longest = max(lengths[i] for i in share)
            assert len(share) == 1 or longest * len(share) <= budget // world_size
    rows = [i for step in steps for share in step for i in share]
    assert rows == ranks[0].gathered_indices().tolist()
    assert set(rows) == set(range(len(lengths)))
    assert len(rows) - len(lengths) < world_size * max(len(steps), 1)


def test_without_shuffling_the_longest_come_first():
    assert list(sampler([3, 9, 5, 9, 1], 18, shuffle=False)) == [[1, 3], [2, 0, 4]]


def test_an_item_over_the_budget_is_alone():
    assert list(sampler([50, 10, 10], 20, shuffle=False)) == [[0], [1, 2]]


def test_repeats_fill_up_the_last_step():
    first, second = (
        list(sampler([4] * 3, 16, shuffle=False, rank=r, world_size=2)) for r in (0, 1)
    )
    assert first == [[0, 2]]
    assert second == [[1, 0]]
    rows = sampler([4] * 3, 16, shuffle=False, world_size=2).gathered_indices()
    assert rows.tolist() == [0, 2, 1, 0]


def test_shuffling_depends_on_seed_and_epoch_only():
    lengths = np.random.default_rng(1).integers(30, 300, 500)

    def batches(seed, epoch):
        one = sampler(lengths, seed=seed)
        one.set_epoch(epoch)
        return list(one)

    assert batches(0, 1) == batches(0, 1)
    assert batches(0, 1) != batches(0, 2)
    assert batches(0, 1) != batches(1, 1)
    together = {frozenset(batch) for batch in batches(0, 1)}
    assert len(together & {frozenset(batch) for batch in batches(0, 2)}) < len(together) / 10


def test_an_empty_set_has_no_batches():
    assert list(sampler([])) == []
    assert sampler([]).gathered_indices().tolist() == []
    assert sampler([]).padding() == 0.0


def test_padding_is_counted_by_hand():
    assert sampler([4, 3, 1], 12, shuffle=False).padding() == pytest.approx(4 / 12)


@pytest.mark.parametrize(
    ("lengths", "budget", "rank", "world"), [([1], 0, 0, 1), ([0], 9, 0, 1), ([1], 9, 2, 2)]
)
def test_senseless_arguments_are_refused(lengths, budget, rank, world):
    with pytest.raises(ValueError):
        sampler(lengths, budget, rank=rank, world_size=world)


def test_pad_batch():
    input_ids, mask = pad_batch([np.array([1, 6, 2]), np.array([1, 7, 8, 9, 2])], 0)
    assert torch.equal(input_ids, torch.tensor([[1, 6, 2, 0, 0], [1, 7, 8, 9, 2]]))
    assert torch.equal(mask, input_ids != 0)
    assert input_ids.dtype == torch.int64


@pytest.mark.realdata
def test_padding_on_nrc_is_a_few_per_cent(data_folder: Path):
    records = (data_folder / "nrc" / "rnagcn_train.fasta").read_text().split(">")[1:]
    lengths = [min(len("".join(r.splitlines()[1:])), 510) + 2 for r in records]
    batches = sampler(lengths, 5632)
    assert batches.padding() < 0.035
    assert len(lengths) / len(batches) == pytest.approx(32, abs=2)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(1, 5)), max_size=100),
    st.integers(1, 9000),
    st.booleans(),
)
def test_items_of_several_inputs_share_the_budget_with_their_like(items, budget, shuffle):
    lengths = np.array([length for length, _ in items], dtype=np.int64)
    counts = np.array([count for _, count in items], dtype=np.int64)
    batches = LengthBucketedBatchSampler(lengths, budget, shuffle=shuffle, seed=0, counts=counts)
    found = list(batches)
    assert sorted(i for batch in found for i in batch) == list(range(len(items)))
    for batch in found:
        assert len(set(counts[batch])) == 1
        assert len(batch) == 1 or lengths[batch].max() * counts[batch].sum() <= budget


def test_one_input_each_makes_the_batches_that_no_counts_make():
    lengths = np.random.default_rng(0).integers(20, 510, 300)
    ones = np.ones(300, dtype=np.int64)
    counted = LengthBucketedBatchSampler(lengths, 4000, shuffle=True, seed=3, counts=ones)
    assert list(counted) == list(sampler(lengths, 4000, seed=3))


def test_a_batch_of_several_inputs_carries_their_votes():
    ids = tuple(np.full(n, n, dtype=np.int64) for n in (1, 2, 3))
    encoded = Encoded(
        ids,
        np.zeros(2, dtype=bool),
        counts=np.array([2, 1]),
        weights=np.array([0.75, 0.25, 1], dtype=np.float32),
    )
    batch = gather_batch(encoded, [1, 0], pad_id=0)
    assert batch["input_ids"].tolist() == [[3, 3, 3], [1, 0, 0], [2, 2, 0]]
    assert batch["copy_weights"].tolist() == [[1, 0, 0], [0, 0.75, 0.25]]
    assert "copy_weights" not in gather_batch(encoded, [1], pad_id=0)
    assert "copy_weights" not in gather_batch(
        single(ids, np.zeros(3, dtype=bool)), [0, 2], pad_id=0
    )


@given(
    batch=st.lists(st.integers(0, 99), min_size=1, max_size=9, unique=True),
    world_size=st.integers(1, 4),
)
def test_shard_batch_batches_have_the_mean_of_the_whole(batch: list[int], world_size: int) -> None:
    parts = [shard_batch(batch, rank, world_size) for rank in range(world_size)]
    assert sorted(i for items, weight in parts if weight for i in items) == sorted(batch)
    assert all(items for items, _ in parts)
    mean = sum(weight * sum(items) / len(items) for items, weight in parts) / world_size
    assert mean == pytest.approx(sum(batch) / len(batch))
