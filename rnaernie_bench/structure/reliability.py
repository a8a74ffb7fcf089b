"""Probabilities of pairs that mean what they say: of those said to be .7, seven in ten are pairs.

The log odds of a pair get a slope and an offset, which validation fits (Platt 1999): a logistic
regression on one number. Pairs are many, so they are counted by their log odds and not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from rnaernie_bench.structure.decoders import DecodingOptions
from rnaernie_bench.structure.decoders._candidates import candidates

EDGES = np.linspace(-14, 14, 561)
"""Between which log odds pairs are counted together: .05 is from a probability of .5 to .512."""

Case = tuple[np.ndarray, str, np.ndarray]
"""Probabilities (bases, bases), the sequence, and the pairs of its reference."""


class Reliability:
    """How many of the pairs of given log odds are pairs of the reference.

    Args:
        options: which pairs a decoder considers, whatever their probability.
    """

    def __init__(self, options: DecodingOptions) -> None:
        self.options = replace(options, threshold=0.0)
        self.counts = np.zeros((2, len(EDGES) - 1))
        """Pairs by log odds: of the reference, and others."""

    def watch(self, cases: Iterable[Case]) -> Iterator[Case]:
        """Yield cases as they are, once their pairs are counted."""
        for case in cases:
            self.add(*case)
            yield case

    def add(self, probabilities: np.ndarray, sequence: str, reference: np.ndarray) -> None:
        """Count the pairs of a sequence; those of no probability at all stay out."""
        possible = candidates(probabilities, sequence, self.options)
        first, second = np.nonzero(possible)
        odds = log_odds(possible[first, second])
        true = np.isin(first * len(sequence) + second, reference @ [len(sequence), 1])
        for row, chosen in enumerate((true, ~true)):
            self.counts[row] += np.histogram(odds[chosen], EDGES)[0]

    def line(self) -> tuple[float, float]:
        """Return slope and offset; those that change nothing where there is nothing to learn.

        The slope is positive, so that more likely pairs stay more likely.
        """
        from sklearn.linear_model import LogisticRegression

        filled = self.counts > 0
        if not filled.any(axis=1).all() or filled.any(axis=0).sum() < 2:
            return 1.0, 0.0
        middles = (EDGES[:-1] + EDGES[1:]) / 2
        odds = np.concatenate([middles[chosen] for chosen in filled])
        labels = np.repeat([1, 0], filled.sum(axis=1))
        # A little regularisation: what few pairs separate without a fault would have no end.
        fitted = LogisticRegression(C=1000, max_iter=1000, tol=1e-8)
        fitted.fit(odds[:, None], labels, sample_weight=self.counts[filled])
        slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        return (slope, offset) if slope > 0 else (1.0, 0.0)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return log odds within `EDGES`."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(np.clip(np.log(p / (1 - p)), EDGES[0], EDGES[-1]))


def calibrated(probabilities: np.ndarray, options: DecodingOptions) -> np.ndarray:
    """Return the probabilities that pairs are pairs, float32; 0 stays 0."""
    if (options.slope, options.offset) == (1.0, 0.0):
        return probabilities
    odds = np.clip(options.slope * log_odds(probabilities) + options.offset, *EDGES[[0, -1]])
    found = np.where(probabilities > 0, 1 / (1 + np.exp(-odds)), 0.0)
    return found.astype(np.float32)


def paired(probabilities: np.ndarray) -> np.ndarray:
    """Return how likely each base is paired, float32 (bases,): the sum over partners, at most 1.

    Args:
        probabilities: (bases, bases), read above the diagonal.
    """
    upper = np.triu(probabilities, k=1)
    return np.minimum(upper.sum(axis=0) + upper.sum(axis=1), 1).astype(np.float32)
