"""Training a classifier of RNA types on a typed corpus."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning.guidance.kmer_types import KmerTypes
from rnaernie_bench.learning.guidance.quality import type_quality
from rnaernie_bench.learning.kmers import KmerClassifier, kmer_frequencies
from rnaernie_bench.learning.regression import Regressions
from rnaernie_bench.metrics.targets import Targets

if TYPE_CHECKING:
    from rnaernie_bench.pretraining.corpus import Corpus


@dataclass(frozen=True)
class KmerTypesOptions:
    """How a classifier is trained."""

    min_k: int = 1
    max_k: int = 4
    C: float = 10.0  # scikit-learn's name
    """The inverse of the regularisation."""
    most: int = 1000
    """The most records of a type: the first of the corpus in an order that hashes give."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_k <= self.max_k <= 8:
            raise ConfigError("1 <= min-k <= max-k <= 8 must hold", where="max-k")
        if self.C <= 0 or self.most < 1:
            raise ConfigError("C must be above 0, most 1 or more", where="types train")


def train_types(corpus: Corpus, options: KmerTypesOptions) -> KmerTypes:
    """Train on the train part of a corpus, and measure on the families it holds out.

    A type has `options.most` records at most, lest the largest families alone decide; so its
    probabilities are those of a world where types are about as frequent as that.

    Raises:
        DataError: if the corpus holds records of fewer than two types.
    """
    types = np.array(corpus.train["type"])
    rank = np.array([_hash(name) for name in corpus.train["id"]])
    order = np.lexsort((rank, types))
    place = np.arange(len(order)) - np.searchsorted(types[order], types[order])
    chosen = np.sort(order[place < options.most])
    if len(np.unique(types)) < 2:
        raise DataError(
            "records of two types or more are needed", where=f"corpus {corpus.report['name']}"
        )
    sequences = corpus.train.select(chosen)["sequence"]
    frequencies = kmer_frequencies(list(sequences), options.min_k, options.max_k)
    targets = Targets("multiclass", types[chosen], np.ones(len(chosen), dtype=np.int64))
    linear = Regressions(frequencies, targets, len(RNA_TYPES)).at(options.C)
    model = KmerClassifier(options.min_k, options.max_k, linear.weights, linear.bias)
    held_out = None
    if len(corpus.held_out):
        logits = model.logits(list(corpus.held_out["sequence"]))
        held_out = {
            "corpus": corpus.report["name"],
            **type_quality(logits, list(corpus.held_out["type"])),
            "trained_with": asdict(options),
        }
    return KmerTypes(model, corpus.report["name"], held_out)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
