"""The motifs that a task declares as known, such as DRACH around m6A, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def occurrences(sequences: Sequence[str], motifs: Mapping[str, Mapping[str, str]]) -> np.ndarray:
    """Return how often each motif stands where it is looked for.

    Args:
        sequences: normalised.
        motifs: `Motif` by name, as plain mappings. One in frame has three columns, of starts whose
            distance to the 3' end is 0, 1 and 2 modulo 3; the others have one.

    Returns:
        float64 of shape (sequences, columns).
    """
    columns = []
    for motif in (build(Motif, dict(raw)) for raw in motifs.values()):
        look, half = motif.expression, len(motif.pattern) // 2
        starts = [[found.start() for found in look.finditer(sequence)] for sequence in sequences]
        pairs = list(zip(sequences, starts, strict=True))
        columns += {
            "anywhere": lambda pairs=pairs: [[len(places) for _, places in pairs]],
            "centre": lambda pairs=pairs, half=half: [
                [len(sequence) // 2 - half in places for sequence, places in pairs]
            ],
            "frame": lambda pairs=pairs: [
                [sum((len(s) - place) % 3 == frame for place in places) for s, places in pairs]
                for frame in range(3)
            ],
        }[motif.at]()
    return np.array(columns, dtype=np.float64).T


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
