"""How often miRNAs with this seed interacted in train, regardless of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.baselines._partner_majority import (
    Key,
    PairMajority,
    fit_partners,
    partner_entry,
)
from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class SeedOptions:
    """Which lengths of the seed validation chooses from."""

    name: str
    bases: tuple[int, ...] = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
    """Letters from the 5' end of the first partner."""

    def __post_init__(self) -> None:
        if not self.bases or min(self.bases) < 1:
            raise ConfigError("one or more lengths of 1 base or more", where="backbone.bases")


def fit(context: FitContext, options: SeedOptions) -> tuple[PairMajority, FitReport]:
    """Tabulate train by seeds of each length, and keep the best on validation."""
    return fit_partners([Key(0, bases) for bases in options.bases], context, options)


ENTRY = partner_entry(
    "rnaernie_bench.baselines.seed_only:fit",
    "how often first partners with this seed interacted in train",
    SeedOptions,
)
