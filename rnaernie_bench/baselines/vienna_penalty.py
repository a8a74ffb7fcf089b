"""Folding by ViennaRNA with one constant: what every pair costs, chosen on validation.

The control of models that add learned scores to folding energies (decoder `hybrid`): a constant
knows nothing of the sequence, and makes up for references with fewer pairs than energies favour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from rnaernie_bench.baselines._folding import Folding, FoldingOptions, fit_folding, folding_entry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

STEP = 0.2
"""Kcal/mol between penalties that are compared."""
GRID = range(-2, 6)
"""Steps that are always compared; the search goes on beyond an end that is the best."""
LIMIT = 25
"""The most steps either way: at 5 kcal/mol hardly a pair is left."""


def fit(context: FitContext, options: FoldingOptions) -> tuple[Folding, FitReport]:
    """Choose the penalty by the mean F1 of validation.

    Raises:
        ConfigError: if ViennaRNA is not installed.
        DataError: for a sequence over the limit under ``task.length=error``.
    """
    from rnaernie_bench.structure.counting import count_all
    from rnaernie_bench.structure.scores import summarise
    from rnaernie_bench.structure.thermodynamics import fold_all

    start = perf_counter()
    _, report = fit_folding("mfe", context, options)
    items = context.validation
    sequences = [item.sequence for item in items]

    def f1(penalty: float) -> float:
        found = fold_all(sequences, penalty=penalty)
        counted = ((pairs, i.pairs, len(i.sequence)) for pairs, i in zip(found, items, strict=True))
        return summarise(count_all(counted)).mean["f1"]

    best, compared = search(f1)
    report = replace(
        report,
        train_s=perf_counter() - start,
        trials=compared,
        selected={"penalty_kcal_mol": best},
    )
    return Folding("mfe", best), report


def search(score: Callable[[float], float]) -> tuple[float, int]:
    """Return the penalty of the highest score, of equals the nearest to 0, and how many it beat.

    Args:
        score: maps kcal/mol a pair to what is to be high.

    Returns:
        The penalty, and the number of penalties compared.
    """
    found = {step: score(step * STEP) for step in GRID}
    while True:
        best = max(found, key=lambda step: (found[step], -abs(step)))
        beyond = best - 1 if best == min(found) else best + 1
        if beyond in found or abs(beyond) > LIMIT:
            return round(best * STEP, 6), len(found)
        found[beyond] = score(beyond * STEP)


ENTRY = replace(
    folding_entry(
        "rnaernie_bench.baselines.vienna_penalty:fit",
        "minimum free energy by ViennaRNA with a penalty on every pair, chosen on validation",
    ),
    levels=("contact",),
)
