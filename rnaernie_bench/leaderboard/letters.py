"""Compact letters: rows that share one are not told apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase


def letters(count: int, differ: Collection[tuple[int, int]]) -> list[str]:
    """Return the letters of rows, the first row having `a`.

    The algorithm is insert-and-absorb (Piepho 2004, doi:10.1198/1061860043515): one group of all
    rows, split by every two that differ, groups within others left out.

    Args:
        count: how many rows there are, best first.
        differ: pairs of rows that are told apart.
    """
    groups = [frozenset(range(count))]
    for first, second in sorted(differ):
        split = [
            part
            for group in groups
            for part in (
                (group - {first}, group - {second}) if {first, second} <= group else (group,)
            )
        ]
        distinct = list(dict.fromkeys(split))
        groups = [group for group in distinct if not any(group < other for other in distinct)]
    groups.sort(key=lambda group: sorted(group))
    return [
        "".join(name for name, group in zip(ascii_lowercase, groups, strict=False) if row in group)
        for row in range(count)
    ]


def told_apart(
    p_values: Sequence[tuple[tuple[int, int], float]], level: float
) -> set[tuple[int, int]]:
    """Return the pairs whose p-value, corrected by Holm, is at most `level`."""
    from rnaernie_bench.leaderboard.paired import holm

    corrected = holm([p for _, p in p_values])
    return {pair for (pair, _), p in zip(p_values, corrected, strict=True) if p <= level}
