"""Length policies: what happens to a sequence with more bases than a model reads.

A policy is an entry of `POLICIES`. What a level offers follows from what is true of the level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rnaernie_bench.levels import Level
from rnaernie_bench.metrics.problems import Problem


def first_bases(sequence: str, size: int, overlap: int = 0, step: int = 1) -> list[str]:
    """Return the first `size` bases as the one piece that is read."""
    return [sequence[:size]]


def windows(sequence: str, size: int, overlap: int = 0, step: int = 1) -> list[str]:
    """Cut a sequence into as few windows as cover it, all of one length.

    Windows of one length need no padding, and none is so short that its share in the mean would
    outweigh its content. A sequence that fits is one window.

    Args:
        sequence: any.
        size: the most bases of a window.
        overlap: the least number of bases that neighbours share, below `size`.
        step: what starts and lengths are a multiple of, so that windows keep the reading frame of
            codons; `size` and `overlap` must be. Bases behind the last whole step are left out.
    """
    placed = placed_windows(sequence, size, overlap, step)
    return [piece for _, piece in placed]


def placed_windows(
    sequence: str, size: int, overlap: int = 0, step: int = 1
) -> list[tuple[int, str]]:
    """Return the same with the place of the first base of each window, from 0."""
    if len(sequence) <= size:
        return [(0, sequence)]
    bases = len(sequence) // step
    size, overlap = size // step, overlap // step
    count = max(1, -(-(bases - overlap) // (size - overlap)))
    width = step * -(-(bases + (count - 1) * overlap) // count)
    starts = [step * (i * (bases - width // step) // max(1, count - 1)) for i in range(count)]
    return [(start, sequence[start : start + width]) for start in starts]


@dataclass(frozen=True)
class LengthPolicy:
    """What happens to a sequence over the limit."""

    summary: str
    """What it does with such a sequence, for messages and pages."""
    serves: Callable[[Level, Problem], bool]
    """Whether tasks of a level and problem can choose it."""
    pieces: Callable[[str, int, int, int], list[str]] = first_bases
    """What is read of a sequence: called with it, the limit, the least overlap of neighbouring
    pieces and the step between starts (bases of a codon, or 1)."""
    refuses: bool = False
    """Whether such a sequence is an error."""
    leaves_out: bool = False
    """Whether it trains nothing, and is predicted to be without any pair."""
    truncates: bool = False
    """Whether bases are lost, so that such items are counted."""
    overlaps: bool = False
    """Whether pieces can overlap (`task.window_overlap`)."""

    @property
    def reads(self) -> bool:
        """Whether a model has scores for such a sequence."""
        return not (self.refuses or self.leaves_out)


POLICIES: Mapping[str, LengthPolicy] = {
    "error": LengthPolicy("refuses it", lambda level, problem: True, refuses=True),
    "truncate": LengthPolicy(
        "reads its first bases only",
        lambda level, problem: not level.per_base,
        truncates=True,
    ),
    "window": LengthPolicy(
        "reads all of it in windows",
        lambda level, problem: not (level.per_base or level.partners),
        pieces=windows,
        overlaps=True,
    ),
    "unpaired": LengthPolicy(
        "leaves it out of training and predicts no pair for it",
        lambda level, problem: level.decodes(problem),
        leaves_out=True,
    ),
}
"""The policies by name."""


def policies_of(level: Level, problem: Problem) -> tuple[str, ...]:
    """Return the names of the policies that tasks of a level and problem can choose."""
    return tuple(name for name, policy in POLICIES.items() if policy.serves(level, problem))


def remedy(names: Iterable[str]) -> str:
    """Return what can be done about a refused sequence where some policies can be chosen."""
    others = [(name, POLICIES[name]) for name in names if not POLICIES[name].refuses]
    settings = [f"set task.length={name}, which {policy.summary}" for name, policy in others]
    return ", or ".join(["cut it", *settings])
