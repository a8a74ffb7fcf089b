"""Known motifs that a task declares, for a baseline that looks for nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rnaernie_bench.core.errors import ConfigError

IUPAC = {
    "A": "A", "C": "C", "G": "G", "U": "U", "R": "AG", "Y": "CU", "S": "CG", "W": "AU", "K": "GU",
    "M": "AC", "B": "CGU", "D": "AGU", "H": "ACU", "V": "ACG", "N": "ACGU",
}  # fmt: skip
"""Code of one or several bases -> the bases."""


@dataclass(frozen=True)
class Motif:
    """A word of bases, and where it is looked for."""

    pattern: str
    """In IUPAC codes, such as DRACH."""
    at: Literal["anywhere", "centre", "frame"] = "anywhere"
    """`anywhere`: how often it stands in a sequence. `centre`: whether its middle is the middle of
    the sequence. `frame`: how often it stands at each of the three distances from the 3' end,
    modulo 3, as start codons do that are in frame with what follows, or are not."""

    def __post_init__(self) -> None:
        if not self.pattern or set(self.pattern) - set(IUPAC):
            raise ConfigError(
                f"'{self.pattern}' is no motif of the IUPAC codes {' '.join(IUPAC)}", where="motifs"
            )

    @property
    def expression(self) -> re.Pattern[str]:
        """What finds each place where it begins; those that overlap, too."""
        return re.compile(f"(?={''.join(f'[{IUPAC[code]}]' for code in self.pattern)})")
