"""Whether the target has a site for the seed of a miRNA, and nothing else.

Types of sites are those of Bartel 2009 (doi:10.1016/j.cell.2009.01.002): six to eight bases that
pair with the miRNA from its base 1, 2 or 3 on, and an A opposite its base 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rnaernie_bench.baselines._described import described_entry, fit_described, restored

FEATURES = f"{__name__}:sites"

SITES = (
    *((start, start + bases, "") for bases in (6, 7, 8) for start in range(9 - bases)),
    (1, 7, "A"),
    (1, 8, "A"),
)
"""First base of the miRNA, counted from 0, the base behind the last, and what follows the site in
the target: 6-mers from base 1, 2 and 3, 7-mers from 1 and 2, the 8-mer, 7-mer-A1 and 8-mer-A1."""

_PARTNERS = str.maketrans("ACGU", "UGCA")


def sites(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return how often a target has each of `SITES` for its miRNA; G-U pairs do not count.

    Args:
        pairs: miRNA and target, 5' to 3'.

    Returns:
        float64 of shape (pairs, types of sites).
    """
    rows = []
    for first, second in pairs:
        paired = first[:8].translate(_PARTNERS)
        words = [(paired[start:end][::-1] + behind, end) for start, end, behind in SITES]
        rows.append([_count(second, word) if len(first) >= end else 0 for word, end in words])
    return np.array(rows, dtype=np.float64).reshape(-1, len(SITES))


def _count(sequence: str, word: str) -> int:
    return sum(sequence.startswith(word, place) for place in range(len(sequence) - len(word) + 1))


fit = partial(fit_described, FEATURES)
restore = partial(restored, FEATURES)

ENTRY = described_entry(
    __name__,
    "linear model of the sites that a target has for the seed of a miRNA",
    levels=("pair",),
)
