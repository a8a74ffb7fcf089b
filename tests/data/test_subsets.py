"""Shares of a train part: stratified, nested, and as drawn whatever the order of items."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.items import SequenceItem
from rnaernie_bench.data.loading import subset


def items_of(labels: list[int]) -> tuple[SequenceItem, ...]:
    return tuple(SequenceItem(f"i{n}", "A", label) for n, label in enumerate(labels))


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    fractions=st.lists(st.floats(0.001, 1), min_size=2, max_size=5),
    seed=st.randoms(use_true_random=False),
)
def test_subsets_are_stratified_nested_and_free_of_order(
    labels: list[int], fractions: list[float], seed
) -> None:
    items = items_of(labels)
    shuffled = list(items)
    seed.shuffle(shuffled)
    smaller: set[SequenceItem] = set()
    for fraction in sorted(fractions):
        kept = subset(items, fraction)
        assert set(kept) >= smaller
        assert set(kept) == set(subset(tuple(shuffled), fraction))
        assert kept == tuple(item for item in items if item in set(kept))
        counts = Counter(item.label for item in kept)
        for label, n in Counter(labels).items():
            assert counts[label] == max(1, round(fraction * n))
        smaller = set(kept)


def test_each_seed_draws_subsets_of_its_own_nested_as_well() -> None:
    items = items_of([0, 1] * 50)
    drawn = [subset(items, 0.1, seed) for seed in (0, 1)]
    assert drawn[0] != drawn[1] != subset(items, 0.1)
    for seed, small in enumerate(drawn):
        assert Counter(item.label for item in small) == {0: 5, 1: 5}
        assert set(small) < set(subset(items, 0.3, seed))


def test_the_whole_is_kept_whole() -> None:
    items = items_of([0, 1, 0, 2])
    assert subset(items, 1.0) == items


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match=r"task.train_fraction: .* is not in \(0, 1\]"):
        subset(items_of([0]), fraction)
