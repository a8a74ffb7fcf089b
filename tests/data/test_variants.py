"""Variants: mutations in every spelling, and what does not fit the reference."""

from __future__ import annotations

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.variants import Mutation, every_single, mutations, positions, variant

WILD = "GUUCA"


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("U2A", "GAUCA"),
        ("u2a:g1c", "CAUCA"),
        ("G1C,A5T", "CUUCU"),
        ("t2a + c4g", "GAUGA"),
        ("gttca", "GUUCA"),
        ("GUCA", "GUCA"),
    ],
)
def test_a_variant_is_a_sequence_however_it_is_spelt(text, sequence):
    assert variant(text, WILD, "here") == sequence


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A2G", "the reference has U at position 2"),
        ("U0A", "positions 1 to 5"),
        ("U6A", "positions 1 to 5"),
        ("U2A:U2C", "position 2 is changed already"),
        ("U2U", "it changes nothing"),
        ("U2?", "foreign letter"),
        ("U2E", "foreign letter 'E'"),
        (" ", "the variant is empty"),
    ],
)
def test_what_is_no_variant_is_refused_by_its_place(text, reason):
    with pytest.raises(DataError) as caught:
        variant(text, WILD, "row 7")
    assert "row 7" in str(caught.value)
    assert reason in str(caught.value)


def test_mutations_need_a_reference():
    with pytest.raises(DataError, match="there is none; give the reference"):
        variant("U2A", "", "row 1")


def test_mutations_are_found_again():
    assert mutations("GAUGA", WILD) == (Mutation(1, "U", "A"), Mutation(3, "C", "G"))
    assert ":".join(map(str, mutations("GAUGA", WILD))) == "U2A:C4G"
    assert positions("GAUGA", WILD) == (2, 4)
    assert positions("GUCA", WILD) == ()
    singles = list(every_single(WILD))
    assert len({*singles}) == 15
    assert all(len(positions(single, WILD)) == 1 for single in singles)
