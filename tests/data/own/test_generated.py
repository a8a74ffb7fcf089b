"""Tables in every habit, half of them with a fault: `python -m benchmarks.own_data` tries more."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.own_data import generated, outcome
from rnaernie_bench.data.cells import Forms, missing, number, spelt


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_no_table_is_read_otherwise_than_it_was_meant(seed: int) -> None:
    random = Random(seed)
    table = generated(random)
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(table, Path(folder), random)
    assert found == ("refused" if table.fault else "read"), table


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_they_are_written(value: float) -> None:
    assert number(repr(value), "here") == value == number(value, "here")


@given(st.lists(st.sampled_from(["a", "bc", "1", ".", "[", "NA", "nan"]), min_size=2, max_size=9))
def test_every_form_of_a_cell_says_the_same(words: list[str]) -> None:
    expected = [None if missing(word) else spelt(word) for word in words]
    for text in (" ".join(words), ", ".join(words), str(expected), words):
        if text == words or missing(text) or not str(text).startswith("[ "):
            found, _ = Forms().values(
                text, "y", len(words), "t.csv, row 1, column 'y'", classes=True
            )
            assert [None if missing(word) else spelt(word) for word in found] == expected
