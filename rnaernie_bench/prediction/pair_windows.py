"""Pairs of which a sequence is over the limit: read by windows, of which the best counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rnaernie_bench.data.pairs import NamedPair
from rnaernie_bench.learning.pair_inputs import joint_limit
from rnaernie_bench.task.lengths import POLICIES, placed_windows

OVERLAP = 100
"""Bases that neighbouring windows share at least, or half a window: more than a site has."""

Window = tuple[int, int]
"""The first and the last base of a stretch, from 1."""


@dataclass(frozen=True)
class Windowed:
    """A combination of a window of each partner."""

    first: str
    second: str
    windows: tuple[Window, Window]


def reads_windows(predictor: Any) -> bool:
    """Return whether a model reads longer partners by windows.

    Not baselines, which read all bases, nor under a policy that cuts; nor where a pair has several
    numbers, of which none says which window is the best.
    """
    reader = getattr(predictor.fitted, "reader", None)
    return reader is not None and POLICIES[reader.policy].refuses and len(predictor.columns) == 1


def sizes(reader: Any, first: int, second: int) -> tuple[int, int]:
    """Return the most bases of a window of each partner, which have so many bases."""
    if reader.encoding != "joint":
        return reader.max_bases, reader.max_bases
    limit = joint_limit(reader)
    kept = min(first, max(limit // 2, limit - second))
    return kept, limit - kept


def windows_of(reader: Any, first: str, second: str) -> Iterator[Windowed]:
    """Yield all combinations of windows of a pair: the pair itself where it fits."""
    limits = sizes(reader, len(first), len(second))
    cut = [placed(text, size) for text, size in zip((first, second), limits, strict=True)]
    for one, piece in cut[0]:
        for other, partner in cut[1]:
            ends = (one + 1, one + len(piece)), (other + 1, other + len(partner))
            yield Windowed(piece, partner, ends)


def placed(sequence: str, size: int) -> list[tuple[int, str]]:
    """Return the windows of a sequence with the places of their first bases, from 0."""
    return placed_windows(sequence, size, min(OVERLAP, size // 2))


def best_windows(
    predictor: Any, pairs: Sequence[NamedPair]
) -> tuple[np.ndarray, list[tuple[Window, Window]]]:
    """Return the score of the best combination of windows of each pair, (pairs, 1), and which."""
    reader = predictor.fitted.reader
    read = [list(windows_of(reader, pair.first, pair.second)) for pair in pairs]
    flat = [(each.first, each.second) for some in read for each in some]
    scores = predictor.logits(flat)[:, 0]
    starts = np.cumsum([0, *map(len, read)])
    best = [int(scores[a:b].argmax()) for a, b in pairwise(starts)]
    rows = np.array([scores[a + k] for a, k in zip(starts[:-1], best, strict=True)])
    return rows.reshape(-1, 1), [some[k].windows for some, k in zip(read, best, strict=True)]
