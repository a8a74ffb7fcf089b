"""A finished run applied to new sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.metrics.calibration import calibrated_log_probabilities, entropy
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction.saved import (
    CHUNK,
    predicts_classes,
    read_predictor,
    restore_network,
    restored,
)


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sequence."""

    label: str
    """The most probable class; of two with one score, what the threshold decides."""
    probabilities: dict[str, float]
    """Calibrated probability of each class."""
    entropy: float
    """Of the probabilities, in bits: 0 if certain."""
    truncated: bool
    """Whether only the first bases were read."""


@dataclass(frozen=True)
class Predictor:
    """A fitted model with its labels, temperature and length policy."""

    fitted: Fitted
    labels: tuple[str, ...]
    temperature: float
    length: str
    """`error`, `truncate` or `window`."""
    max_bases: int | None
    threshold: float | None = None
    """Of two classes with one score: the log-odds from which on it is the second; None: classes
    have a score each."""

    def __call__(self, sequences: Sequence[str]) -> list[Prediction]:
        """Predict normalised sequences (upper case, U for T).

        Raises:
            DataError: for a sequence over the limit, where the run was trained with
                ``task.length=error``.
        """
        if not sequences:
            return []
        logits = self.fitted.logits(sequences)
        if self.threshold is None:
            scores = calibrated_log_probabilities(logits, self.temperature)
            chosen = scores.argmax(axis=1)
        else:
            both = np.concatenate([np.zeros_like(logits), logits], axis=1)
            scores = calibrated_log_probabilities(both, self.temperature)
            tuning = Tuning(self.temperature, (self.threshold,))
            chosen = tuning.decided(tuning.odds(logits))[:, 0].astype(int)
        probabilities = np.exp(scores.astype(np.float64))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        limit = self.max_bases if self.length == "truncate" else None
        return [
            Prediction(
                label=self.labels[int(choice)],
                probabilities=dict(zip(self.labels, map(float, p), strict=True)),
                entropy=float(bits),
                truncated=limit is not None and len(sequence) > limit,
            )
            for sequence, choice, p, bits in zip(
                sequences, chosen, probabilities, entropy(scores), strict=True
            )
        ]


def load_run(folder: Path) -> Predictor:
    """Return the model of a finished run of a sequence-level task.

    Args:
        folder: the run's folder, which holds `model/`.

    Raises:
        ResultError: if there is no whole model in it, or one of another level.
    """
    saved = read_predictor(folder)
    problem = saved.get("problem", "multiclass")
    if not predicts_classes(saved):
        raise ResultError(
            f"the run predicts no class of sequences (level {saved['level']}, problem {problem})",
            where=folder,
            remedy="use rnaernie_bench.load_run",
        )
    return Predictor(
        fitted=restored(folder, saved, restore_network),
        labels=tuple(saved["labels"]),
        temperature=saved["temperature"],
        length=saved["length"],
        max_bases=saved["max_bases"],
        threshold=(saved["thresholds"] or [0.0])[0] if problem == "binary" else None,
    )


def predict_fasta(predictor: Predictor, source: Path | str) -> Iterator[tuple[str, Prediction]]:
    """Yield id and prediction of each record of a FASTA file, in its order, chunk by chunk.

    Args:
        predictor: the model.
        source: a FASTA file, plain or gzip; `-` is standard input.

    Raises:
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    limit = predictor.max_bases if predictor.length == "error" else None
    remedy = "cut it, or use a run with task.length=truncate or window"
    records = read_named(source, max_bases=limit, remedy=remedy)
    while chunk := list(islice(records, CHUNK)):
        names, sequences = zip(*chunk, strict=True)
        yield from zip(names, predictor(sequences), strict=True)


def write_tsv(
    predictions: Iterator[tuple[str, Prediction]], labels: Sequence[str], file: IO[str]
) -> int:
    """Write one line a sequence: id, class, its probability, entropy, truncated, all classes.

    Returns:
        The number of sequences.
    """
    columns = ["id", "class", "probability", "entropy_bits", "truncated"]
    file.write("\t".join([*columns, *(f"p:{label}" for label in labels)]) + "\n")
    count = 0
    for name, prediction in predictions:
        count += 1
        p = prediction.probabilities
        fields = [
            name, prediction.label, f"{p[prediction.label]:.6f}", f"{prediction.entropy:.4f}",
            "yes" if prediction.truncated else "no", *(f"{p[label]:.6f}" for label in labels),
        ]  # fmt: skip
        file.write("\t".join(fields) + "\n")
    return count
