"""Does training with fast dropout end where training with torch's dropout ends?

Validation loss after two epochs, three seeds each, of a small RNAErnie on 3,000 sequences of nRC
cut to 120 bases, the batches the same for both.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.common import build, collate, nrc, trainer
from rnaernie_bench.data.batching import LengthBucketedBatchSampler

SEEDS = (0, 1, 2)
RATE = 1e-3
EPOCHS = 2
TRAIN, VALIDATION = 3000, 507
MAX_TOKENS = 122
BUDGET = 1800
"""About 16 sequences a batch: 375 steps in two epochs, enough to leave chance behind."""


def main() -> None:
    """Train six times and print both means, their standard errors and whether they agree."""
    items, labels, source = nrc()
    items = [item[:MAX_TOKENS] for item in items]
    train, validation = stratified(labels, TRAIN, VALIDATION)
    print(f"data: {source}; {len(train)} for training, {len(validation)} for validation")
    means, errors = [], []
    for fast in (False, True):
        losses = np.array([run(items, labels, train, validation, fast, seed) for seed in SEEDS])
        means.append(losses.mean())
        errors.append(losses.std(ddof=1) / len(losses) ** 0.5)
        name = "fast dropout " if fast else "torch dropout"
        each = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"{name} {means[-1]:.4f} +- {errors[-1]:.4f}  ({each})", flush=True)
    difference, error = means[1] - means[0], float(np.hypot(*errors))
    verdict = "agree" if abs(difference) <= 2 * error else "DIFFER"
    print(f"difference {difference:+.4f}, standard error {error:.4f}: they {verdict} within 2")


def stratified(labels: np.ndarray, *sizes: int) -> list[np.ndarray]:
    """Draw disjoint parts with the classes in equal proportions."""
    generator = np.random.default_rng(0)
    classes = [generator.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    dealt = np.array([members[: min(map(len, classes))] for members in classes]).T.ravel()
    return np.split(dealt, np.cumsum(sizes))[: len(sizes)]


def run(items, labels, train, validation, fast: bool, seed: int) -> float:  # type: ignore[no-untyped-def]
    """Train one model and return its mean validation loss."""
    model = build(layers=2, hidden=128, heads=4, fast_dropout=fast, seed=seed)
    step = trainer(model, rate=RATE)
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
    with torch.no_grad():
        for batch in evaluation:
            loss = model(**collate(items, labels, validation[batch].tolist())).loss
            total += float(loss) * len(batch)
    return total / len(validation)


if __name__ == "__main__":
    main()
