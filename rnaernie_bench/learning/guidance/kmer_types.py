"""A classifier of RNA types: logistic regression on k-mers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.files import write_json
from rnaernie_bench.learning import kmers

FILE = "predictor.json"


@dataclass(frozen=True)
class KmerTypes:
    """Scores RNA types by the k-mers of a sequence, all of it, however long."""

    model: kmers.KmerClassifier
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
        saved = {"kind": "kmer", "corpus": self.corpus, "held_out": self.held_out}
        write_json(folder / FILE, saved)


def restore(folder: Path, saved: Mapping[str, Any]) -> KmerTypes:
    """Return what `KmerTypes.save` wrote."""
    return KmerTypes(kmers.restore(folder), saved["corpus"], saved["held_out"])
