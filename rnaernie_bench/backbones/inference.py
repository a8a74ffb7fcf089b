"""A model over many sequences: batches of similar lengths, results in the caller's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.core import distributed
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded


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


def in_batches(
    compute: Callable[[Tensor, Tensor], Tensor],
    encoded: Encoded,
    *,
    pad_id: int,
    token_budget: int,
    device: torch.device,
    progress: Callable[[int], object] = lambda done: None,
    sizes: np.ndarray | None = None,
    together: bool = False,
) -> np.ndarray:
    """Return `compute` of every sequence, or of every base of it, without gradients.

    Of a sequence that is read as several inputs, the weighted mean is returned.

    Args:
        compute: maps ``input_ids`` and ``attention_mask``, each (batch, length), to (batch, width),
            or to (units of the batch, width).
        encoded: the sequences.
        pad_id: the token that fills up a batch.
        token_budget: the most padded tokens of a batch.
        device: where `compute` wants its inputs.
        progress: is told the number of sequences of each finished batch.
        sizes: int64 (sequences,), the units of each; one each if None.
        together: whether all processes of the launch call this: each computes some of the batches
            and gets the results of all.

    Returns:
        float32 of shape (units, width), in the order of `encoded`.
    """
    shares = {"share": distributed.number(), "shares": distributed.count()} if together else {}
    outputs = batch_outputs(
        compute, encoded, pad_id=pad_id, token_budget=token_budget, device=device, **shares
    )
    if distributed.count() > 1 and together:
        outputs = (output for found in distributed.gather(list(outputs)) for output in found)
    rows: np.ndarray | None = None
    sizes = np.ones(len(encoded), dtype=np.int64) if sizes is None else sizes
    starts = np.cumsum(sizes) - sizes
    for indices, block in outputs:
        if rows is None:
            rows = np.empty((int(sizes.sum()), block.shape[1]), dtype=np.float32)
        rows[np.concatenate([np.arange(starts[i], starts[i] + sizes[i]) for i in indices])] = block
        progress(len(indices))
    return np.empty((0, 0), dtype=np.float32) if rows is None else rows


def batch_outputs(
    compute: Callable[[Tensor, Tensor], Tensor],
    encoded: Encoded,
    *,
    pad_id: int,
    token_budget: int,
    device: torch.device,
    share: int = 0,
    shares: int = 1,
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield the indices of each batch, longest sequences first, and `compute` of it as float32.

    The arguments are those of `in_batches`, but for the shape that `compute` returns: any. Of
    several `shares`, the one numbered `share` holds every so manieth batch.
    """
    sampler = LengthBucketedBatchSampler(
        encoded.lengths, token_budget, shuffle=False, seed=0, counts=encoded.counts
    )
    for indices in islice(sampler, share, None, shares):
        batch = gather_batch(encoded, indices, pad_id)
        with torch.inference_mode():
            output = compute(batch["input_ids"].to(device), batch["attention_mask"].to(device))
            output = output.float().cpu()
            if "votes" in batch:
                output = torch.tensordot(batch["votes"], output, 1)
        yield indices, output.numpy()
