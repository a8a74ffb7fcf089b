"""Does training with fast dropout, and in bfloat16, end where torch's dropout in float32 ends?

Validation loss after two epochs, three seeds each, of a small RNAErnie on 3,000 sequences of nRC
cut to 120 bases, the batches the same for both.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.common import build, collate, nrc, trainer
from rnaernie_bench.backbones.precision import Precision, autocast
from rnaernie_bench.data.batching import LengthBucketedBatchSampler

SEEDS = (0, 1, 2)
RATE = 1e-3
EPOCHS = 2
TRAIN, VALIDATION = 3000, 507
MAX_TOKENS = 122
BUDGET = 1800
"""About 16 sequences a batch: 375 steps in two epochs, enough to leave chance behind."""


VARIANTS: dict[str, tuple[bool, Precision]] = {
    "torch dropout": (False, "fp32"),
    "fast dropout": (True, "fp32"),
    "fast dropout, bf16": (True, "bf16"),
}


def main(arguments: list[str] | None = None) -> None:
    """Print the mean of each variant, its standard error, and whether it agrees with the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS, action="append", help="default: all")
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    items = [item[:MAX_TOKENS] for item in items]
    train, validation = stratified(labels, TRAIN, VALIDATION)
    print(f"data: {source}; {len(train)} for training, {len(validation)} for validation")
    means, errors = [], []
    for name in options.variant or VARIANTS:
        losses = np.array(
            [run(items, labels, train, validation, *VARIANTS[name], seed) for seed in SEEDS]
        )
        means.append(losses.mean())
        errors.append(losses.std(ddof=1) / len(losses) ** 0.5)
        each = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"{name:18s} {means[-1]:.4f} +- {errors[-1]:.4f}  ({each})", flush=True)
        difference, error = means[-1] - means[0], float(np.hypot(errors[-1], errors[0]))
        if len(means) > 1:
            verdict = "agree" if abs(difference) <= 2 * error else "DIFFER"
            told = f"difference {difference:+.4f}, standard error {error:.4f}"
            print(f"{'':18s} {told}: they {verdict} within 2")


def stratified(labels: np.ndarray, *sizes: int) -> list[np.ndarray]:
    """Draw disjoint parts with the classes in equal proportions."""
    generator = np.random.default_rng(0)
    classes = [generator.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    dealt = np.array([members[: min(map(len, classes))] for members in classes]).T.ravel()
    return np.split(dealt, np.cumsum(sizes))[: len(sizes)]


def run(  # type: ignore[no-untyped-def]
    items, labels, train, validation, fast: bool, precision: Precision, seed: int
) -> float:
    """Train one model and return its mean validation loss."""
    model = build(layers=2, hidden=128, heads=4, fast_dropout=fast, seed=seed)
    step = trainer(model, rate=RATE, precision=precision)
    sampler = LengthBucketedBatchSampler(
        [len(items[i]) for i in train], BUDGET, shuffle=True, seed=seed
    )
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        for batch in sampler:
            step(collate(items, labels, train[batch].tolist()))
    model.eval()
    total = 0.0
    evaluation = LengthBucketedBatchSampler(
        [len(items[i]) for i in validation], BUDGET, shuffle=False, seed=0
    )
    with torch.no_grad(), autocast(torch.device("cpu"), precision):
        for batch in evaluation:
            loss = model(**collate(items, labels, validation[batch].tolist())).loss
            total += float(loss) * len(batch)
    return total / len(validation)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
