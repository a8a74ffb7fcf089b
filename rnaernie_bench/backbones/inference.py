"""A model over many items: batches of similar lengths, results in the caller's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.core import distributed
from rnaernie_bench.core.progress import steps
from rnaernie_bench.core.time_limit import check_time
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded

T = TypeVar("T")

Batch = dict[str, Any]
"""What a network is called with: tensors by name, or further batches, such as one a partner."""


class Inputs(Protocol):
    """What a network reads of some items."""

    @property
    def costs(self) -> np.ndarray:
        """What each item takes of a token budget, int64 of shape (items,)."""
        ...

    @property
    def counts(self) -> np.ndarray | None:
        """How many inputs each item is read as; None: one each."""
        ...

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return some of the items as a padded batch."""
        ...


@dataclass(frozen=True)
class TokenIds:
    """Sequences as token ids."""

    encoded: Encoded
    pad_id: int
    """The token that fills up a batch."""

    @property
    def costs(self) -> np.ndarray:
        """Tokens of the longest input of each sequence."""
        return self.encoded.lengths

    @property
    def counts(self) -> np.ndarray:
        """Inputs of each sequence."""
        return self.encoded.counts

    def gather(self, indices: Sequence[int]) -> Batch:
        """Return ``input_ids``, ``attention_mask`` and perhaps ``copy_weights``."""
        return gather_batch(self.encoded, indices, self.pad_id)


def expect_many_shapes() -> None:
    """Have attention on a GPU computed by kernels that take any shape.

    cuDNN's, torch's first choice on the newest GPUs, are planned for each new shape of a batch.
    Batches of similar lengths have hundreds of shapes: planning took a third of the processor time
    of a step in the pre-training of `rnaernie-tiny` on an H100.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)


def best_device() -> torch.device:
    """Return the accelerator if there is one, else the CPU."""
    expect_many_shapes()
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator or torch.device("cpu")


def moved(batch: Mapping[str, Any], device: torch.device) -> Batch:
    """Return a batch on `device`."""
    return {
        name: moved(value, device) if isinstance(value, Mapping) else value.to(device)
        for name, value in batch.items()
    }


def in_batches(
    work: Callable[[list[int], Batch], T],
    inputs: Inputs,
    *,
    token_budget: int,
    device: torch.device,
    together: bool = False,
) -> Iterator[tuple[list[int], T]]:
    """Yield the indices of each batch, longest items first, and `work` of it, without gradients.

    Args:
        work: is given the indices and the batch, on `device`.
        inputs: the items.
        token_budget: the most padded tokens of a batch.
        device: where `work` wants its batch.
        together: whether all processes of the launch call this: each works on some of the batches
            and gets the results of all, in the order of the batches.
    """
    sampler = LengthBucketedBatchSampler(
        inputs.costs, token_budget, shuffle=False, seed=0, counts=inputs.counts
    )

    def worked(share: int, shares: int) -> Iterator[tuple[list[int], T]]:
        for indices in islice(sampler, share, None, shares):
            check_time()
            batch = moved(inputs.gather(indices), device)
            with torch.inference_mode():
                found = work(indices, batch)
            yield indices, found

    processes = distributed.count() if together else 1
    if processes == 1:
        yield from worked(0, 1)
        return
    gathered = distributed.gather(list(worked(distributed.number(), processes)))
    for number in range(sum(map(len, gathered))):
        yield gathered[number % processes][number // processes]


def scores(
    compute: Callable[[Batch], Tensor],
    inputs: Inputs,
    *,
    token_budget: int,
    device: torch.device,
    sizes: np.ndarray | None = None,
    progress: Callable[[int], object] = lambda done: None,
    together: bool = False,
) -> np.ndarray:
    """Return `compute` of all units of all items, float32 of shape (units, width), in item order.

    Args:
        compute: maps a batch to rows (units of the batch, width), item by item.
        inputs: the items.
        token_budget: the most padded tokens of a batch.
        device: where `compute` wants its batch.
        sizes: int64 (items,), the units of each; one each if None.
        progress: called with the number of items of each finished batch.
        together: see `in_batches`.
    """
    sizes = np.ones(len(inputs.costs), dtype=np.int64) if sizes is None else sizes
    starts = np.cumsum(sizes) - sizes
    rows: np.ndarray | None = None
    found = in_batches(
        lambda _, batch: compute(batch).float().cpu().numpy(),
        inputs,
        token_budget=token_budget,
        device=device,
        together=together,
    )
    with steps("scoring", len(sizes), "items") as step:
        for indices, block in found:
            if rows is None:
                rows = np.empty((int(sizes.sum()), block.shape[1]), dtype=np.float32)
            places = [np.arange(starts[i], starts[i] + sizes[i]) for i in indices]
            rows[np.concatenate(places)] = block
            step(len(indices))
            progress(len(indices))
    return np.empty((0, 0), dtype=np.float32) if rows is None else rows
