"""Logistic regression on the longest open reading frame: the shortcut to coding potential.

ORF length and coverage are the first two of the four features of CPAT (Wang et al. 2013,
doi:10.1093/nar/gkt006). They need no learning of sequence: what tells coding from non-coding RNA
has to beat them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.baselines._regression import READS, fit_on_features
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

_CODES = np.full(256, 4, dtype=np.int16)  # other letters
_CODES[np.frombuffer(b"ACGU", dtype=np.uint8)] = np.arange(4)
_START = 0 * 25 + 3 * 5 + 2  # AUG
_IS_STOP = np.zeros(125, dtype=bool)
_IS_STOP[[3 * 25 + 0 * 5 + 0, 3 * 25 + 0 * 5 + 2, 3 * 25 + 2 * 5 + 0]] = True  # UAA, UAG, UGA


@dataclass(frozen=True)
class OrfLengthOptions:
    """The open reading frame has no options."""

    name: str


@dataclass(frozen=True)
class OrfLengthClassifier:
    """A linear classifier of two features of the longest open reading frame."""

    weights: np.ndarray
    """float32 of shape (classes, 2)."""
    bias: np.ndarray
    """float32 of shape (classes,)."""

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 logits of shape (sequences, classes)."""
        return np.asarray(orf_features(sequences) @ self.weights.T + self.bias, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`."""
        values = {"weights": self.weights.tolist(), "bias": self.bias.tolist()}
        (folder / "orf_length.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


def longest_orf(sequence: str) -> int:
    """Return the number of codons of the longest open reading frame of a normalised sequence.

    A frame is read from any AUG, in the three frames of the given strand, to the codon before the
    next UAA, UAG or UGA in its frame; without one, to the last whole codon, as transcripts may lack
    their end. The AUG counts, the stop does not. A codon with other letters than ACGU is neither.
    """
    letters = _CODES[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]
    codons = 25 * letters[:-2] + 5 * letters[1:-1] + letters[2:]
    starts, stops = np.flatnonzero(codons == _START), np.flatnonzero(_IS_STOP[codons])
    longest = 0
    for frame in range(3):
        own = starts[starts % 3 == frame]
        if len(own):
            past = frame + (len(letters) - frame) // 3 * 3
            ends = np.append(stops[stops % 3 == frame], past)
            longest = max(longest, int((ends[np.searchsorted(ends, own)] - own).max()) // 3)
    return longest


def orf_features(sequences: Sequence[str]) -> np.ndarray:
    """Return features of the longest open reading frames, float64 of shape (sequences, 2).

    The columns are log(1 + codons), and the share of the bases that lie in the frame.
    """
    codons = np.array([longest_orf(sequence) for sequence in sequences], dtype=np.float64)
    bases = np.array([max(1, len(sequence)) for sequence in sequences])
    return np.column_stack([np.log1p(codons), 3 * codons / bases])


def fit(context: FitContext, options: OrfLengthOptions) -> tuple[OrfLengthClassifier, FitReport]:
    """Fit the regression, its regularisation chosen on validation.

    Raises:
        DataError: if train holds items of one class only.
    """
    linear, report = fit_on_features(context, orf_features)
    return OrfLengthClassifier(linear.weights, linear.bias), report


def restore(folder: Path) -> OrfLengthClassifier:
    """Return what `OrfLengthClassifier.save` wrote."""
    saved = json.loads((folder / "orf_length.json").read_text(encoding="utf-8"))
    return OrfLengthClassifier(
        np.array(saved["weights"], dtype=np.float32), np.array(saved["bias"], dtype=np.float32)
    )


ENTRY = BaselineEntry(
    options=OrfLengthOptions,
    fit="rnaernie_bench.baselines.orf_length:fit",
    restore="rnaernie_bench.baselines.orf_length:restore",
    summary="logistic regression on the longest open reading frame",
    problems=("multiclass",),
    reads=READS,
)
