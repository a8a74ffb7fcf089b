from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.structure.notations import (
    checked_pairs,
    dot_bracket_to_pairs,
    nested_part,
    pairs_to_dot_bracket,
    partners,
)
from tests.structure_kit import crosses, matchings


def test_each_kind_of_bracket_is_matched_by_itself() -> None:
    assert dot_bracket_to_pairs("([{<A)]}>a").tolist() == [[0, 5], [1, 6], [2, 7], [3, 8], [4, 9]]
    assert dot_bracket_to_pairs("((.)).,_-:~").tolist() == [[0, 4], [1, 3]]
    empty = dot_bracket_to_pairs("...")
    assert (empty.shape, empty.dtype) == ((0, 2), np.int32)


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        ("((.)", "the bracket '(' at position 1 "),
        ("(.))", "the bracket ')' at position 4 "),
        (")(", "the bracket ')' at position 1 "),
        ("([.)", "the bracket '[' at position 2 "),
        ("(.a)", "the bracket 'a' at position 3 "),
        ("(.!)", "unknown symbol '!' at position 3 "),
        ("(é.)", "unknown symbol 'é' at position 2 "),
    ],
)
def test_what_is_no_structure_is_named_with_its_place(structure: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        dot_bracket_to_pairs(structure, where="a.dbn, line 3")
    assert str(caught.value).startswith(f"a.dbn, line 3: {message}")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 4)], "a pair names base 5 of 4"),
        ([(-1, 2)], "a pair names base 0 of 4"),
        ([(2, 2)], "base 3 is paired with itself"),
        ([(0, 3), (1, 3)], "base 4 is paired more than once"),
        ([(0, 3), (3, 0)], "base 1 is paired more than once"),
    ],
)
def test_pairs_that_are_no_structure_are_refused(pairs: list, message: str) -> None:
    with pytest.raises(DataError) as caught:
        checked_pairs(np.array(pairs), 4)
    assert message in str(caught.value)


def test_pairs_are_brought_into_order() -> None:
    pairs = checked_pairs(np.array([(5, 3), (9, 0)]), 10)
    assert (pairs.tolist(), pairs.dtype) == ([[0, 9], [3, 5]], np.int32)
    assert partners(pairs, 10).tolist() == [9, -1, -1, 5, -1, 3, -1, -1, -1, 0]


def test_the_larger_helix_gets_the_parentheses() -> None:
    # An H-type pseudoknot with helices of two and three pairs.
    pairs = dot_bracket_to_pairs("((.[[[.))..]]]")
    assert nested_part(pairs).tolist() == [False, False, True, True, True]
    assert pairs_to_dot_bracket(pairs, 14) == "[[.(((.]]..)))"


def test_of_equal_helices_the_first_gets_the_parentheses() -> None:
    pairs = dot_bracket_to_pairs("..[[.((.]].))")
    assert pairs_to_dot_bracket(pairs, 13) == "..((.[[.)).]]"


def test_pairs_that_cross_none_are_nested_whatever_else_is_chosen() -> None:
    pairs = dot_bracket_to_pairs("(.[[.{{{.]].}}}.)")
    assert pairs_to_dot_bracket(pairs, 17) == "(.[[.(((.]].))).)"


def test_thirty_mutual_crossings_can_be_written_and_no_more() -> None:
    pairs = np.array([(i, i + 30) for i in range(30)])
    assert dot_bracket_to_pairs(pairs_to_dot_bracket(pairs, 60)).tolist() == pairs.tolist()
    with pytest.raises(DataError, match="30 kinds of brackets do not do"):
        pairs_to_dot_bracket(np.array([(i, i + 31) for i in range(31)]), 62)


@settings(deadline=None, max_examples=50)
@given(matchings())
def test_what_is_written_is_read(case: tuple[np.ndarray, int]) -> None:
    pairs, length = case
    structure = pairs_to_dot_bracket(pairs, length)
    assert len(structure) == length
    assert dot_bracket_to_pairs(structure).tolist() == pairs.tolist()


@settings(deadline=None, max_examples=50)
@given(matchings(max_length=14))
def test_the_nested_part_is_the_largest_without_crossings(case: tuple[np.ndarray, int]) -> None:
    pairs, _ = case
    kept = nested_part(pairs)
    assert not any(crosses(a, b) for a, b in combinations(pairs[kept].tolist(), 2))
    largest = max(
        size
        for size in range(len(pairs) + 1)
        if any(
            not any(crosses(a, b) for a, b in combinations(chosen, 2))
            for chosen in combinations(pairs.tolist(), size)
        )
    )
    assert kept.sum() == largest
    lone = [not any(crosses(a, b) for b in pairs.tolist()) for a in pairs.tolist()]
    assert kept[lone].all()


@pytest.mark.realdata
def test_conversions_agree_with_multimolecule_on_ts0(data_folder) -> None:
    from multimolecule.utils.rna.secondary_structure import notations as theirs
    from multimolecule.utils.rna.secondary_structure import split_pseudoknot_pairs

    from rnaernie_bench.data.structure_files import read_structures

    records = list(read_structures(data_folder / "ss" / "TS0.dbn"))
    lines = (data_folder / "ss" / "TS0.dbn").read_text().split("\n")[2::3]
    for record, line in zip(records, lines, strict=True):
        assert theirs.dot_bracket_to_pairs(line).tolist() == record.pairs.tolist()
        written = pairs_to_dot_bracket(record.pairs, len(record))
        assert theirs.dot_bracket_to_pairs(written).tolist() == record.pairs.tolist()
        # Theirs keeps helices whole, so that its nested part can only be smaller.
        theirs_nested, _ = split_pseudoknot_pairs(record.pairs)
        assert nested_part(record.pairs).sum() >= len(theirs_nested)
