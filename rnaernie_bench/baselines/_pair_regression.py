"""Linear models of features of pairs of sequences: what baselines on them share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnaernie_bench.learning.regression import Linear

Pairs = Sequence[tuple[str, str]]


class PairFeatures(Protocol):
    """Features of pairs."""

    @property
    def kmers(self) -> Mapping[str, Any] | None:
        """Lengths of k-mers, for the file of a model; None where features are something else."""
        ...

    def __call__(self, pairs: Pairs) -> Any:
        """Return a matrix of shape (pairs, features), dense or sparse."""
        ...


@dataclass(frozen=True)
class PairRegression:
    """A linear function of features of pairs."""

    features: PairFeatures
    linear: Linear

    def logits(self, inputs: Pairs) -> np.ndarray:
        """Return float32 scores of shape (pairs, outputs)."""
        return self.linear.logits(self.features(inputs))

    def save(self, folder: Path) -> None:
        """Write weights and what they are of into `folder`."""
        text = json.dumps({"kmers": self.features.kmers}) + "\n"
        (folder / "regression.json").write_text(text, encoding="utf-8")
        np.savez(folder / "regression.npz", weights=self.linear.weights, bias=self.linear.bias)


def saved_linear(folder: Path) -> Linear:
    """Return the weights that `PairRegression.save` wrote."""
    with np.load(folder / "regression.npz", allow_pickle=False) as arrays:
        return Linear(arrays["weights"], arrays["bias"])
