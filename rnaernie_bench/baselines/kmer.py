"""Logistic regression on k-mer frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnaernie_bench.baselines._regression import (
    READS,
    check_kmers,
    check_strengths,
    fit_on_features,
)
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.kmers import KmerClassifier


@dataclass(frozen=True)
class KmerOptions:
    """Lengths of the k-mers and the regularisation."""

    name: str
    min_k: int = 1
    """The shortest k-mers that are counted."""
    max_k: int = 5
    """The longest."""
    C: tuple[float, ...] = ()  # scikit-learn's name
    """Inverse regularisation strengths to choose from; none: decades, until validation falls."""

    def __post_init__(self) -> None:
        check_kmers(self.min_k, self.max_k)
        check_strengths(self.C)


def fit(context: FitContext, options: KmerOptions) -> tuple[KmerClassifier, FitReport]:
    """Fit regressions, and keep the best on validation.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.kmers import KmerClassifier, kmer_frequencies

    def features(sequences: Sequence[str]) -> Any:
        return kmer_frequencies(sequences, options.min_k, options.max_k)

    linear, report = fit_on_features(context, features, options.C)
    return KmerClassifier(options.min_k, options.max_k, linear.weights, linear.bias), report


ENTRY = BaselineEntry(
    options=KmerOptions,
    fit="rnaernie_bench.baselines.kmer:fit",
    restore="rnaernie_bench.learning.kmers:restore",
    summary="logistic regression on k-mer frequencies",
    reads=READS,
)
