"""Duplexes of two RNAs by free energy with ViennaRNA, and what opening the target costs.

The energy of a duplex is that of its stacks, bulges and inner loops (RNAduplex, Lorenz et al. 2011,
doi:10.1186/1748-7188-6-26). The target must first be freed of its own pairs, which costs
``-RT ln P(site unpaired)`` (Mückstein et al. 2006, doi:10.1093/bioinformatics/btl024). Of the
suboptimal duplexes, the one with the lowest sum of both is taken.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.progress import steps
from rnaernie_bench.structure.thermodynamics import vienna

BAND = 300
"""Duplexes this far from the best energy are considered, in hundredths of kcal/mol."""

LONGEST_SITE = 30
"""The longest site that is opened as a whole; of longer ones, that many bases from their end."""

RT = 0.0019872 * 310.15
"""kcal/mol at 37 °C."""

SEED = 8
"""Bases from the 5' end of the first RNA that make its seed."""

FEATURES = ("energy", "opening", "total", "seed_pairs")
"""What `duplex_features` tells: kcal/mol, and pairs of the seed."""

MOST_BASES = 4_000
"""Of a second sequence: what folding takes in memory grows with its square, and in time faster."""

_CHUNK = 32
"""Pairs handed to a process at once: few enough that all processes end together."""


@dataclass(frozen=True)
class Duplex:
    """Two RNAs bound to each other."""

    energy: float
    """Of the duplex, kcal/mol."""
    opening: float
    """Of freeing the site of the second RNA, kcal/mol, 0 or more."""
    pairs: np.ndarray
    """int32 of shape (pairs, 2): base of the first and base of the second, 0-based."""

    @property
    def total(self) -> float:
        """Energy and opening together."""
        return self.energy + self.opening


def best_duplex(first: str, second: str) -> Duplex | None:
    """Return the duplex with the lowest energy, opening counted; None if none forms.

    Args:
        first: normalised, 5' to 3'.
        second: normalised, 5' to 3'; the one that is opened.

    Raises:
        ConfigError: if ViennaRNA is not installed.
    """
    return _best(first, second, _unpaired(second))


def duplex_features(
    pairs: Sequence[tuple[str, str]],
    *,
    workers: int | None = None,
) -> np.ndarray:
    """Return `FEATURES` of the best duplex of each pair, float32 of shape (pairs, 4).

    A pair without a duplex has zeros. Pairs of one second sequence are taken together: it is folded
    once for some of them.

    Args:
        pairs: first and second sequence.
        workers: how many processes; one for each CPU if None. One means this process.

    Raises:
        ConfigError: if ViennaRNA is not installed.
        DataError: for a second sequence that is too long to be folded.
    """
    vienna()  # missing, it is missed here and not in another process
    for number, (_, second) in enumerate(pairs, start=1):
        if len(second) > MOST_BASES:
            raise DataError(
                f"the second sequence has {len(second):,} bases, and {MOST_BASES:,} can be folded",
                where=f"pair {number}",
                remedy="give windows around sites, or take another baseline",
            )
    order = sorted(range(len(pairs)), key=lambda index: pairs[index][1])
    chunks = [
        [pairs[index] for index in order[start : start + _CHUNK]]
        for start in range(0, len(order), _CHUNK)
    ]
    rows = np.zeros((len(pairs), len(FEATURES)), dtype=np.float32)
    found = []
    with steps("duplexes", len(pairs), "pairs") as step:
        for block in _mapped(chunks, min(workers or available_cores(), len(chunks))):
            found.append(block)
            step(len(block))
    if found:
        rows[order] = np.concatenate(found)
    return rows


def _mapped(chunks: list[list[tuple[str, str]]], workers: int) -> Iterator[np.ndarray]:
    if workers <= 1:
        yield from map(_features, chunks)
        return
    # A forked process would inherit locks that threads of torch may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_features, chunks)


def _features(pairs: list[tuple[str, str]]) -> np.ndarray:
    """Return the features of pairs that are sorted by their second sequence."""
    rows = []
    for second, group in groupby(pairs, key=lambda pair: pair[1]):
        unpaired = _unpaired(second)
        for first, _ in group:
            duplex = _best(first, second, unpaired)
            if duplex is None:
                rows.append((0.0, 0.0, 0.0, 0.0))
                continue
            seed = int((duplex.pairs[:, 0] < SEED).sum())
            rows.append((duplex.energy, duplex.opening, duplex.total, float(seed)))
    return np.array(rows, dtype=np.float32)


def _unpaired(sequence: str) -> tuple[tuple[float, ...], ...]:
    """Return, by last base (from 1) and length, how likely a stretch of `sequence` is unpaired."""
    length = len(sequence)
    found: tuple[tuple[float, ...], ...] = vienna().pfl_fold_up(
        sequence, min(LONGEST_SITE, length), length, length
    )
    return found


def _best(first: str, second: str, unpaired: tuple[tuple[float, ...], ...]) -> Duplex | None:
    best: Duplex | None = None
    for found in vienna().duplex_subopt(first, second, BAND, 0):
        a, _, b = found.structure.partition("&")
        if "(" not in a:
            continue
        start, end = found.j, found.j + len(b) - 1  # from 1; flanking dots belong to it
        stretch = min(end - start + 1, LONGEST_SITE)
        opening = -RT * float(np.log(max(unpaired[end][stretch], 1e-30)))
        if best is None or found.energy + opening < best.total:
            pairs = _pairs(a, b, found.i - len(a), found.j - 1)
            best = Duplex(float(found.energy), max(opening, 0.0), pairs)
    return best


def _pairs(a: str, b: str, first_start: int, second_start: int) -> np.ndarray:
    """Return the pairs of two strands, the first's innermost with the second's first."""
    opened = [first_start + place for place, mark in enumerate(a) if mark == "("]
    closed = [second_start + place for place, mark in enumerate(b) if mark == ")"]
    return np.array(list(zip(opened, reversed(closed), strict=True)), dtype=np.int32).reshape(-1, 2)
