"""What predictions of others tell, and how it is handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rnaernie_bench.external.source import Gives

TELLS: Mapping[Gives, frozenset[str]] = {
    "classes": frozenset({"decisions"}),
    "probabilities": frozenset({"decisions", "order", "probabilities", ""}),
    "scores": frozenset({"order"}),
    "values": frozenset({"order", "values", ""}),
    "pairs": frozenset({"decisions", ""}),
}
"""By what predictions are, which metrics they define (`metrics.registry.Metric.needs`)."""


@dataclass(frozen=True, eq=False)
class Said:
    """Predictions of some items, in their order."""

    truth: np.ndarray
    """As the answer of the task has it."""
    predicted: np.ndarray
    """As the answer has it."""
    selected: Mapping[str, float] = field(default_factory=dict)
    """Thresholds that were used."""
    one_partner: np.ndarray | None = None
    """Counts of structures with one partner a base, where some gave a base several."""
