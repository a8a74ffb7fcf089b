"""Base pairs of sequences, decoded from their probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnaernie_bench.metrics.answers.structure import decoded
from rnaernie_bench.prediction.predictor import Form, Predictor
from rnaernie_bench.prediction.sequences import Named, name_sequences, read_sequences
from rnaernie_bench.structure.records import StructureRecord
from rnaernie_bench.structure.reliability import calibrated, paired
from rnaernie_bench.structure.writers import WRITERS

LEAST = 0.01
"""The smallest probability of a pair that a table lists, unless the pair was decoded."""


@dataclass(frozen=True)
class PredictedStructure:
    """The base pairs of a sequence."""

    record: StructureRecord
    """The sequence with its decoded pairs."""
    probabilities: np.ndarray
    """That bases pair, as validation calibrates it, float32 (bases, bases)."""

    @property
    def paired(self) -> np.ndarray:
        """How likely each base is paired, float32 (bases,)."""
        return paired(self.probabilities)


def predict(predictor: Predictor, items: Sequence[Named]) -> Iterator[PredictedStructure]:
    """Yield the structure of each sequence."""
    names, sequences = zip(*items, strict=True)
    scores = predictor.fitted.probabilities(sequences)
    found: Mapping[int, PredictedStructure] = {
        index: PredictedStructure(
            StructureRecord(names[index], sequences[index], pairs),
            calibrated(matrix, predictor.tuning),
        )
        for index, matrix, pairs in decoded(scores, sequences, predictor.tuning)
    }
    return (found[index] for index in range(len(items)))


def _header(predictor: Predictor) -> list[str]:
    return ["id", "i", "j", "bases", "probability", "decoded", "paired_i", "paired_j"]


def _rows(predictor: Predictor, item: Named, found: PredictedStructure) -> Iterator[list[str]]:
    """Yield a line a pair, bases counted from 1: the likely ones and those that were decoded."""
    (name, sequence), matrix, paired = item, found.probabilities, found.paired
    chosen = {(i, j) for i, j in found.record.pairs.tolist()}
    likely = {(i, j) for i, j in np.argwhere(np.triu(matrix, k=1) >= LEAST).tolist()}
    for i, j in sorted(chosen | likely):
        place = [name, str(i + 1), str(j + 1), sequence[i] + sequence[j]]
        pair, *bases = (f"{value:.6f}" for value in (matrix[i, j], paired[i], paired[j]))
        yield [*place, pair, "yes" if (i, j) in chosen else "no", *bases]


def draw(predictor: Predictor, found: PredictedStructure, path: Path) -> None:
    """Draw base pairs to an SVG or PNG file, likely ones more opaque.

    As arcs, and beside them laid out in the plane where ViennaRNA is installed.
    """
    from rnaernie_bench.core.figures import save_figure
    from rnaernie_bench.structure.layouts import add_layout
    from rnaernie_bench.structure.pictures import arc_figure

    record = found.record
    figure = arc_figure(
        record.sequence, record.pairs, title=record.id, probabilities=found.probabilities
    )
    add_layout(figure, record.sequence, record.pairs, found.probabilities)
    save_figure(figure, path)


def _in_notation(end: str) -> Callable[[PredictedStructure], str]:
    return lambda found: WRITERS[end](found.record)


FORM = Form(
    read_sequences, name_sequences, predict, _header, _rows,
    chunk=64, notations={end: _in_notation(end) for end in WRITERS}, draw=draw,
)  # fmt: skip
