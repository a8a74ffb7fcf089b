"""Length and letters: what any model of sequences has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rnaernie_bench.baselines._described import described_entry, fit_described, restored

FEATURES = f"{__name__}:composition"


def composition(sequences: Sequence[str]) -> np.ndarray:
    """Return the logarithm of the length, the share of G and C, and those of A, C and G.

    Letters besides A, C, G and U count in the length alone.

    Returns:
        float64 of shape (sequences, 5).
    """
    counts = np.array([[s.count(base) for base in "ACG"] for s in sequences], dtype=np.float64)
    lengths = np.array([max(1, len(sequence)) for sequence in sequences], dtype=np.float64)
    shares = counts.reshape(-1, 3) / lengths[:, None]
    return np.column_stack([np.log(lengths), shares[:, 1] + shares[:, 2], shares])


fit = partial(fit_described, FEATURES)
restore = partial(restored, FEATURES)

ENTRY = described_entry(__name__, "linear model of length, share of G and C, and composition")
