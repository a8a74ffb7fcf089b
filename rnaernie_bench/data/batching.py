"""Batches of similar lengths under a token budget, and their padding.

A transformer's time goes with padded tokens. Random batches of ncRNAs are about half padding;
batches cut from length buckets carry a few per cent. Buckets depend on the lengths alone, so the
number of batches is the same in every epoch, which a trainer relies on to plan its schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from rnaernie_bench.data.encoding import Encoded

SPREAD, WIDEST_SPREAD = 0.04, 0.2
"""A bucket holds every item at most the first fraction shorter than its longest. While it has
fewer than MIN_BATCHES batches it goes on, up to the second, lest the same few items always meet.
On nRC at 32 items a batch, 2.4 % of the tokens are padding."""

MIN_BATCHES = 4


class LengthBucketedBatchSampler(Sampler[list[int]]):
    """Yields batches of indices whose padded size stays within a token budget.

    Items are sorted by length, longest first, and the order is cut into buckets, each of one
    batch or more. A bucket's batches hold as many items as the budget allows at the bucket's
    longest length, in sizes that differ by one at most. With `shuffle`, items are shuffled inside
    their bucket and batches among each other, from `(seed, epoch)` alone; without, the order is
    that of the lengths.

    On several ranks, each global batch is sharded item by item, `token_budget / world_size`
    tokens to a rank, and every rank yields batches of the same sizes in the same order of steps.
    A global batch that does not divide by the ranks is filled up by repeating its own first
    items; `gathered_indices` tells which. With one rank every item occurs exactly once per epoch.

    Items that are read as several inputs share batches with items of as many.

    Args:
        lengths: tokens of each item, special tokens included; of its longest input, if several.
        token_budget: the most padded tokens (longest input x inputs) of a global batch. A single
            item over its rank's share is a batch by itself.
        shuffle: whether to shuffle.
        seed: seed of the shuffling.
        rank: this process, from 0.
        world_size: the number of processes.
        counts: how many inputs each item is read as; one each if None.

    Raises:
        ValueError: if the budget, a length or a count is not positive, or the rank is not below
            the world size.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        token_budget: int,
        *,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        counts: np.ndarray | None = None,
    ) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.counts = np.ones_like(self.lengths) if counts is None else counts
        if token_budget < 1 or (self.lengths < 1).any() or (self.counts < 1).any():
            raise ValueError("the token budget, all lengths and all counts must be positive")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size}")
        self.token_budget = token_budget
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        order = np.lexsort((-self.lengths, -self.counts))
        runs = np.flatnonzero(np.diff(self.counts[order])) + 1
        self._buckets = [
            bucket for run in np.split(order, runs) for bucket in self._cut_buckets(run)
        ]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose shuffling the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(parts for _, parts in self._buckets)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._global_batches():
            yield batch[self.rank :: self.world_size].tolist()

    def gathered_indices(self) -> np.ndarray:
        """Return the item of each row when the ranks' outputs are gathered, step by step.

        Rows are in the order of steps and, inside a step, of ranks, as an all-gather along the
        first axis gives them, in the epoch last set. A row whose index occurred before is a
        repeat: `np.unique(indices, return_index=True)` finds each item's first row.

        Returns:
            Indices, shape (rows of one epoch over all ranks,).
        """
        ranks = range(self.world_size)
        rows = [b[rank :: self.world_size] for b in self._global_batches() for rank in ranks]
        return np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)

    def padding(self) -> float:
        """Return the fraction of all padded tokens, over all ranks, that hold no token.

        Repeats on several ranks count as tokens.
        """
        used = padded = 0
        for batch in self._global_batches():
            for rank in range(self.world_size):
                items = batch[rank :: self.world_size]
                used += int((self.lengths[items] * self.counts[items]).sum())
                padded += int(self.lengths[items].max() * self.counts[items].sum())
        return 1.0 - used / padded if padded else 0.0

    def _capacity(self, tokens: int) -> int:
        """Return how many items of so many padded tokens a global batch holds."""
        return max(1, self.token_budget // self.world_size // tokens) * self.world_size

    def _cut_buckets(self, order: np.ndarray) -> list[tuple[np.ndarray, int]]:
        """Cut sorted items of equal counts into buckets, each with its number of batches."""
        lengths, buckets, start = self.lengths[order], [], 0
        while start < len(order):
            capacity = self._capacity(int(lengths[start] * self.counts[order[start]]))
            floors = lengths[start] * (1.0 - np.array([SPREAD, WIDEST_SPREAD]))
            near, far = np.searchsorted(-lengths, -floors, side="right").tolist()
            stop = max(near, min(start + MIN_BATCHES * capacity, far), start + capacity)
            stop = min(stop, len(order))
            buckets.append((order[start:stop], -(-(stop - start) // capacity)))
            start = stop
        return buckets

    def _global_batches(self) -> list[np.ndarray]:
        """Return the epoch's batches over all ranks, each filled up to a multiple of the ranks."""
        generator = np.random.default_rng([self.seed, self.epoch])
        batches: list[np.ndarray] = []
        for bucket, parts in self._buckets:
            items = generator.permutation(bucket) if self.shuffle else bucket
            batches += np.array_split(items, parts)
        if self.shuffle:
            batches = [batches[i] for i in generator.permutation(len(batches))]
        world = self.world_size
        return [np.resize(batch, -(-len(batch) // world) * world) for batch in batches]


def shard_batch(
    batch: Sequence[int], rank: int, world_size: int, loss_weights: np.ndarray | None = None
) -> tuple[list[int], float]:
    """Return the items of a batch that fall to a rank, and what their mean counts for.

    The mean over the batch is the mean over ranks of weight x mean over the rank's items. A rank
    to which nothing of a small batch falls gets its first item, with weight 0.

    Args:
        batch: indices, at least one.
        rank: this process, from 0.
        world_size: the number of processes.
        loss_weights: how much each item counts in a mean, such as its known bases; None: all alike.
    """
    own = list(batch[rank::world_size])
    if loss_weights is None:
        share = len(own) / len(batch)
    else:
        share = float(loss_weights[own].sum() / max(loss_weights[list(batch)].sum(), 1e-9))
    return own or list(batch[:1]), share * world_size


def gather_batch(encoded: Encoded, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
    """Return the inputs of some sequences as a batch.

    Args:
        encoded: the sequences.
        indices: which of them, at least one.
        pad_id: the token id that fills up.

    Returns:
        ``input_ids`` and ``attention_mask``, (inputs, longest), see `pad_batch`. Where a sequence
        is read as several inputs also ``copy_weights``, see `copy_weights`.
    """
    counts = encoded.counts[list(indices)]
    inputs = np.concatenate(
        [np.arange(encoded.starts[i], encoded.starts[i] + encoded.counts[i]) for i in indices]
    )
    input_ids, attention_mask = pad_batch([encoded.ids[i] for i in inputs], pad_id)
    batch = {"input_ids": input_ids, "attention_mask": attention_mask}
    if len(inputs) > len(counts):
        batch["copy_weights"] = copy_weights(counts, encoded.weights[inputs])
    return batch


def copy_weights(counts: np.ndarray, weights: np.ndarray) -> Tensor:
    """Return the matrix that makes the scores of items of those of the inputs they are read as.

    Args:
        counts: int64 (items,), how many inputs each item is read as.
        weights: float32 (inputs,), the share of each; those of an item follow each other.

    Returns:
        float32 (items, inputs): each row holds the shares of the inputs of its item.
    """
    matrix = np.zeros((len(counts), len(weights)), dtype=np.float32)
    matrix[np.repeat(np.arange(len(counts)), counts), np.arange(len(weights))] = weights
    return torch.from_numpy(matrix)


def pad_batch(sequences: Sequence[np.ndarray], pad_id: int) -> tuple[Tensor, Tensor]:
    """Stack token ids of unequal lengths, padded on the right.

    The mask is returned even where nothing is padded: leaving it out saves nothing, since the
    model then derives it from the padding id, and the encoder drops it when it is all true.

    Args:
        sequences: token ids, each of shape (tokens,), at least one.
        pad_id: the token id that fills up.

    Returns:
        Token ids (int64) and attention mask (bool, true at tokens), both (items, longest).
    """
    lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
    mask = np.arange(lengths.max()) < lengths[:, None]
    input_ids = np.full(mask.shape, pad_id, dtype=np.int64)
    input_ids[mask] = np.concatenate(sequences)
    return torch.from_numpy(input_ids), torch.from_numpy(mask)
