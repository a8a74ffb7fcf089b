"""k-mers of nRC: the product's regression against the lines of scikit-learn that a user writes.

Both count k-mers of 1 to 5 letters, fit multinomial logistic regressions over nine decades of C on
nine tenths of nRC's training sequences, and keep the best on the rest. The user counts with
CountVectorizer, takes frequencies, standardises their scale and fits each C alone. The product runs
what `backbone=kmer` runs.

    python -m benchmarks.kmers
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.common import nrc
from rnaernie_bench.learning.kmers import kmer_frequencies
from rnaernie_bench.learning.regression import Regressions
from rnaernie_bench.learning.strengths import best_strength
from rnaernie_bench.metrics.targets import Targets

LONGEST = 5
STRENGTHS = tuple(float(f"1e{power}") for power in range(-5, 4))
LETTERS = np.array(["N"] * 6 + list("ACGU") + ["N"] * 200)
"""By token id."""


def by_a_user(sequences: list[str], labels: np.ndarray, train: np.ndarray) -> float:
    """Return the best macro F1 on the rest, as scikit-learn's lines have it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.preprocessing import MaxAbsScaler, normalize

    counter = CountVectorizer(analyzer="char", ngram_range=(1, LONGEST), lowercase=False)
    counts = counter.fit_transform(sequences).astype(float)
    features = MaxAbsScaler().fit_transform(normalize(counts, "l1"))
    scores = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(features[train], labels[train])
        scores.append(f1_score(labels[~train], model.predict(features[~train]), average="macro"))
    return float(max(scores))


def by_the_product(sequences: list[str], labels: np.ndarray, train: np.ndarray) -> float:
    """Return the same by the product's features and path."""
    from sklearn.metrics import f1_score

    features: Any = kmer_frequencies(sequences, 1, LONGEST)
    targets = Targets("multiclass", labels[train], np.ones(int(train.sum()), np.int64))
    path = Regressions(features[train], targets, int(labels.max()) + 1)
    return best_strength(
        path.at,
        lambda model: float(
            f1_score(labels[~train], model.logits(features[~train]).argmax(axis=1), average="macro")
        ),
        STRENGTHS,
    ).score


def main(arguments: list[str] | None = None) -> None:
    """Print processor time and score of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=6000)
    options = parser.parse_args(arguments or [])
    ids, labels, source = nrc()
    sequences = ["".join(LETTERS[each]) for each in ids[: options.sequences]]
    labels = labels[: len(sequences)].astype(np.int64)
    train = np.random.default_rng(0).random(len(sequences)) < 0.9
    seconds = []
    print(f"{len(sequences):,} sequences: {source}")
    for name, fit in (("scikit-learn", by_a_user), ("product", by_the_product)):
        start = time.process_time()
        score = fit(sequences, labels, train)
        seconds.append(time.process_time() - start)
        print(f"{name:<13}{seconds[-1]:7.1f} s of processor time, macro F1 {score:.3f}", flush=True)
    print(f"the product takes {seconds[1] / seconds[0]:.2f} of the time")


if __name__ == "__main__":
    main()
