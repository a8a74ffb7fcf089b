"""Linear models (scikit-learn) on features of pairs: k-mers of both, or energies."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.linear import Linear
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

Pairs = Sequence[tuple[str, str]]

SCALE = np.array([10, 5, 10, 4], dtype=np.float32)
"""About the spread of each feature of duplexes, so that all are regularised alike."""


@dataclass(frozen=True)
class PairKmerOptions:
    """Lengths of the k-mers and the regularisations to choose from."""

    name: str
    min_k: int
    max_k: int
    C: tuple[float, ...]  # scikit-learn's name
    """Inverse regularisation strengths; the one best on validation is kept."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_k <= self.max_k <= 8:
            raise ConfigError("1 <= min_k <= max_k <= 8 must hold", where="backbone.max_k")
        _check_strengths(self.C)


@dataclass(frozen=True)
class DuplexOptions:
    """The regularisations to choose from."""

    name: str
    C: tuple[float, ...]
    """Inverse regularisation strengths; the one best on validation is kept."""

    def __post_init__(self) -> None:
        _check_strengths(self.C)


def _check_strengths(strengths: tuple[float, ...]) -> None:
    if not strengths or min(strengths) <= 0:
        raise ConfigError("one or more values above 0 are needed", where="backbone.C")


@dataclass(frozen=True)
class PairKmers:
    """k-mer frequencies of both partners, side by side (see `learning.kmers`)."""

    min_k: int
    max_k: int

    def __call__(self, pairs: Pairs) -> Any:
        """Return a CSR matrix of shape (pairs, 2 x k-mers)."""
        from scipy.sparse import hstack

        from rnaernie_bench.learning.kmers import kmer_frequencies

        sides = [[pair[side] for pair in pairs] for side in (0, 1)]
        blocks = [kmer_frequencies(side, self.min_k, self.max_k) for side in sides]
        return hstack(blocks, format="csr")


@dataclass(frozen=True)
class Energies:
    """Energies of the best duplex (see `structure.duplexes`)."""

    known: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False)
    """Features that need not be computed."""

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """Return float32 features of shape (pairs, features)."""
        from rnaernie_bench.structure.duplexes import duplex_features

        known = all(pair in self.known for pair in pairs)
        found = [self.known[pair] for pair in pairs] if known else duplex_features(pairs)
        return np.asarray(found, dtype=np.float32) / SCALE


@dataclass(frozen=True)
class PairRegression:
    """A linear function of features of pairs."""

    features: PairKmers | Energies
    linear: Linear

    def logits(self, inputs: Pairs) -> np.ndarray:
        """Return float32 scores of shape (pairs, outputs)."""
        return self.linear.logits(self.features(inputs))

    def save(self, folder: Path) -> None:
        """Write weights and what they are of into `folder`."""
        kmers = asdict(self.features) if isinstance(self.features, PairKmers) else None
        (folder / "regression.json").write_text(
            json.dumps({"kmers": kmers}) + "\n", encoding="utf-8"
        )
        np.savez(folder / "regression.npz", weights=self.linear.weights, bias=self.linear.bias)


def cached_energies(pairs: Pairs) -> dict[tuple[str, str], np.ndarray]:
    """Return `duplexes.duplex_features` by pair from the cache, computing them if they lack.

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
    table = cached_features(names, lambda _: duplex_features(split), key=key)
    return dict(zip(split, np.array(table.of(names)), strict=True))


def fit(
    context: FitContext, options: PairKmerOptions | DuplexOptions
) -> tuple[PairRegression, FitReport]:
    """Fit one regression for each strength in `options.C`, and keep the best on validation.

    Raises:
        ConfigError: for energies, if ViennaRNA is not installed.
        DataError: if train holds pairs of one label only.
    """
    from rnaernie_bench.learning.interface import FitReport
    from rnaernie_bench.learning.linear import best_on_validation

    start = time.perf_counter()
    features: PairKmers | Energies
    if isinstance(options, PairKmerOptions):
        features = PairKmers(options.min_k, options.max_k)
    else:
        parts = context.dataset.parts.values()
        features = Energies(cached_energies([item.input for part in parts for item in part]))
    train, held_out = (
        features([item.input for item in items]) for items in (context.train, context.validation)
    )
    linear, strength = best_on_validation(context, train, held_out, options.C)
    seconds = time.perf_counter() - start
    return PairRegression(features, linear), FitReport(
        parameters=linear.weights.size + linear.bias.size,
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


def restore(folder: Path) -> PairRegression:
    """Return what `PairRegression.save` wrote."""
    values = json.loads((folder / "regression.json").read_text(encoding="utf-8"))
    features = PairKmers(**values["kmers"]) if values["kmers"] else Energies()
    with np.load(folder / "regression.npz", allow_pickle=False) as arrays:
        return PairRegression(features, Linear(arrays["weights"], arrays["bias"]))


def _entry(options: type, summary: str) -> BaselineEntry:
    return BaselineEntry(
        options=options,
        fit="rnaernie_bench.baselines.pair_regression:fit",
        restore="rnaernie_bench.baselines.pair_regression:restore",
        summary=summary,
        levels=("pair",),
    )


KMER = _entry(PairKmerOptions, "logistic regression on the k-mers of both sequences of a pair")
DUPLEX = _entry(
    DuplexOptions, "logistic regression on ViennaRNA's energies of duplex and of opening the target"
)
