"""Logistic regression (scikit-learn) on features of pairs: k-mers of both, or energies."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.catalogue import BaselineEntry
from rnaernie_bench.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.fitting import FitContext, FitReport

Pairs = Sequence[tuple[str, str]]


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
    """k-mer frequencies of both partners, side by side (see `kmer.kmer_frequencies`)."""

    min_k: int
    max_k: int

    def __call__(self, pairs: Pairs) -> Any:
        """Return a CSR matrix of shape (pairs, 2 x k-mers)."""
        from scipy.sparse import hstack

        from rnaernie_bench.baselines.kmer import kmer_frequencies

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

        if all(pair in self.known for pair in pairs):
            return np.array([self.known[pair] for pair in pairs], dtype=np.float32)
        return duplex_features(pairs)


@dataclass(frozen=True)
class PairRegression:
    """A linear function of features of pairs."""

    features: PairKmers | Energies
    weights: np.ndarray
    """float32 of shape (features,)."""
    bias: float

    def logits(self, inputs: Pairs) -> np.ndarray:
        """Return float32 logits of shape (pairs, 1)."""
        found = self.features(inputs) @ self.weights + self.bias
        return np.asarray(found, dtype=np.float32).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        """Write weights and what they are of into `folder`."""
        kmers = asdict(self.features) if isinstance(self.features, PairKmers) else None
        values = json.dumps({"kmers": kmers, "bias": self.bias})
        (folder / "regression.json").write_text(values + "\n", encoding="utf-8")
        np.save(folder / "regression.npy", self.weights)


def cached_energies(pairs: Pairs) -> dict[tuple[str, str], np.ndarray]:
    """Return `duplexes.duplex_features` by pair from the cache, computing them if they lack.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    from rnaernie_bench.features import cached_features
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
    from rnaernie_bench.baselines.regression import labels_to_learn
    from rnaernie_bench.fitting import FitReport
    from rnaernie_bench.strategies.network import validation_score

    start = time.perf_counter()
    labels = labels_to_learn(context)
    features: PairKmers | Energies
    if isinstance(options, PairKmerOptions):
        features = PairKmers(options.min_k, options.max_k)
    else:
        parts = context.dataset.parts.values()
        features = Energies(cached_energies([item.input for part in parts for item in part]))
    train, held_out = (
        features([item.input for item in items]) for items in (context.train, context.validation)
    )
    score, metric = validation_score(context), context.task.main_metric
    best: tuple[float, float, np.ndarray, float] | None = None
    for trial, strength in enumerate(options.C, 1):
        weights, bias = _regress(train, labels, strength)
        logits = np.asarray(held_out @ weights + bias, dtype=np.float32).reshape(-1, 1)
        metrics = score(logits)
        context.log({f"eval_{name}": value for name, value in metrics.items()}, trial)
        value = metrics[metric.name] * (1 if metric.higher_is_better else -1)
        if best is None or value > best[0]:
            best = (value, strength, weights, bias)
    assert best is not None
    _, strength, weights, bias = best
    seconds = time.perf_counter() - start
    return PairRegression(features, weights, bias), FitReport(
        parameters=weights.size + 1,
        weights_sha256=None,
        max_bases=None,
        train_s=seconds,
        items_per_s=len(labels) * len(options.C) / seconds,
        epochs=1,
        best_epoch=1,
        stopped_by="optimum",
        trials=len(options.C),
        selected={"C": strength},
    )


def _regress(features: Any, labels: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Return weights and bias; dense features are standardised, and the scale folded in."""
    from sklearn.linear_model import LogisticRegression

    dense = isinstance(features, np.ndarray)
    shift = features.mean(axis=0) if dense else 0.0
    scale = np.maximum(features.std(axis=0), 1e-6) if dense else 1.0
    scaled = (features - shift) / scale if dense else features
    fitted = LogisticRegression(C=strength, max_iter=2000).fit(scaled, labels)
    weights = (fitted.coef_[0] / scale).astype(np.float32)
    bias = float(fitted.intercept_[0] - (weights @ shift if dense else 0.0))
    return weights, bias


def restore(folder: Path) -> PairRegression:
    """Return what `PairRegression.save` wrote."""
    values = json.loads((folder / "regression.json").read_text(encoding="utf-8"))
    weights = np.load(folder / "regression.npy", allow_pickle=False)
    features = PairKmers(**values["kmers"]) if values["kmers"] else Energies()
    return PairRegression(features, weights, values["bias"])


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
