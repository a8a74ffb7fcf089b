"""Quantities, labels or classes of units: sequences, their bases, or pairs of their bases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

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


def table_form(
    columns: Sequence[str], places: Callable[[str], Iterator[tuple[str, ...]]], **options: Any
) -> Form:
    """Return the form of a table with a line a unit.

    Args:
        columns: those that say which unit a line is about.
        places: yields their cells for each unit of a sequence.
        options: further fields of the form.
    """
    whole = not columns

    def header(predictor: Predictor) -> list[str]:
        decided = ["label"] if predictor.answer.decides else []
        return ["id", *columns, *decided, *predictor.columns, *(["truncated"] if whole else [])]

    def rows(predictor: Predictor, item: Named, found: Values) -> Iterator[list[str]]:
        for place, numbers, label in zip(
            places(found.sequence), found.numbers, found.decided, strict=True
        ):
            decided = [label or "-"] if predictor.answer.decides else []
            cells = [item[0], *place, *decided, *(f"{value:.6g}" for value in numbers)]
            yield [*cells, "yes" if found.truncated else "no"] if whole else cells

    return Form(read_sequences, name_sequences, predict, header, rows, **options)


def _bases(sequence: str) -> Iterator[tuple[str, ...]]:
    return ((str(place), base) for place, base in enumerate(sequence, start=1))


def _base_pairs(sequence: str) -> Iterator[tuple[str, ...]]:
    for (i, first), (j, second) in combinations(_bases(sequence), 2):
        yield i, j, first + second


SEQUENCES = table_form((), lambda sequence: iter([()]))
BASES = table_form(("position", "base"), _bases)
BASE_PAIRS = table_form(("i", "j", "bases"), _base_pairs, chunk=64)
