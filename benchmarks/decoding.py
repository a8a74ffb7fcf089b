"""Decoding 512 nt: nested maximum expected accuracy and matching, against MultiMolecule's matching.

All get the same matrices: the pairs of random nested structures with high probabilities, and noise
as a network leaves it: near misses beside them and faint pairs elsewhere. One thread; the
processor's time counts, and the contestants take turns. The worst case behind it is a matrix
without any zero or threshold, where every base may pair with every other.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.structure.decoders import DecodingOptions, decode, decode_batch

BASES = 512
THRESHOLD = 0.25


def likely(generator: np.random.Generator, bases: int) -> np.ndarray:
    """Return pair probabilities of a molecule of helices, symmetric, float32."""
    matrix = generator.beta(0.3, 30, (bases, bases))
    start = 0
    while start + 20 < bases:
        size = int(generator.integers(20, 70))
        end = min(start + size, bases) - 1
        helix = int(generator.integers(4, (end - start - 3) // 2))
        for k in range(helix):
            i, j = start + k, end - k
            matrix[i, j] = generator.uniform(0.3, 1)
            matrix[i, j - 1] = generator.uniform(0, 0.4)
            matrix[i + 1, j] = generator.uniform(0, 0.4)
        start = end + 1
    upper = np.triu(matrix, k=4)
    return (upper + upper.T).astype(np.float32)


def seconds(work: Callable[[], object]) -> float:
    """Return how long this thread's processor worked."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def main(arguments: list[str] | None = None) -> None:
    """Print milliseconds a sequence on one core, ratios, and how a batch uses all cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments or [])
    from multimolecule.utils.rna.secondary_structure import contact_map_to_pairs

    generator = np.random.default_rng(0)
    matrices = [likely(generator, BASES) for _ in range(options.rounds)]
    dense = generator.random((BASES, BASES), dtype=np.float32)
    sequence = "".join(generator.choice([*"ACGU"], BASES))
    chosen = {
        name: DecodingOptions(name, threshold=THRESHOLD)
        for name in ("mea", "centroid", "greedy", "matching")
    }
    theirs = partial(contact_map_to_pairs, unsafe=True, threshold=THRESHOLD, matching="blossom")
    work: dict[str, Callable[[np.ndarray], object]] = {
        name: partial(decode, sequence=sequence, options=how) for name, how in chosen.items()
    }
    work["MultiMolecule, matching"] = theirs
    worst = DecodingOptions("mea", threshold=0.0)
    times: dict[str, list[float]] = {name: [] for name in (*work, "mea, dense")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs warns of every base with two candidates
        for run in work.values():
            run(matrices[0])
        for matrix in matrices:
            for name, run in work.items():
                times[name].append(seconds(partial(run, matrix)))
            times["mea, dense"].append(seconds(lambda: decode(dense, sequence, worst)))
    edges = np.mean([(np.triu(matrix) >= THRESHOLD).sum() for matrix in matrices])
    print(f"{BASES} nt, {edges:.0f} candidates from {THRESHOLD} on; ms of one core a sequence")
    for name, taken in times.items():
        print(f"{name:24s} {1e3 * statistics.median(taken):9.2f}  (max {1e3 * max(taken):.2f})")
    for name in ("mea", "matching"):
        ratios = [a / b for a, b in zip(times["MultiMolecule, matching"], times[name], strict=True)]
        print(
            f"{name} against MultiMolecule: {statistics.median(ratios):.0f} times as fast"
            f" (rounds: {min(ratios):.0f} to {max(ratios):.0f})"
        )
    batch, sequences = [dense] * 64, [sequence] * 64
    elapsed = {}
    for workers in sorted({1, available_cores()}):
        start = time.perf_counter()
        decode_batch(batch, sequences, worst, workers=workers)
        elapsed[workers] = time.perf_counter() - start
        print(f"64 dense sequences, {workers} threads: {elapsed[workers]:.2f} s")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
