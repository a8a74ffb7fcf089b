"""A type classifier trained on a typed corpus: logistic regression on k-mers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.baselines.kmer import KmerClassifier, kmer_frequencies
from rnaernie_bench.baselines.kmer import restore as restore_kmer
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.learning.guidance.quality import type_quality
from rnaernie_bench.learning.linear import regress

if TYPE_CHECKING:
    from rnaernie_bench.pretraining.corpus import Corpus

FILE = "predictor.json"


@dataclass(frozen=True)
class KmerTypes:
    """Scores RNA types by the k-mers of a sequence, all of it, however long."""

    model: KmerClassifier
    corpus: str
    """The name of what it was trained on."""
    held_out: Mapping[str, Any] | None = field(default=None)
    """How well it predicts what the corpus holds out, see `quality.type_quality`."""

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 of shape (sequences, types), in the order of `RNA_TYPES`."""
        return self.model.logits(sequences)

    @property
    def weights_sha256(self) -> str:
        """The hash of k-mer lengths, weights and bias."""
        digest = hashlib.sha256(f"{self.model.min_k} {self.model.max_k}".encode())
        digest.update(self.model.weights.tobytes() + self.model.bias.tobytes())
        return digest.hexdigest()

    def key(self) -> Mapping[str, str]:
        """Return the hash of the weights."""
        return {"weights": self.weights_sha256}

    def facts(self) -> Mapping[str, Any]:
        """Return kind, hash, size and figures."""
        return {
            "predictor": "kmer",
            "weights_sha256": self.weights_sha256,
            "parameters": self.model.weights.size + self.model.bias.size,
            "held_out": None if self.held_out is None else dict(self.held_out),
        }

    def save(self, folder: Path) -> None:
        """Write weights, k-mer lengths and figures into the existing `folder`."""
        self.model.save(folder)
        told = {"kind": "kmer", "corpus": self.corpus, "held_out": self.held_out}
        write_json(folder / FILE, told)


def restore(folder: Path, told: Mapping[str, Any]) -> KmerTypes:
    """Return what `KmerTypes.save` wrote."""
    return KmerTypes(restore_kmer(folder), told["corpus"], told["held_out"])


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
    linear = regress(frequencies, types[chosen], len(RNA_TYPES), options.C)
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
