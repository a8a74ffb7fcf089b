"""The motifs that a task declares as known, such as DRACH around m6A, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.baselines._described import (
    Described,
    PlainOptions,
    described_entry,
    fit_described,
    restored,
)
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import as_dict, build
from rnaernie_bench.task.motifs import Motif

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

FEATURES = f"{__name__}:occurrences"

COUNTS: Mapping[str, Callable[[int, Sequence[int], int], list[int]]] = {
    "anywhere": lambda length, places, bases: [len(places)],
    "centre": lambda length, places, bases: [int(length // 2 - bases // 2 in places)],
    "frame": lambda length, places, bases: [
        sum((length - place) % 3 == frame for place in places) for frame in range(3)
    ],
}
"""Where a motif is looked for -> its columns, of the length of a sequence, the places where the
motif begins, and the bases of the motif."""


def occurrences(sequences: Sequence[str], motifs: Mapping[str, Mapping[str, str]]) -> np.ndarray:
    """Return how often each motif stands where it is looked for.

    Args:
        sequences: normalised.
        motifs: `Motif` by name, as plain mappings. One in frame has three columns, of starts whose
            distance to the 3' end is 0, 1 and 2 modulo 3; the others have one.

    Returns:
        float64 of shape (sequences, columns).
    """
    looked = [build(Motif, dict(raw)) for raw in motifs.values()]
    found = [(motif.expression, len(motif.pattern), COUNTS[motif.at]) for motif in looked]
    rows = []
    for sequence in sequences:
        row: list[int] = []
        for expression, bases, count in found:
            places = [match.start() for match in expression.finditer(sequence)]
            row += count(len(sequence), places, bases)
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1)


def fit(context: FitContext, options: PlainOptions) -> tuple[Described, FitReport]:
    """Fit the regression.

    Raises:
        ConfigError: if the task declares no motif.
        DataError: if train holds items of one class only.
    """
    motifs = as_dict(context.task.motifs)
    if not motifs:
        raise ConfigError(
            f"the task {context.task.name} declares no motifs",
            where="backbone",
            remedy="declare `motifs` in the task, or use best_kmer",
        )
    return fit_described(FEATURES, context, options, motifs=motifs)


restore = partial(restored, FEATURES)

ENTRY = described_entry(__name__, "linear model of how often the motifs of the task occur")
