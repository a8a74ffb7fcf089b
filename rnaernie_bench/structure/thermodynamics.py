"""Folding by free energy with ViennaRNA, alone or swayed by learned pair scores.

Lorenz et al. 2011, doi 10.1186/1748-7188-6-26. ViennaRNA is an optional extra, loaded when first
needed. Its Python functions hold the GIL (two threads took longer than one), so that many sequences
are folded by several processes.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np

from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.structure.notations import dot_bracket_to_pairs

Method = Literal["mfe", "mea"]

_CHUNK = 8
"""Sequences handed to a process at once."""


def fold(
    sequence: str,
    method: Method = "mfe",
    *,
    gamma: float = 1.0,
    bonus: np.ndarray | None = None,
    penalty: float = 0.0,
) -> np.ndarray:
    """Fold a sequence at 37 °C with the Turner 2004 parameters.

    Letters other than A, C, G and U stay unpaired.

    Args:
        sequence: normalised, of any length; time grows with its cube.
        method: "mfe", the structure of minimum free energy, or "mea", that of maximum expected
            accuracy over the ensemble.
        gamma: the weight of paired against unpaired bases in "mea".
        bonus: float of shape (bases, bases), kcal/mol added to the energy of each pair, of which
            the part above the diagonal is read; negative favours the pair.
        penalty: kcal/mol added to the energy of every pair.

    Returns:
        The pairs as int32 of shape (pairs, 2).

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    compound = vienna().fold_compound(sequence)
    if bonus is not None or penalty:
        energies = np.zeros((len(sequence) + 1, len(sequence) + 1))  # counted from 1
        energies[1:, 1:] = penalty if bonus is None else bonus + penalty
        energies = np.triu(energies, k=1)
        compound.sc_add_bp(energies.tolist())
    structure, energy = compound.mfe()
    if method == "mea":
        compound.exp_params_rescale(energy)  # or the ensemble of a long sequence overflows
        compound.pf()
        structure, _ = compound.MEA(gamma)
    return dot_bracket_to_pairs(structure)


def minimum_energies(sequences: Sequence[str]) -> list[float]:
    """Return the minimum free energy of each sequence, in kcal/mol, as `fold` computes it.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    folded = vienna()
    return [float(folded.fold_compound(sequence).mfe()[1]) for sequence in sequences]


def fold_all(
    sequences: Sequence[str],
    method: Method = "mfe",
    *,
    gamma: float = 1.0,
    bonuses: Sequence[np.ndarray] | None = None,
    penalty: float = 0.0,
    workers: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield the pairs of each sequence as `fold` finds them, in order.

    Args:
        sequences: normalised.
        method: as in `fold`.
        gamma: as in `fold`.
        bonuses: one bonus matrix a sequence, or None.
        penalty: as in `fold`.
        workers: how many processes; one for each CPU if None. One means this process.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    vienna()  # missing, it is missed here and not in another process
    workers = min(workers or available_cores(), -(-len(sequences) // _CHUNK))
    work = partial(_fold_swayed, method=method, gamma=gamma, penalty=penalty)
    matrices = bonuses or list[np.ndarray | None]([None] * len(sequences))
    if workers <= 1:
        yield from map(work, sequences, matrices)
        return
    # A forked process would inherit locks that threads of torch may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(work, sequences, matrices, chunksize=_CHUNK)


def _fold_swayed(
    sequence: str, bonus: np.ndarray | None, *, method: Method, gamma: float, penalty: float
) -> np.ndarray:
    return fold(sequence, method, gamma=gamma, bonus=bonus, penalty=penalty)


def vienna() -> Any:
    """Return ViennaRNA's module."""
    try:
        import RNA
    except ImportError as error:
        raise ConfigError(
            "thermodynamic folding needs ViennaRNA, which is not installed",
            remedy="install the extra: pip install 'rnaernie-bench[structure]'",
        ) from error
    return RNA
