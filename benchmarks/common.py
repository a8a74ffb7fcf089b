"""What the benchmarks share: nRC's sequences or their likeness, models, and the training step."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.fast_dropout import use_fast_dropout
from rnaernie_bench.backbones.precision import Precision, autocast
from rnaernie_bench.backbones.vocabulary import MAX_BASES, N_TYPED_TOKENS, typed_tokenizer
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, pad_batch
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.data.fasta import read_fasta

PAD = 0
BATCH_SIZE = 32
TOKEN_BUDGET = 5760
"""32 sequences of nRC a batch on average, as the reference has in every batch."""

DECILES = (45, 77, 91, 108, 121, 132, 144, 158, 217, 325, 510)
"""nRC's training lengths in tokens, for machines without the data: minimum, deciles, maximum."""

SHAPES: dict[str, dict[str, Any]] = {
    "rnaernie-mini": {"layers": 6, "hidden": 256, "heads": 8},
    "rnaernie (86 M)": {"layers": 12, "hidden": 768, "heads": 12},
}
"""Backbones that are trained, with their shapes."""

Batch = dict[str, Tensor]


def nrc() -> tuple[list[np.ndarray], np.ndarray, str]:
    """Return nRC's training sequences as token ids, their labels, and where they come from.

    Without the data under RNAERNIE_BENCH_DATA, 5,670 random sequences of the same lengths.
    """
    for folder in os.environ.get("RNAERNIE_BENCH_DATA", "").split(os.pathsep):
        path = Path(folder) / "nrc" / "rnagcn_train.fasta"
        if folder and path.is_file():
            break
    else:
        generator = np.random.default_rng(0)
        quantiles = np.linspace(0, 1, len(DECILES))
        lengths = np.interp(generator.random(5670), quantiles, DECILES).astype(int)
        items = [generator.integers(6, 10, n) for n in lengths]
        return items, generator.integers(13, size=5670), "synthetic, with nRC's length deciles"
    records = list(read_fasta(path))
    encoded = encode(
        [record.sequence for record in records],
        typed_tokenizer(),
        policy="truncate",
        max_bases=MAX_BASES,
    )
    labels = np.unique([record.header.split()[1] for record in records], return_inverse=True)[1]
    return list(encoded.ids), labels, "nRC (rnagcn_train.fasta)"


def build(
    *,
    layers: int = 6,
    hidden: int = 256,
    heads: int = 8,
    dropout: float = 0.1,
    attention: str = "sdpa",
    fast_dropout: bool = False,
    seed: int = 0,
) -> nn.Module:
    """Build an RNAErnie classifier of 13 classes in training mode; by default rnaernie-mini."""
    from multimolecule import RnaErnieConfig, RnaErnieForSequencePrediction

    torch.manual_seed(seed)
    config = RnaErnieConfig(
        vocab_size=N_TYPED_TOKENS,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=513,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        head={"num_labels": 13, "problem_type": "multiclass"},
    )
    config._attn_implementation = attention
    model = RnaErnieForSequencePrediction(config).train()
    return use_fast_dropout(model) if fast_dropout else model


def collate(items: Sequence[np.ndarray], labels: np.ndarray, indices: Sequence[int]) -> Batch:
    """Pad the chosen items into a batch."""
    input_ids, mask = pad_batch([items[i] for i in indices], PAD)
    chosen = torch.from_numpy(labels[list(indices)])
    return {"input_ids": input_ids, "attention_mask": mask, "labels": chosen}


def bucketed_batches(items: Sequence[np.ndarray], count: int) -> list[list[int]]:
    """Return `count` bucketed batches whose lengths are spread evenly over an epoch's."""
    lengths = [len(item) for item in items]
    batches = list(LengthBucketedBatchSampler(lengths, TOKEN_BUDGET, shuffle=True, seed=0))
    batches.sort(key=lambda batch: max(lengths[i] for i in batch))
    return [batches[int((i + 0.5) * len(batches) / count)] for i in range(count)]


def trainer(
    model: nn.Module, *, rate: float = 1e-4, precision: Precision = "fp32"
) -> Callable[[Batch], float]:
    """Return one training step: forward, backward, clipped AdamW; it returns the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01, fused=True)

    def step(batch: Batch) -> float:
        with autocast(torch.device("cpu"), precision):
            loss = model(**batch)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step


def peak(dtype: torch.dtype, size: int = 2048) -> float:
    """Return GFLOP/s of processor time of the best of some large matrix products."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        a @ b
        best = min(best, time.process_time() - start)
    return 2 * size**3 / best / 1e9


def useful_flops(config: Any, batches: Sequence[Batch]) -> float:
    """Return the FLOPs of a step's matrix products on tokens that are no padding.

    A forward pass has two for each weight of a layer and token, and four for each hidden value of
    all pairs of tokens of a sequence; the backward pass has twice as many.
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    weights = 4 * hidden**2 + 2 * hidden * inner
    lengths = torch.cat([batch["attention_mask"].sum(1) for batch in batches]).double()
    forward = 2 * weights * lengths.sum() + 4 * hidden * (lengths**2).sum()
    return float(3 * config.num_hidden_layers * forward)
