"""Logistic regression on the k-mer frequencies of both sequences of a pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.baselines._pair_regression import PairRegression, Pairs, saved_linear
from rnaernie_bench.baselines._regression import (
    READS,
    check_kmers,
    check_strengths,
    fit_on_features,
)
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class PairKmerOptions:
    """Lengths of the k-mers and the regularisation."""

    name: str
    min_k: int = 1
    """The shortest k-mers that are counted."""
    max_k: int = 4
    """The longest."""
    C: tuple[float, ...] = ()  # scikit-learn's name
    """Inverse regularisation strengths to choose from; none: decades, until validation falls."""

    def __post_init__(self) -> None:
        check_kmers(self.min_k, self.max_k)
        check_strengths(self.C)


@dataclass(frozen=True)
class PairKmers:
    """k-mer frequencies of both partners, side by side (see `learning.kmers`)."""

    min_k: int
    max_k: int
    sides: Sequence[int] = (0, 1)
    """The partners that are read: 0 is the first."""

    @property
    def kmers(self) -> dict[str, Any]:
        """Both lengths, and the partners, by name."""
        return asdict(self)

    def __call__(self, pairs: Pairs) -> Any:
        """Return a CSR matrix of shape (pairs, partners x k-mers)."""
        from scipy.sparse import hstack

        from rnaernie_bench.learning.kmers import kmer_frequencies

        sides = [[pair[side] for pair in pairs] for side in self.sides]
        blocks = [kmer_frequencies(side, self.min_k, self.max_k) for side in sides]
        return hstack(blocks, format="csr")


def fit(
    context: FitContext, options: PairKmerOptions, sides: Sequence[int] = (0, 1)
) -> tuple[PairRegression, FitReport]:
    """Fit regressions, and keep the best on validation.

    Args:
        context: what it learns from.
        options: of the baseline.
        sides: the partners that are read.

    Raises:
        DataError: if train holds pairs of one label only.
    """
    features = PairKmers(options.min_k, options.max_k, sides)
    linear, report = fit_on_features(context, features, options.C)
    return PairRegression(features, linear), report


def restore(folder: Path) -> PairRegression:
    """Return what `PairRegression.save` wrote."""
    kmers = json.loads((folder / "regression.json").read_text(encoding="utf-8"))["kmers"]
    sides = tuple(kmers.get("sides", (0, 1)))  # models of before there were others have none
    return PairRegression(PairKmers(kmers["min_k"], kmers["max_k"], sides), saved_linear(folder))


ENTRY = BaselineEntry(
    options=PairKmerOptions,
    fit="rnaernie_bench.baselines.pair_kmer:fit",
    restore="rnaernie_bench.baselines.pair_kmer:restore",
    summary="logistic regression on the k-mers of both sequences of a pair",
    levels=("pair",),
    reads=READS,
)
