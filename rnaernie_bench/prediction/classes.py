"""Classes of sequences, with the probability of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnaernie_bench.metrics.calibration import calibrated_log_probabilities, entropy
from rnaernie_bench.prediction.predictor import Form, Predictor
from rnaernie_bench.prediction.sequences import Named, name_sequences, read_sequences


@dataclass(frozen=True)
class Prediction:
    """The class of a sequence."""

    label: str
    """The most probable class; of two with one score, the one that the threshold decides."""
    probabilities: dict[str, float]
    """Calibrated probability of each class."""
    entropy: float
    """Of the probabilities, in bits: 0 if certain."""
    truncated: bool
    """Whether only the first bases were read."""


def predict(predictor: Predictor, items: Sequence[Named]) -> Iterator[Prediction]:
    """Yield the prediction of each sequence."""
    sequences = [sequence for _, sequence in items]
    scores, tuning = predictor.logits(sequences), predictor.tuning
    if scores.shape[1] == 1:  # log-odds of the second of two classes
        decided = tuning.decided(tuning.odds(scores))[:, 0].astype(int)
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    else:
        decided = scores.argmax(axis=1)
    calibrated = calibrated_log_probabilities(scores, tuning.temperature)
    probabilities = np.exp(calibrated.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    for sequence, choice, shares, bits in zip(
        sequences, decided, probabilities, entropy(calibrated), strict=True
    ):
        yield Prediction(
            label=predictor.labels[int(choice)],
            probabilities=dict(zip(predictor.labels, map(float, shares), strict=True)),
            entropy=float(bits),
            truncated=predictor.truncates(sequence),
        )


def _header(predictor: Predictor) -> list[str]:
    columns = ["id", "class", "probability", "entropy_bits", "truncated"]
    return columns + [f"p:{label}" for label in predictor.labels]


def _rows(predictor: Predictor, item: Named, found: Prediction) -> Iterator[list[str]]:
    yield [
        item[0], found.label, f"{found.probabilities[found.label]:.6f}", f"{found.entropy:.4f}",
        "yes" if found.truncated else "no", *(f"{p:.6f}" for p in found.probabilities.values()),
    ]  # fmt: skip


FORM = Form(read_sequences, name_sequences, predict, _header, _rows)
