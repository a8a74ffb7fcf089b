"""What three typed copies of each sequence cost: seconds of training an epoch of nRC.

The same network (rnaernie-tiny's shape, the authors' head), the same recipe and token budget; only
the inputs differ. The batches measured are spread evenly over an epoch's lengths, and the time of a
sequence stands for that of the epoch. No copy is skipped, which would make typed training cheaper;
predicting the types, once for all epochs and runs, is told beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.common import PAD, TOKEN_BUDGET, Batch, build, nrc, trainer
from rnaernie_bench.backbones.fast_dropout import use_fast_dropout
from rnaernie_bench.backbones.vocabulary import N_RNA_TOKENS, RNA_TYPES
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head

WEIGHTS = (0.6, 0.3, 0.1)
"""Of the three copies; any would do."""


def main(arguments: list[str] | None = None) -> None:
    """Print seconds an epoch of plain and typed training, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=12, help="batches a round, of either kind")
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    print(f"data: {source}; {torch.get_num_threads()} threads; {options.rounds} rounds")
    measures = {
        name: measured(encoded, labels, options.batches)
        for name, encoded in (("plain", copies(items, ())), ("k=3", copies(items, WEIGHTS)))
    }
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(options.rounds):
        for name, measure in measures.items():
            seconds[name].append(measure() * len(items))
    for name, found in seconds.items():
        print(f"{name:8s} {statistics.median(found):8.1f} s an epoch of {len(items)} sequences")
    ratios = [typed / plain for plain, typed in zip(*seconds.values(), strict=True)]
    low, high = min(ratios), max(ratios)
    print(f"ratio {statistics.median(ratios):.2f} (rounds: {low:.2f} to {high:.2f})")


def copies(items: list[np.ndarray], weights: tuple[float, ...]) -> Encoded:
    """Return items as they are, or each as copies that differ in their type, one for a weight."""
    count = max(1, len(weights))
    ids = []
    for number, item in enumerate(items):
        if not weights:
            ids.append(item)
        for copy in range(len(weights)):
            kind = N_RNA_TOKENS + 1 + (number + copy) % len(RNA_TYPES)
            ids.append(np.concatenate((item[:-1], [N_RNA_TOKENS, kind], item[-1:])))
    shares = np.tile(np.array(weights or (1.0,), dtype=np.float32), len(items))
    return Encoded(tuple(ids), np.zeros(len(items), dtype=bool), np.full(len(items), count), shares)


def measured(encoded: Encoded, labels: np.ndarray, count: int) -> Callable[[], float]:
    """Return a measurement of the seconds that a sequence takes in training."""
    sampler = LengthBucketedBatchSampler(
        encoded.lengths, TOKEN_BUDGET, shuffle=True, seed=0, counts=encoded.counts
    )
    chosen = sorted(sampler, key=lambda batch: int(encoded.lengths[batch].max()))
    batches: list[Batch] = []
    for number in range(count):
        indices = chosen[int((number + 0.5) * len(chosen) / count)]
        batch = gather_batch(encoded, indices, PAD)
        batches.append({**batch, "labels": torch.from_numpy(labels[indices])})
    whole = build(layers=4, hidden=192, heads=6)
    head = build_head("pooled", whole.config, 13, "multiclass")
    network = Network(whole.model, head, SequenceInputs).train()
    network.loss = lambda logits, batch: cross_entropy(logits, batch["labels"])
    step = trainer(use_fast_dropout(network))
    step(batches[0])

    def measure() -> float:
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        return (time.perf_counter() - start) / sum(len(batch["labels"]) for batch in batches)

    return measure


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
