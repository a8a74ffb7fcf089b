"""Model FLOP utilisation of a training step against the measured peak of matrix products.

FLOPs are counted with eager attention, since torch's counter misses SDPA on a CPU, on the padded
batches; recomputation in the backward pass is not counted as useful. The peak is that of a large
float32 product with the same number of threads, measured in turn with the steps.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.common import Batch, bucketed_batches, build, collate, nrc, trainer

SIZE = 2048


def main(arguments: list[str] | None = None) -> None:
    """Print the peak and the utilisation with dropout 0.1 and without dropout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=8, help="batches a round")
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    batches = [collate(items, labels, i) for i in bucketed_batches(items, options.batches)]
    flops = [count(batch) for batch in batches]
    total = sum(flops) / 1e9
    print(f"data: {source}; {torch.get_num_threads()} threads; {total:.0f} GFLOP a round")
    models = {
        "dropout 0.1": trainer(build(fast_dropout=True)),
        "dropout 0": trainer(build(dropout=0.0, fast_dropout=True)),
    }
    for step in models.values():
        step(batches[0])
    shares: dict[str, list[float]] = {name: [] for name in models}
    peaks = []
    for _ in range(options.rounds):
        for name, step in models.items():
            seconds, here = 0.0, []
            for batch in batches:
                here.append(peak())
                start = time.perf_counter()
                step(batch)
                seconds += time.perf_counter() - start
            peaks.append(statistics.median(here))
            shares[name].append(total / seconds / peaks[-1])
    print(f"peak {statistics.median(peaks):.0f} GFLOP/s ({SIZE} x {SIZE} float32)")
    for name, found in shares.items():
        spread = f"{min(found):.0%} to {max(found):.0%}"
        print(f"{name:12s} utilisation {statistics.median(found):.0%} ({spread})")


def count(batch: Batch) -> float:
    """Return the FLOPs of one forward and backward pass."""
    model = build(dropout=0.0, attention="eager")
    counter = FlopCounterMode(display=False)
    with counter:
        model(**batch).loss.backward()
    return float(counter.get_total_flops())


def peak() -> float:
    """Return GFLOP/s of one large matrix product."""
    a, b = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    out = torch.empty(SIZE, SIZE)
    start = time.perf_counter()
    torch.mm(a, b, out=out)
    return 2 * SIZE**3 / (time.perf_counter() - start) / 1e9


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
