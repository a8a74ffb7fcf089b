"""Controls of mutational scans: one number of each variant, with nothing learned."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning.interface import RANKS
from rnaernie_bench.metrics.problems import quantitative
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    import numpy as np

    from rnaernie_bench.learning.interface import FitContext, FitReport

PURINES = frozenset("AG")


@dataclass(frozen=True)
class MutationOptions:
    """A control of variants has no options."""

    name: str


def mutation_count(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return minus the number of bases in which each sequence differs from the reference."""
    return [-float(len(_changes(reference, sequence))) for sequence in sequences]


def transversions(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return minus the number of mutations that put a purine for a pyrimidine, or the reverse.

    Transitions, between A and G or C and U, keep the shape of a base, and the pairs G-U and A-U.
    """
    return [
        -float(sum((old in PURINES) != (new in PURINES) for old, new in _changes(reference, s)))
        for s in sequences
    ]


def gc_content(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return the share of G and C in each sequence."""
    return [sum(letter in "GC" for letter in s) / len(s) for s in sequences]


def au_content(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return the share of other letters than G and C in each sequence."""
    return [1 - share for share in gc_content(reference, sequences)]


def energy(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return how much lower the minimum free energy of each sequence is than the reference's.

    In kcal/mol; without a reference, minus the energy itself.
    """
    from rnaernie_bench.structure.thermodynamics import minimum_energies

    own = minimum_energies([*sequences, *([reference] if reference else [])])
    base = own[len(sequences)] if reference else 0.0
    return [base - value for value in own[: len(sequences)]]


def structure_distance(reference: str, sequences: Sequence[str]) -> list[float]:
    """Return minus the base pairs in which minimum free energy structures differ.

    Of each sequence and the reference: pairs of either that the other lacks.
    """
    from rnaernie_bench.structure.thermodynamics import fold_all

    first, *others = (
        {(int(i), int(j)) for i, j in pairs} for pairs in fold_all([reference, *sequences])
    )
    return [-float(len(first ^ other)) for other in others]


def _changes(reference: str, sequence: str) -> list[tuple[str, str]]:
    if len(sequence) != len(reference):
        raise DataError(
            f"the variant has {len(sequence)} bases, the reference {len(reference)}",
            where=f"sequence {sequence[:20]}...",
            remedy="use a control that reads no reference, such as gc_content",
        )
    return [(old, new) for old, new in zip(reference, sequence, strict=True) if old != new]


Score = Callable[[str, Sequence[str]], list[float]]

SCORES: Mapping[str, Score] = {
    "mutation_count": mutation_count,
    "transversions": transversions,
    "gc_content": gc_content,
    "au_content": au_content,
    "vienna_energy": energy,
    "vienna_distance": structure_distance,
}
"""By name of the baseline: called with reference and sequences, returns what fit ones have more."""

WITHOUT_REFERENCE = ("gc_content", "au_content", "vienna_energy")


@dataclass(frozen=True)
class MutationScore:
    """A control, ready to score."""

    name: str
    reference: str
    tells = RANKS

    def logits(self, inputs: Sequence[str]) -> np.ndarray:
        """Return scores, float32 of shape (sequences, 1).

        Raises:
            ConfigError: if ViennaRNA is needed and not installed.
            DataError: for a sequence that cannot be compared with the reference.
        """
        import numpy as np

        found = SCORES[self.name](self.reference, inputs) if inputs else []
        return np.array(found, dtype=np.float32).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        """Write name and reference into `folder`."""
        said = {"name": self.name, "reference": self.reference}
        (folder / "mutations.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


def restore(folder: Path) -> MutationScore:
    """Return what `MutationScore.save` wrote."""
    return MutationScore(**json.loads((folder / "mutations.json").read_text(encoding="utf-8")))


def fit(context: FitContext, options: MutationOptions) -> tuple[MutationScore, FitReport]:
    """Return the control; there is nothing to fit.

    Raises:
        ConfigError: if it compares with a reference that the data have not.
    """
    reference = reference_of(context, options.name, needed=options.name not in WITHOUT_REFERENCE)
    return MutationScore(options.name, reference), untrained_report(context)


def reference_of(context: FitContext, name: str, *, needed: bool = True) -> str:
    """Return the reference of a task's data.

    Raises:
        ConfigError: if it has none and one is needed, or quantities are not what is asked.
    """
    task = context.task
    if not quantitative(task.problem):
        raise ConfigError(f"'{name}' ranks sequences, and asks for regression", where="backbone")
    if needed and not task.dataset.reference:
        raise ConfigError(
            f"'{name}' compares variants with a reference, and '{task.name}' has none",
            where="backbone",
            remedy=f"use {' or '.join(WITHOUT_REFERENCE)}",
        )
    return task.dataset.reference


def untrained_report(context: FitContext, parameters: int = 0) -> FitReport:
    """Return the report of a score that was never fitted: it ranks, and is in no unit."""
    from rnaernie_bench.baselines._report import closed_report

    return closed_report(
        context,
        parameters,
        time.perf_counter(),
        trials=0,
        epochs=0,
        best_epoch=0,
        items_per_s=0.0,
        ended_by="untrained",
    )


def mutation_entry(summary: str) -> BaselineEntry:
    """Return the entry of a control with this line of help."""
    return BaselineEntry(
        options=MutationOptions,
        fit="rnaernie_bench.baselines._mutations:fit",
        restore="rnaernie_bench.baselines._mutations:restore",
        summary=summary,
        problems=("regression",),
        reads=(),
        trains=False,
    )
