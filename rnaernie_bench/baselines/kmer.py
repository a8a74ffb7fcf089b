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

from rnaernie_bench.catalogue import BaselineEntry
from rnaernie_bench.data.items import labels_of
from rnaernie_bench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rnaernie_bench.fitting import FitContext, FitReport


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
        return np.asarray(frequencies @ self.weights.T + self.bias, dtype=np.float32)

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
    from sklearn.linear_model import LogisticRegression

    from rnaernie_bench.fitting import FitReport
    from rnaernie_bench.metrics import classification_report

    start = time.perf_counter()
    task, metric = context.task, context.task.main_metric
    frequencies = kmer_frequencies(
        [item.sequence for item in context.train], options.min_k, options.max_k
    )
    labels = labels_of(context.train)
    if len(np.unique(labels)) < 2:
        raise DataError(
            "the train part holds items of one class, two are needed",
            where=f"data set {context.dataset.name}",
        )
    held_out = labels_of(context.validation)
    best: tuple[float, float, KmerClassifier] | None = None
    for trial, strength in enumerate(options.C, 1):
        regression = LogisticRegression(C=strength, max_iter=2000).fit(frequencies, labels)
        model = KmerClassifier(
            options.min_k, options.max_k, *all_classes(regression, len(task.labels))
        )
        logits = model.logits([item.sequence for item in context.validation])
        metrics = classification_report(logits, held_out, task.labels).metrics
        context.log({f"eval_{name}": value for name, value in metrics.items()}, trial)
        value = metrics[metric.name] * (1 if metric.higher_is_better else -1)
        if best is None or value > best[0]:
            best = (value, strength, model)
    assert best is not None  # options.C is not empty
    seconds = time.perf_counter() - start
    return best[2], FitReport(
        parameters=best[2].weights.size + best[2].bias.size,
        weights_sha256=None,
        max_bases=None,
        train_s=seconds,
        items_per_s=len(context.train) * len(options.C) / seconds,
        epochs=1,
        best_epoch=1,
        stopped_by="optimum",
        trials=len(options.C),
        selected={"C": best[1]},
    )


def all_classes(regression: Any, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and bias of all classes; those that train lacks get a score out of reach."""
    weights = np.zeros((classes, regression.coef_.shape[1]), dtype=np.float32)
    bias = np.full(classes, -50.0, dtype=np.float32)
    if len(regression.classes_) == 2:  # scikit-learn keeps one row for two classes
        weights[regression.classes_[1]] = regression.coef_[0]
        bias[regression.classes_] = [0.0, regression.intercept_[0]]
    else:
        weights[regression.classes_] = regression.coef_
        bias[regression.classes_] = regression.intercept_
    return weights, bias


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
