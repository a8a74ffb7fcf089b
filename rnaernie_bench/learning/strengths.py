"""The search for a regularisation strength: a path that goes on until validation falls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

M = TypeVar("M")

LOWEST, HIGHEST = -5, 3
"""Powers of ten between which a search begins: nine values of C, eight decades."""

ALWAYS = 5
"""How many of them are tried whatever validation says."""

FURTHEST = 12
"""The power of ten, above and below 0, at which a search ends whatever validation says."""

FALLS = 2
"""How many weaker regularisations must be worse than the best before a search stops."""


@dataclass(frozen=True)
class Found(Generic[M]):
    """The best of the strengths that were tried."""

    model: M
    strength: float
    score: float
    """The higher the better."""
    tried: tuple[float, ...]
    """All strengths, in ascending order."""

    def to_record(self, name: str = "C", *, inverse: bool = False) -> dict[str, Any]:
        """Return what the record says: the choice, and where among the values tried it lies.

        Args:
            name: of the strength.
            inverse: whether the inverse of the values bears that name.
        """
        values = sorted(1 / value if inverse else value for value in self.tried)
        chosen = 1 / self.strength if inverse else self.strength
        return {
            name: chosen,
            f"{name}_lowest": values[0],
            f"{name}_highest": values[-1],
            f"{name}_place": f"{values.index(chosen) + 1} of {len(values)}",
        }


def best_strength(
    fit: Callable[[float], M],
    score: Callable[[M], float],
    strengths: Sequence[float] = (),
    *,
    refine: bool = True,
) -> Found[M]:
    """Return the best model on validation.

    Without `strengths`, decades are tried from the strongest regularisation on, until `FALLS` of
    them beyond the best are worse; further ones follow at an end that is the best, until validation
    no longer rises there. Then come the half decades beside the best. Of equal scores, the first is
    kept: the stronger regularisation.

    Args:
        fit: returns the model at a strength; called with neighbours one after the other.
        score: of a model on validation, the higher the better; nan where it is undefined.
        strengths: the values to try instead, and no other.
        refine: whether half decades are tried.
    """
    scores: dict[float, float] = {}
    models: dict[float, M] = {}

    def attempt(strength: float) -> None:
        model = fit(strength)
        value = score(model)
        scores[strength] = -math.inf if math.isnan(value) else value
        if best() == strength:
            models.clear()
            models[strength] = model

    def best() -> float:
        return max(scores, key=scores.__getitem__)  # the first of equals

    def falls() -> int:
        return sum(value < scores[best()] for other, value in scores.items() if other > best())

    if strengths:
        for strength in sorted(strengths):
            attempt(strength)
        return Found(models[best()], best(), scores[best()], tuple(sorted(scores)))
    for power in range(LOWEST, FURTHEST + 1):
        within = power <= HIGHEST and (power < LOWEST + ALWAYS or falls() < FALLS)
        if not within and best() != decade(power - 1):
            break
        attempt(decade(power))
    for power in range(LOWEST - 1, -FURTHEST - 1, -1):
        if best() != decade(power + 1):
            break
        attempt(decade(power))
    if refine:
        middle = best()
        for beside in (middle / math.sqrt(10), middle * math.sqrt(10)):
            attempt(beside)
    return Found(models[best()], best(), scores[best()], tuple(sorted(scores)))


def decade(power: int) -> float:
    """Return a power of ten, the number nearest to it."""
    return float(f"1e{power}")
