"""Logistic regression on ViennaRNA's energies of a duplex and of opening the target."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.baselines._pair_regression import PairRegression, Pairs, saved_linear
from rnaernie_bench.baselines._regression import READS, check_strengths, fit_on_features
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

SCALE = np.array([10, 5, 10, 4], dtype=np.float32)
"""About the spread of each feature of duplexes, so that all are regularised alike."""


@dataclass(frozen=True)
class DuplexOptions:
    """The regularisation."""

    name: str
    C: tuple[float, ...] = ()  # scikit-learn's name
    """Inverse regularisation strengths to choose from; none: decades, until validation falls."""

    def __post_init__(self) -> None:
        check_strengths(self.C)


@dataclass(frozen=True)
class Energies:
    """Energies of the best duplex (see `structure.duplexes`)."""

    known: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False)
    """Features that need not be computed."""

    @property
    def kmers(self) -> None:
        """None: these are no k-mers."""

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """Return float32 features of shape (pairs, features)."""
        from rnaernie_bench.structure.duplexes import duplex_features

        known = all(pair in self.known for pair in pairs)
        found = [self.known[pair] for pair in pairs] if known else duplex_features(pairs)
        return np.asarray(found, dtype=np.float32) / SCALE


def cached_energies(pairs: Pairs) -> dict[tuple[str, str], np.ndarray]:
    """Return `duplexes.duplex_features` by pair from the cache, computing them if they lack.

    Args:
        pairs: first and second sequence.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    from rnaernie_bench.learning.feature_cache import cached_features
    from rnaernie_bench.structure.duplexes import duplex_features
    from rnaernie_bench.structure.thermodynamics import vienna

    names = sorted({f"{first}&{second}" for first, second in pairs})
    key = {
        "of": "duplexes",
        "version": str(vienna().__version__),
        "pairs": hashlib.sha256("\n".join(names).encode()).hexdigest(),
    }
    split = [(first, second) for first, _, second in (name.partition("&") for name in names)]

    def computed(_: object) -> np.ndarray:
        return duplex_features(split)

    table = cached_features(names, computed, key=key)
    return dict(zip(split, np.array(table.of(names)), strict=True))


def fit(context: FitContext, options: DuplexOptions) -> tuple[PairRegression, FitReport]:
    """Fit regressions, and keep the best on validation.

    Raises:
        ConfigError: if ViennaRNA is not installed.
        DataError: if train holds pairs of one label only.
    """
    parts = context.dataset.parts.values()
    pairs = [item.input for part in parts for item in part]
    features = Energies(cached_energies(pairs))
    linear, report = fit_on_features(context, features, options.C)
    return PairRegression(features, linear), report


def restore(folder: Path) -> PairRegression:
    """Return what `PairRegression.save` wrote."""
    return PairRegression(Energies(), saved_linear(folder))


ENTRY = BaselineEntry(
    options=DuplexOptions,
    fit="rnaernie_bench.baselines.duplex:fit",
    restore="rnaernie_bench.baselines.duplex:restore",
    summary="logistic regression on ViennaRNA's energies of duplex and of opening the target",
    levels=("pair",),
    reads=READS,
)
