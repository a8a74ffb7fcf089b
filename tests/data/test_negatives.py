from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import PairItem
from rnaernie_bench.data.negatives import dinucleotide_shuffle, with_negatives
from rnaernie_bench.task.single_table import Negatives

POSITIVES = tuple(
    PairItem(str(i), f"{'ACGU'[i % 4]}A", f"ACGUACGGAUUA{'CG' * i}", 1, f"m{i % 4}", f"g{i}")
    for i in range(12)
)


def dinucleotides(sequence: str) -> Counter[str]:
    return Counter(a + b for a, b in itertools.pairwise(sequence))


@given(st.text("ACGU", max_size=60), st.integers(0, 9))
def test_shuffling_keeps_dinucleotides_and_ends(sequence: str, seed: int) -> None:
    shuffled = dinucleotide_shuffle(sequence, np.random.default_rng(seed))
    assert dinucleotides(shuffled) == dinucleotides(sequence)
    assert (shuffled[:1], shuffled[-1:]) == (sequence[:1], sequence[-1:])


def test_shufflings_differ() -> None:
    random = np.random.default_rng(0)
    assert len({dinucleotide_shuffle("ACGUACAGGUUCACGA", random) for _ in range(20)}) > 5


def test_swapped_targets_are_no_known_partners() -> None:
    items = with_negatives(POSITIVES, Negatives("swapped", per_positive=2, seed=3))
    known = {(item.first, item.second) for item in POSITIVES}
    made = items[12:]
    assert len(made) == 24
    assert all(item.label == 0 and (item.first, item.second) not in known for item in made)
    assert made[1].id == "0-swapped2"
    assert items == with_negatives(POSITIVES, Negatives("swapped", per_positive=2, seed=3))
    assert items != with_negatives(POSITIVES, Negatives("swapped", per_positive=2, seed=4))


def test_shuffled_targets_keep_their_length_and_lose_their_name() -> None:
    items = with_negatives(POSITIVES, Negatives("shuffled"))
    for positive, made in zip(POSITIVES, items[12:], strict=True):
        assert (made.first, made.first_group) == (positive.first, positive.first_group)
        assert (len(made.second), made.second_group) == (len(positive.second), "")


def test_negatives_are_not_made_twice_nor_without_partners() -> None:
    with pytest.raises(DataError, match="negatives of its own"):
        with_negatives(with_negatives(POSITIVES, Negatives("shuffled")), Negatives("shuffled"))
    with pytest.raises(DataError, match="nearly every"):
        with_negatives(POSITIVES[:1], Negatives("swapped"))
