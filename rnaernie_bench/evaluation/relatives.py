"""How near the sequences of test parts are to those of train."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.leakage import nearest_identity
from rnaernie_bench.data.loading import make_split
from rnaernie_bench.learning.feature_cache import FeatureTable, cached_features
from rnaernie_bench.metrics.answers.structure import IDENTITY_EDGES
from rnaernie_bench.task.task import Task

MOST_PAIRS = 50_000_000
"""Test times training sequences beyond which nothing is looked for: some minutes of one core."""


def nearest_training(task: Task, dataset: Dataset, split: Split) -> FeatureTable | None:
    """Return the identity of each test sequence to its nearest training sequence.

    All of the split's training part counts, also where a run trains on a fraction of it, so that
    the bands of all rows of a table hold the same sequences. The search is that of the audit
    (`data.leakage`) and misses none; what it finds is cached.

    Args:
        task: declares the split.
        dataset: holds its parts.
        split: names it, and its fold.

    Returns:
        Rows of one number: the identity, or 0 where it is below the lowest of `IDENTITY_EDGES`.
        None where looking for them would take long, see `MOST_PAIRS`.
    """
    whole = make_split(task, dataset, split.name, fold=split.fold)
    train = sorted({item.sequence for item in whole.train})
    tests = [item.sequence for part in whole.tests.values() for item in part]
    if len(set(tests)) * len(train) > MOST_PAIRS:
        return None

    def search(sequences: Sequence[str]) -> np.ndarray:
        identities, _ = nearest_identity(sequences, train, threshold=IDENTITY_EDGES[0])
        return identities[:, None]

    key = {
        "of": f"identity to train from {IDENTITY_EDGES[0]}",
        "task": task.key,
        "data": dataset.fingerprint,
        "split": split.name,
        "fold": str(split.fold),
    }
    return cached_features(tests, search, key=key)
