"""A finished run on new sequences: numbers, several labels, or what bases and their pairs are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from typing import IO

import numpy as np

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.targets import units_of
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction.saved import (
    CHUNK,
    predicts_structures,
    read_predictor,
    restore_network,
    restored,
)
from rnaernie_bench.task.levels import Level

PAIRED_CHUNK = 64
"""Sequences held in memory at a time, where each pair of their bases has numbers."""


@dataclass(frozen=True)
class Values:
    """What a model says of one sequence."""

    sequence: str
    numbers: np.ndarray
    """float32 of shape (units, columns): quantities, probabilities of labels or of classes."""
    decided: list[str]
    """By unit: the label, or the labels joined by commas; empty for quantities."""
    truncated: bool


@dataclass(frozen=True)
class ValuePredictor:
    """A fitted model with its labels, tuning and length policy."""

    fitted: Fitted
    level: Level
    problem: Problem
    labels: tuple[str, ...]
    tuning: Tuning
    length: str
    max_bases: int | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers, see `columns_of`."""
        return columns_of(self.problem, self.labels)

    def __call__(self, sequences: Sequence[str]) -> list[Values]:
        """Predict normalised sequences (upper case, U for T).

        Raises:
            DataError: for a sequence over the limit under ``task.length=error``.
        """
        if not sequences:
            return []
        scores = self.fitted.logits(sequences)
        bounds = np.cumsum(units_of(sequences, self.level))[:-1]
        numbers, decided = said_of(scores, self.problem, self.labels, self.tuning)
        limit = self.max_bases if self.length == "truncate" else None
        return [
            Values(sequence, rows, said.tolist(), limit is not None and len(sequence) > limit)
            for sequence, rows, said in zip(
                sequences, np.split(numbers, bounds), np.split(decided, bounds), strict=True
            )
        ]


def columns_of(problem: Problem, labels: Sequence[str]) -> tuple[str, ...]:
    """Return names of the numbers: labels of quantities, `p:` and the label of probabilities."""
    if problem == "regression":
        return tuple(labels)
    shown = labels[1:] if problem == "binary" else labels
    return tuple(f"p:{label}" for label in shown)


def said_of(
    scores: np.ndarray, problem: Problem, labels: Sequence[str], tuning: Tuning
) -> tuple[np.ndarray, np.ndarray]:
    """Return what scores say, as `Values` have it.

    Args:
        scores: float32 (units, outputs), of a model.
        problem: what is asked.
        labels: those of the task.
        tuning: what validation chose.

    Returns:
        Numbers, float32 (units, columns), and what is decided, (units,).
    """
    names = np.array(labels, dtype=object)
    if problem == "regression":
        return scores, np.full(len(scores), "", dtype=object)
    if problem == "multiclass":
        shares = np.exp((scores - scores.max(axis=1, keepdims=True)) / tuning.temperature)
        return shares / shares.sum(axis=1, keepdims=True), names[scores.argmax(axis=1)]
    odds = tuning.odds(scores)
    yes = tuning.decided(odds)
    probabilities = np.exp(-np.logaddexp(0, -odds.astype(np.float64))).astype(np.float32)
    if problem == "binary":
        return probabilities, names[yes[:, 0].astype(int)]
    return probabilities, np.array([",".join(names[row]) for row in yes], dtype=object)


def load_value_run(folder: Path) -> ValuePredictor:
    """Return the model of a finished run that predicts numbers, several labels, bases, or pairs of
    bases.

    Raises:
        ResultError: if there is no whole model in it, or one of structures or pairs of sequences.
    """
    saved = read_predictor(folder)
    if saved["level"] == "pair" or predicts_structures(saved):
        raise ResultError(f"the run predicts at the level '{saved['level']}'", where=folder)
    return ValuePredictor(
        fitted=restored(folder, saved, restore_network),
        level=saved["level"],
        problem=saved["problem"],
        labels=tuple(saved["labels"]),
        tuning=Tuning(saved.get("temperature", 1.0), tuple(saved.get("thresholds", ()))),
        length=saved["length"],
        max_bases=saved["max_bases"],
    )


def predict_values(predictor: ValuePredictor, source: Path | str) -> Iterator[tuple[str, Values]]:
    """Yield id and prediction of each record of a FASTA file, in its order, chunk by chunk.

    Args:
        predictor: the model.
        source: a FASTA file, plain or gzip; `-` is standard input.

    Raises:
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    limit = predictor.max_bases if predictor.length == "error" else None
    records = read_named(source, max_bases=limit, remedy="cut it")
    size = PAIRED_CHUNK if predictor.level == "contact" else CHUNK
    while chunk := list(islice(records, size)):
        names, sequences = zip(*chunk, strict=True)
        yield from zip(names, predictor(sequences), strict=True)


def write_values(
    predictions: Iterator[tuple[str, Values]], predictor: ValuePredictor, file: IO[str]
) -> int:
    """Write one line a sequence, or one a base or pair of bases with its positions from 1.

    Returns:
        The number of sequences.
    """
    level, said = predictor.level, predictor.problem != "regression"
    whole = level == "sequence"
    columns = ["id", *_PLACES.get(level, ()), *(("label",) if said else ())]
    columns += [*predictor.columns, *(("truncated",) if whole else ())]
    file.write("\t".join(columns) + "\n")
    count = 0
    for name, found in predictions:
        count += 1
        for place, numbers, label in zip(
            _places(found.sequence, level), found.numbers, found.decided, strict=True
        ):
            fields = [name, *place, *((label or "-",) if said else ())]
            fields += [f"{value:.6g}" for value in numbers]
            if whole:
                fields.append("yes" if found.truncated else "no")
            file.write("\t".join(fields) + "\n")
    return count


_PLACES: Mapping[Level, tuple[str, ...]] = {
    "token": ("position", "base"),
    "contact": ("i", "j", "bases"),
}
"""The columns that say which base, or pair of bases, a line is about."""


def _places(sequence: str, level: Level) -> Iterator[tuple[str, ...]]:
    """Yield these columns of each unit of a sequence."""
    numbered = [(str(place), base) for place, base in enumerate(sequence, start=1)]
    if level == "contact":
        for (i, first), (j, second) in combinations(numbered, 2):
            yield i, j, first + second
    else:
        yield from numbered if level == "token" else [()]
