"""The one word that tells bound from unbound best: the simplest motif that data can give."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.baselines._described import Described, described_entry, restored
from rnaernie_bench.baselines._report import closed_report
from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

FEATURES = f"{__name__}:occurrences"


@dataclass(frozen=True)
class BestKmerOptions:
    """Which lengths of the word validation chooses from."""

    name: str
    bases: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    """Of the word."""

    def __post_init__(self) -> None:
        if not self.bases or min(self.bases) < 1 or max(self.bases) > 8:
            raise ConfigError("one or more lengths of 1 to 8 bases", where="backbone.bases")


def occurrences(sequences: Sequence[str], word: str) -> np.ndarray:
    """Return how often `word` stands in each sequence, also where it overlaps itself.

    Returns:
        float64 of shape (sequences, 1).
    """
    return count_words(sequences, [word]).toarray().astype(np.float64)


def count_words(sequences: Sequence[str], words: Sequence[str]) -> Any:
    """Return how often each of `words`, all of one length, stands in each sequence, CSR."""
    from sklearn.feature_extraction.text import CountVectorizer

    k = len(words[0])
    return CountVectorizer(
        analyzer="char", ngram_range=(k, k), lowercase=False, vocabulary=words
    ).transform(sequences)


def best_word(sequences: Sequence[str], positive: np.ndarray, k: int) -> str:
    """Return the word of `k` bases whose presence tells positives from negatives best.

    It is the one with the largest difference, in either direction, between the shares of positives
    and of negatives that hold it; of equal ones the first in alphabetical order.

    Args:
        sequences: normalised.
        positive: bool of shape (sequences,), of both kinds.
        k: bases of the word.
    """
    words = ["".join(letters) for letters in product("ACGU", repeat=k)]
    held = count_words(sequences, words) > 0
    shares = [np.asarray(held[kind].mean(axis=0)).ravel() for kind in (positive, ~positive)]
    return words[int(np.argmax(np.abs(shares[0] - shares[1])))]


def fit(context: FitContext, options: BestKmerOptions) -> tuple[Described, FitReport]:
    """Find the best word of each length in train, and keep the one that is best on validation.

    Raises:
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.data.items import labels_of
    from rnaernie_bench.learning.linear import LinearSearch

    started = time.perf_counter()
    search = LinearSearch(context)
    train = [item.sequence for item in context.train]
    held_out = [item.sequence for item in context.validation]
    positive = labels_of(context.train) == 1
    words = [best_word(train, positive, k) for k in options.bases]
    found = {w: search.best(occurrences(train, w), occurrences(held_out, w)) for w in words}
    word = max(found, key=lambda one: found[one].score)  # the first of equals
    linear = found[word].model
    return Described(FEATURES, linear, {"word": word}), closed_report(
        context,
        linear.weights.size + linear.bias.size,
        started,
        trials=search.trials,
        selected={**found[word].to_record(), "word": word},
    )


restore = partial(restored, FEATURES)

ENTRY = described_entry(
    __name__,
    "linear model of how often one word occurs, the one that tells the classes of train best",
    options=BestKmerOptions,
    problems=("binary",),
)
