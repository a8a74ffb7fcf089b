"""A base has one partner at most, and helices are kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.structure.counting import count
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.several_partners import has_several, one_partner

PAIRS = st.sets(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] < p[1]), max_size=12
).map(lambda found: np.array(sorted(found), dtype=np.int32).reshape(-1, 2))


@given(PAIRS)
def test_no_base_is_left_with_two_and_no_pair_could_be_added(pairs: np.ndarray) -> None:
    kept = one_partner(pairs)
    assert not has_several(pairs[kept])
    taken = set(pairs[kept].ravel().tolist())
    assert all(taken & {i, j} for i, j in pairs[~kept].tolist())


def test_a_stack_is_preferred_to_a_lonely_pair() -> None:
    pairs = np.array([(0, 9), (0, 11), (1, 8), (2, 7)])
    assert one_partner(pairs).tolist() == [True, False, True, True]


def test_all_pairs_count_and_those_dropped_are_in_no_nested_part() -> None:
    predicted = np.array([(0, 9), (0, 11), (1, 8)], dtype=np.int32)
    found = count(predicted, np.array([(1, 8)], dtype=np.int32), 12)
    names = ("predicted", "reference", "correct", "nested_predicted", "nested_correct")
    assert [int(found[name]) for name in names] == [3, 1, 1, 2, 1]
    assert count(NO_PAIRS, NO_PAIRS, 12)["predicted"] == 0
