"""ViennaRNA's folding, swayed by what was learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnaernie_bench.structure.decoders import FEW_THRESHOLDS, Decoder, DecodingOptions
from rnaernie_bench.structure.thermodynamics import fold, fold_all

_MAX_LOG_ODDS = 7.0
"""Log odds are cut off beyond a probability of .999, where a sigmoid's rounding begins to count."""


def hybrid(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Fold by free energy, every pair helped or hindered by how likely it was learned to be.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    return fold(sequence, bonus=pair_energies(probabilities, options))


def hybrid_batch(
    probabilities: Sequence[np.ndarray],
    sequences: Sequence[str],
    options: DecodingOptions,
    *,
    workers: int | None,
) -> list[np.ndarray]:
    """Do the same for many sequences, in processes: ViennaRNA holds the lock of Python."""
    bonuses = [pair_energies(matrix, options) for matrix in probabilities]
    return list(fold_all(sequences, bonuses=bonuses, workers=workers))


def pair_energies(probabilities: np.ndarray, options: DecodingOptions) -> np.ndarray:
    """Return what `hybrid` adds to the energy of each pair, kcal/mol of shape (bases, bases).

    It is ``-mixing (log odds of p_ij - log odds of the threshold)``: a product of two experts, the
    learned one to the power of mixing / RT. A pair at the threshold keeps its energy. The
    maintained counterpart of folding with integrated scores (Sato et al. 2021,
    doi 10.1038/s41467-021-21194-4).
    """
    odds = _log_odds(probabilities) - _log_odds(np.array(options.threshold))
    return -options.mixing * odds


def _log_odds(probability: np.ndarray) -> np.ndarray:
    least = 1 / (1 + np.exp(_MAX_LOG_ODDS))
    clipped = np.clip(np.asarray(probability, dtype=np.float64), least, 1 - least)
    return np.log(clipped) - np.log1p(-clipped)


ENTRY = Decoder(
    summary="ViennaRNA's minimum of free energy + mixing (log odds of the threshold - log odds of "
    "p)",
    find=hybrid,
    pseudoknots=False,
    tuned=[
        {"threshold": 0.5, "mixing": 0.0},  # nothing learned
        *(
            {"threshold": threshold, "mixing": mixing}
            for threshold in FEW_THRESHOLDS
            for mixing in (0.25, 0.5, 1.0)
        ),
    ],
    find_all=hybrid_batch,
    credit="ViennaRNA",
)
