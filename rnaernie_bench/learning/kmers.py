"""k-mer frequencies of sequences, and linear classifiers of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.learning.regression import Linear


@dataclass(frozen=True)
class KmerClassifier:
    """A linear classifier of k-mer frequencies."""

    min_k: int
    max_k: int
    weights: np.ndarray
    """float32 of shape (classes, k-mers)."""
    bias: np.ndarray
    """float32 of shape (classes,)."""

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 logits of shape (sequences, classes)."""
        frequencies = kmer_frequencies(sequences, self.min_k, self.max_k)
        return Linear(self.weights, self.bias).logits(frequencies)

    def save(self, folder: Path) -> None:
        """Write weights and k-mer lengths into `folder`."""
        shape = {"min_k": self.min_k, "max_k": self.max_k}
        (folder / "kmer.json").write_text(json.dumps(shape) + "\n", encoding="utf-8")
        np.savez(folder / "kmer.npz", weights=self.weights, bias=self.bias)


def kmer_frequencies(sequences: Sequence[str], min_k: int, max_k: int) -> Any:
    """Return the scaled square root of the frequency of each k-mer of A, C, G, U.

    A frequency is a count over the number of windows of that length, so that a long sequence
    weighs as much as a short one; its square root (the Hellinger map) keeps common k-mers from
    drowning rare ones; the fourth root of the number of k-mers of that length makes the lengths
    weigh alike. Windows with other letters are not counted.

    Returns:
        A CSR matrix of shape (sequences, k-mers), float64.
    """
    from scipy.sparse import diags_array, hstack
    from sklearn.feature_extraction.text import CountVectorizer

    blocks = []
    for k in range(min_k, max_k + 1):
        words = ["".join(letters) for letters in product("ACGU", repeat=k)]
        vectorizer = CountVectorizer(
            analyzer="char", ngram_range=(k, k), lowercase=False, vocabulary=words
        )
        counts = vectorizer.transform(sequences).astype(np.float64)
        windows = np.array([max(1, len(sequence) - k + 1) for sequence in sequences])
        blocks.append((diags_array(np.sqrt(len(words)) / windows) @ counts).sqrt())
    return hstack(blocks, format="csr")


def restore(folder: Path) -> KmerClassifier:
    """Return what `KmerClassifier.save` wrote into `folder`."""
    shape = json.loads((folder / "kmer.json").read_text(encoding="utf-8"))
    with np.load(folder / "kmer.npz", allow_pickle=False) as arrays:
        return KmerClassifier(**shape, weights=arrays["weights"], bias=arrays["bias"])
