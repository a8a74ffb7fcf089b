"""Logistic regression on k-mer frequencies (scikit-learn)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.linear import Linear, best_on_validation
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class KmerOptions:
    """Lengths of the k-mers and the regularisations to choose from."""

    name: str
    min_k: int
    max_k: int
    C: tuple[float, ...]  # scikit-learn's name
    """Inverse regularisation strengths; the one best on validation is kept."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_k <= self.max_k <= 8:
            raise ConfigError("1 <= min_k <= max_k <= 8 must hold", where="backbone.max_k")
        if not self.C or min(self.C) <= 0:
            raise ConfigError("one or more values above 0 are needed", where="backbone.C")


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


def fit(context: FitContext, options: KmerOptions) -> tuple[KmerClassifier, FitReport]:
    """Fit one regression for each strength in `options.C` and keep the best on validation.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.interface import FitReport

    start = time.perf_counter()
    train, validation = (
        kmer_frequencies([item.sequence for item in items], options.min_k, options.max_k)
        for items in (context.train, context.validation)
    )
    linear, strength = best_on_validation(context, train, validation, options.C)
    model = KmerClassifier(options.min_k, options.max_k, linear.weights, linear.bias)
    seconds = time.perf_counter() - start
    return model, FitReport(
        parameters=model.weights.size + model.bias.size,
        weights_sha256=None,
        max_bases=None,
        train_s=seconds,
        items_per_s=len(context.train) * len(options.C) / seconds,
        epochs=1,
        best_epoch=1,
        stopped_by="optimum",
        trials=len(options.C),
        selected={"C": strength},
    )


def restore(folder: Path) -> KmerClassifier:
    """Return what `KmerClassifier.save` wrote."""
    shape = json.loads((folder / "kmer.json").read_text(encoding="utf-8"))
    with np.load(folder / "kmer.npz", allow_pickle=False) as arrays:
        return KmerClassifier(**shape, weights=arrays["weights"], bias=arrays["bias"])


ENTRY = BaselineEntry(
    options=KmerOptions,
    fit="rnaernie_bench.baselines.kmer:fit",
    restore="rnaernie_bench.baselines.kmer:restore",
    summary="logistic regression on k-mer frequencies",
)
