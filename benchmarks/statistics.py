"""How long do the paired tests take on a test set of the size of nRC's?

10,000 resamples of the difference in macro F1 of two models on 2,600 items of 13 classes: by kinds
of item, as `rnaernie_bench.results` does it, and item by item, as one would write it first.
"""

from __future__ import annotations

import time

import numpy as np

from rnaernie_bench.leaderboard.paired import permutation_p
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.resampling import (
    N_RESAMPLES,
    Integers,
    alike,
    bca_interval,
    bootstrap,
    jackknife,
)
from rnaernie_bench.metrics.scoring.composites import Floats, auroc_scorer
from rnaernie_bench.metrics.scoring.confusion import classification_metrics, confusion_matrix

ITEMS, CLASSES = 2600, 13
ACCURACIES = (0.67, 0.6)
PLAIN = 200
"""Resamples drawn item by item; the time of all is this share's, scaled."""


def main() -> None:
    """Time a bootstrap, its interval and a permutation test; the processor's seconds count."""
    labels, predictions = simulated()
    clock = time.process_time
    start = clock()
    units = alike(labels, *predictions)
    certain = np.log(np.eye(CLASSES) + 1e-3)
    runs = [MULTICLASS.pack(certain[run]) for run in predictions]
    scorer = MULTICLASS.scorer("macro_f1", labels, runs, units)

    def difference(weights: Integers) -> Floats:
        return np.asarray(scorer.score({0: weights}) - scorer.score({1: weights}))

    generator = np.random.default_rng(0)
    samples = bootstrap(units, difference, n_resamples=N_RESAMPLES, generator=generator)
    drawn = clock() - start
    start = clock()
    [estimate] = difference(units.copies[None])
    interval = bca_interval(samples, estimate, jackknife(units, difference), units.copies)
    corrected = clock() - start
    start = clock()
    p = permutation_p(scorer, 0, 1, generator=generator)
    exchanged = clock() - start
    start = clock()
    plain = item_by_item(labels, predictions, generator)
    slow = (clock() - start) * N_RESAMPLES / PLAIN
    print(f"{len(units.copies)} kinds among {ITEMS:,} items, {N_RESAMPLES:,} resamples")
    print(f"difference {estimate:+.4f} [{interval[0]:+.4f}, {interval[1]:+.4f}], p {p:.4f}")
    print(f"bootstrap   {drawn:7.2f} s   {'under' if drawn < 1 else 'OVER'} 1 s")
    print(f"BCa         {corrected:7.2f} s")
    print(f"permutation {exchanged:7.2f} s   {'under' if exchanged < 1 else 'OVER'} 1 s")
    print(f"item by item {slow:6.2f} s   {slow / drawn:.0f} times the bootstrap")
    drawn, exchanged = auroc(generator)
    print(f"AUROC, two classes: bootstrap {drawn:.2f} s, permutation {exchanged:.2f} s")
    error = plain.std(ddof=1) / (2 * PLAIN) ** 0.5
    agree = abs(plain.std(ddof=1) - samples.std(ddof=1)) < 3 * error
    print(f"their standard errors {'agree' if agree else 'DIFFER'}: "
          f"{samples.std(ddof=1):.4f} and {plain.std(ddof=1):.4f} +- {error:.4f}")  # fmt: skip


def auroc(generator: np.random.Generator) -> tuple[float, float]:
    """Return the seconds of a bootstrap and of a permutation test of the difference in AUROC."""
    labels = generator.integers(2, size=ITEMS)
    scores = generator.normal(size=(2, ITEMS)) + labels * np.array([[1.0], [0.8]])
    scorer = auroc_scorer(labels == 1, scores, alike(np.arange(ITEMS)))

    def difference(weights: Integers) -> Floats:
        return np.asarray(scorer.score({0: weights}) - scorer.score({1: weights}))

    start = time.process_time()
    bootstrap(scorer.units, difference, n_resamples=N_RESAMPLES, generator=generator)
    middle = time.process_time()
    permutation_p(scorer, 0, 1, generator=generator)
    return middle - start, time.process_time() - middle


def simulated() -> tuple[Integers, Integers]:
    """Return labels (2600,) and predictions (2, 2600) of two models that share some errors."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), ITEMS // CLASSES)
    hardness = generator.random(ITEMS)
    wrong = (labels + generator.integers(1, 4, size=(2, ITEMS))) % CLASSES
    luck = 0.5 * hardness + 0.5 * generator.random((2, ITEMS))
    quantiles = [np.quantile(row, share) for row, share in zip(luck, ACCURACIES, strict=True)]
    right = luck < np.array(quantiles)[:, None]
    return labels, np.where(right, labels, wrong)


def item_by_item(labels: Integers, predictions: Integers, generator: np.random.Generator) -> Floats:
    """Return the differences of `PLAIN` resamples, each drawn and counted by itself."""
    differences = []
    for _ in range(PLAIN):
        drawn = generator.integers(ITEMS, size=ITEMS)
        first, second = (
            classification_metrics(confusion_matrix(labels[drawn], run[drawn], CLASSES))["macro_f1"]
            for run in predictions
        )
        differences.append(float(first - second))
    return np.array(differences)


if __name__ == "__main__":
    main()
