"""Quantities, labels or classes of units: sequences, their bases, or pairs of their bases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnaernie_bench.levels import LEVELS
from rnaernie_bench.prediction.predictor import Form, Predictor
from rnaernie_bench.prediction.sequences import Named, name_sequences, read_sequences


@dataclass(frozen=True)
class Values:
    """The numbers of a sequence, or of each of its units."""

    sequence: str
    numbers: np.ndarray
    """float32 of shape (units, columns): quantities, probabilities of labels or of classes."""
    decided: list[str]
    """By unit: the label, or the labels joined by commas; empty for quantities."""
    truncated: bool
    """Whether only the first bases were read."""


def predict(predictor: Predictor, items: Sequence[Named]) -> Iterator[Values]:
    """Yield the values of each sequence."""
    sequences = [sequence for _, sequence in items]
    level, scores = LEVELS.get(predictor.level), predictor.logits(sequences)
    numbers, decided = predictor.interpret(scores)
    bounds = np.cumsum([level.units(sequence) for sequence in sequences])[:-1]
    for sequence, rows, labels in zip(
        sequences, np.split(numbers, bounds), np.split(decided, bounds), strict=True
    ):
        yield Values(sequence, rows, labels.tolist(), predictor.truncates(sequence))


def header(predictor: Predictor) -> list[str]:
    """Return the columns of a table with a line a unit."""
    columns = LEVELS.get(predictor.level).place_columns
    decided = ["label"] if predictor.answer.decides else []
    whole = [] if columns else ["truncated"]
    return ["id", *columns, *decided, *predictor.columns, *whole]


def rows(predictor: Predictor, item: Named, found: Values) -> Iterator[list[str]]:
    """Yield the cells of the units of a sequence."""
    level = LEVELS.get(predictor.level)
    for place, numbers, label in zip(
        level.places(found.sequence), found.numbers, found.decided, strict=True
    ):
        decided = [label or "-"] if predictor.answer.decides else []
        whole = [] if level.place_columns else ["yes" if found.truncated else "no"]
        yield [item[0], *place, *decided, *(f"{value:.6g}" for value in numbers), *whole]


FORM = Form(read_sequences, name_sequences, predict, header, rows)
FEW_AT_A_TIME = replace(FORM, chunk=64)
"""Where a sequence has very many units."""
