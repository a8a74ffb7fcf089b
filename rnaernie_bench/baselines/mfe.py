"""How stably ViennaRNA folds a sequence, regardless of what folds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.baselines._described import (
    Described,
    PlainOptions,
    described_entry,
    restored,
)
from rnaernie_bench.baselines._regression import fit_on_features

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

FEATURES = f"{__name__}:folding"


def folding(sequences: Sequence[str]) -> np.ndarray:
    """Return of the structure of minimum free energy: energy, energy a base, share of paired bases.

    Energies are in kcal/mol, at 37 °C with the Turner 2004 parameters, and the first is divided by
    10, which is about its spread.

    Returns:
        float32 of shape (sequences, 3).

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    from rnaernie_bench.structure.thermodynamics import vienna

    fold = vienna().fold
    rows = []
    for sequence in sequences:
        structure, energy = fold(sequence)
        bases = max(1, len(sequence))
        rows.append((energy / 10, energy / bases, 1 - structure.count(".") / bases))
    return np.array(rows, dtype=np.float32).reshape(-1, 3)


def fit(context: FitContext, options: PlainOptions) -> tuple[Described, FitReport]:
    """Fit the regression; energies are kept in the cache.

    Raises:
        ConfigError: if ViennaRNA is not installed.
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.feature_cache import cached_features
    from rnaernie_bench.structure.thermodynamics import vienna

    learned = [item.sequence for item in (*context.train, *context.validation)]
    key = {"of": "minimum free energies", "version": str(vienna().__version__)}
    key["data"] = context.dataset.fingerprint
    table = cached_features(learned, folding, key=key)
    linear, report = fit_on_features(context, table.of)
    return Described(FEATURES, linear), report


restore = partial(restored, FEATURES)

ENTRY = described_entry(__name__, "linear model of ViennaRNA's minimum free energy")
