"""Structures for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.structure.records import StructureRecord


@st.composite
def matchings(draw: st.DrawFn, max_length: int = 40) -> tuple[np.ndarray, int]:
    """Draw checked pairs, crossing or not, and the number of bases."""
    length = draw(st.integers(1, max_length))
    bases = draw(st.permutations(range(length)))
    count = draw(st.integers(0, length // 2))
    pairs = sorted(sorted(bases[2 * k : 2 * k + 2]) for k in range(count))
    return np.array(pairs, dtype=np.int32).reshape(-1, 2), length


@st.composite
def records(draw: st.DrawFn) -> StructureRecord:
    """Draw a record with any letters and pairs."""
    pairs, length = draw(matchings())
    sequence = draw(st.text(LETTERS, min_size=length, max_size=length))
    name = draw(st.text("aZ09_.-", min_size=1, max_size=8))
    return StructureRecord(name, sequence, pairs)


@st.composite
def probabilities(draw: st.DrawFn, max_length: int = 10) -> np.ndarray:
    """Draw a symmetric matrix of probabilities, ties and zeros among them."""
    length = draw(st.integers(1, max_length))
    steps = st.integers(0, 8)
    matrix = np.zeros((length, length), dtype=np.float32)
    for i in range(length):
        for j in range(i + 1, length):
            matrix[i, j] = matrix[j, i] = draw(steps) / 8
    return matrix


def crosses(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Say whether two pairs cross, from the definition."""
    (i, j), (k, m) = sorted((tuple(first), tuple(second)))
    return i < k < j < m
