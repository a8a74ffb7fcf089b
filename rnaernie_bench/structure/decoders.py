"""From pair probabilities to base pairs: six ways, one signature.

All read the part of the matrix above its diagonal, and consider the same candidates: pairs whose
probability reaches the threshold, with room for a hairpin between them, canonical if asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.structure.kernels import (
    expected_accuracy,
    greedy_matching,
    keep_candidates,
    nested_maximum,
)
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.records import CANONICAL, MIN_LOOP
from rnaernie_bench.structure.thermodynamics import fold, fold_all

_CANONICAL = np.zeros((256, 256), dtype=bool)
for _pair in CANONICAL:
    _CANONICAL[ord(_pair[0]), ord(_pair[1])] = True
_ANY = np.ones_like(_CANONICAL)

_WEIGHT_SCALE = 1 << 24
"""Weights of a matching are whole numbers: probabilities in steps finer than those of float32."""

_MAX_LOG_ODDS = 7.0
"""Log odds are cut off beyond a probability of .999, where a sigmoid's rounding begins to count."""


@dataclass(frozen=True)
class DecodingOptions:
    """How probabilities become pairs; all of it can be tuned on validation."""

    decoder: str = "mea"
    """One of `DECODERS`."""
    threshold: float = 0.5
    """The smallest probability of a pair that is considered."""
    gamma: float = 1.0
    """`mea`: the weight of paired against unpaired bases."""
    mixing: float = 1.0
    """`hybrid`: kcal/mol for one unit of log odds; 0 leaves the energy model alone."""
    canonical: bool = False
    """Whether only AU, GC and GU may pair."""
    min_loop: int = MIN_LOOP
    """The fewest bases between two that pair."""

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ConfigError(
                f"unknown decoder '{self.decoder}'",
                where="decoder",
                remedy=did_you_mean(self.decoder, list(DECODERS)),
            )
        wrong = {
            "threshold": not 0 <= self.threshold <= 1,
            "gamma": not 0 < self.gamma < float("inf"),
            "mixing": not 0 <= self.mixing < float("inf"),
            "min_loop": self.min_loop < 0,
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise ConfigError(
                f"{name} = {getattr(self, name)} makes no sense",
                where=name,
                remedy="threshold lies in 0..1, gamma is positive, the others are not negative",
            )


def threshold(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Keep the pairs of which both bases are each other's best partner; pseudoknots may arise.

    Args:
        probabilities: (bases, bases), read above the diagonal.
        sequence: the bases, normalised.
        options: `threshold`, `canonical`, `min_loop`.

    Returns:
        The pairs as int32 of shape (pairs, 2), i < j, sorted; so do all decoders.
    """
    upper = candidates(probabilities, sequence, options)
    both = upper + upper.T
    partner = both.argmax(axis=1)
    base = np.arange(len(sequence))
    kept = (partner[partner] == base) & (base < partner) & (both[base, partner] > 0)
    return _sorted(np.column_stack((base[kept], partner[kept])))


def greedy(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Accept the likeliest pair whose bases are free, again and again; pseudoknots may arise."""
    upper = candidates(probabilities, sequence, options)
    pairs = np.argwhere(upper)
    order = np.argsort(-upper[pairs[:, 0], pairs[:, 1]], kind="stable")
    pairs = pairs[order]
    return _sorted(pairs[greedy_matching(pairs, len(sequence))])


def mea(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the nested structure of maximum expected accuracy.

    It maximises the sum of ``2 gamma p_ij`` over pairs and ``q_i`` over unpaired bases (Do et al.
    2006, doi 10.1093/bioinformatics/btl246; Lu et al. 2009, doi 10.1261/rna.1643609), with ``q_i``
    what the candidates leave of base i: 1 minus their probabilities, or 0.
    """
    gains = candidates(probabilities, sequence, options)
    expected_accuracy(gains, options.gamma)
    return _sorted(nested_maximum(gains))


def centroid(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the nested structure with the largest sum of ``p_ij - threshold``.

    This is the gamma-centroid (Hamada et al. 2009, doi 10.1093/bioinformatics/btn601) with
    ``threshold = 1 / (gamma + 1)``. Unlike `mea` it does not ask that the probabilities of a base
    add up to one at most, which those of independent sigmoids need not.
    """
    upper = candidates(probabilities, sequence, options)
    return _sorted(nested_maximum(upper - np.float32(options.threshold)))


def matching(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Find the matching of the largest total probability, pseudoknots and all (Edmonds 1965)."""
    import rustworkx

    upper = candidates(probabilities, sequence, options)
    pairs = np.argwhere(upper)
    weights = np.rint(upper[pairs[:, 0], pairs[:, 1]] * np.float64(_WEIGHT_SCALE)).astype(int)
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(len(sequence)))
    graph.add_edges_from(list(zip(*pairs.T.tolist(), weights.tolist(), strict=True)))
    found = rustworkx.max_weight_matching(graph, weight_fn=int)
    return _sorted(np.array(list(found)).reshape(-1, 2))


def hybrid(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Fold by free energy, every pair helped or hindered by how likely it was learned to be.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    return fold(sequence, bonus=pair_energies(probabilities, options))


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


Decoder = Callable[[np.ndarray, str, DecodingOptions], np.ndarray]

DECODERS: dict[str, Decoder] = {
    "threshold": threshold,
    "greedy": greedy,
    "mea": mea,
    "centroid": centroid,
    "matching": matching,
    "hybrid": hybrid,
}
"""The decoders by name."""


def decode(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Return the pairs that the chosen decoder finds, int32 of shape (pairs, 2)."""
    return DECODERS[options.decoder](probabilities, sequence, options)


def decode_batch(
    probabilities: Sequence[np.ndarray],
    sequences: Sequence[str],
    options: DecodingOptions,
    *,
    workers: int | None = None,
) -> list[np.ndarray]:
    """Decode many sequences at once: in threads, or, where ViennaRNA folds, in processes.

    Args:
        probabilities: one matrix a sequence, each of its own size.
        sequences: normalised.
        options: for all of them.
        workers: how many at a time; one for each CPU if None.

    Raises:
        ConfigError: if ViennaRNA is needed and not installed.
    """
    if options.decoder == "hybrid":
        bonuses = [pair_energies(matrix, options) for matrix in probabilities]
        return list(fold_all(sequences, bonuses=bonuses, workers=workers))
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        everything = [options] * len(sequences)
        return list(pool.map(decode, probabilities, sequences, everything))


def candidates(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Return the probabilities of the pairs that may form, 0 elsewhere.

    Returns:
        float32 of shape (bases, bases), 0 on and below the diagonal.

    Raises:
        ValueError: if the shape does not fit the sequence, or a probability is not a number.
    """
    n = len(sequence)
    if probabilities.shape != (n, n):
        raise ValueError(f"probabilities of shape {probabilities.shape} for {n} bases")
    codes = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)
    upper = np.zeros((n, n), dtype=np.float32)
    if not keep_candidates(
        probabilities.astype(np.float32, copy=False),
        codes,
        _CANONICAL if options.canonical else _ANY,
        np.float32(options.threshold),
        options.min_loop + 1,
        upper,
    ):
        raise ValueError("a probability is not a number")
    return upper


def _sorted(pairs: np.ndarray) -> np.ndarray:
    """Return pairs found in any order as all decoders return them."""
    if not len(pairs):
        return NO_PAIRS
    ordered = np.sort(pairs, axis=1)
    return ordered[np.argsort(ordered[:, 0])].astype(np.int32)
