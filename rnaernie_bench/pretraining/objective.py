"""What is learned beside masked bases: which bases pair, by thermodynamics.

Masked bases alone teach a small network little about structure: of the letters of an RNA few tell
a hidden one. The partition function of the same sequence (McCaskill 1990,
doi 10.1002/bip.360290621; `structure.pair_probabilities`) says of each base with what probability
it pairs with which other, and no structure of any database is needed for it: nothing of an
evaluation set is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnaernie_bench.config.options import require
from rnaernie_bench.core.schema import added


@dataclass(frozen=True)
class ObjectiveOptions:
    """Options of `objective`."""

    pairs: float = added(0.0)
    """Weight in the loss of the partners of bases, as ViennaRNA's partition function gives them;
    a masked base has 1. 0: masked bases and types only."""
    layer: int = added(-1)
    """The layer whose states predict partners, counted from 1; -1: the last."""
    width: int = added(64)
    """Features by which two states are compared."""
    max_bases: int = added(200)
    """Longest sequence whose partners are predicted: ViennaRNA's time grows with the cube of it."""
    shuffled: float = added(0.0)
    """Records made for each of the corpus, and read for their pairs only: its dinucleotides in
    another order."""
    random: float = added(0.0)
    """The same: bases at random, as many, in frequencies of their own."""
    partner_rate: float = added(0.0)
    """Share of the inputs in which one base of likely pairs is hidden and its partner never is."""

    def __post_init__(self) -> None:
        require(self.pairs >= 0, "objective.pairs", "0 or more")
        require(self.layer == -1 or self.layer >= 1, "objective.layer", "1 or more, or -1")
        require(self.width >= 1, "objective.width", "1 or more")
        require(self.max_bases >= 1, "objective.max_bases", "1 or more")
        for name in ("shuffled", "random"):
            require(getattr(self, name) >= 0, f"objective.{name}", "0 or more")
        require(0 <= self.partner_rate <= 1, "objective.partner_rate", "from 0 to 1")
        needs = dict.fromkeys(("layer", "width", "shuffled", "random"), self.pairs > 0)
        for name, met in {**needs, "max_bases": self.folds}.items():
            unchanged = getattr(self, name) == type(self).__dataclass_fields__[name].default
            allowed = "left at its default: without objective.pairs it has no effect"
            require(met or unchanged, f"objective.{name}", allowed)

    @property
    def folds(self) -> bool:
        """Whether pair probabilities are needed."""
        return self.pairs > 0 or self.partner_rate > 0
