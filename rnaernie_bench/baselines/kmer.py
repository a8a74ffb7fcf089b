"""Logistic regression on k-mer frequencies (scikit-learn)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.kmers import KmerClassifier, kmer_frequencies
from rnaernie_bench.learning.linear import best_on_validation
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


ENTRY = BaselineEntry(
    options=KmerOptions,
    fit="rnaernie_bench.baselines.kmer:fit",
    restore="rnaernie_bench.learning.kmers:restore",
    summary="logistic regression on k-mer frequencies",
)
