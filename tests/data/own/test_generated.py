"""Tables in every habit, half of them with a fault: `python -m benchmarks.own_data` tries more."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.own_data import drawn, generated, outcome, read, written
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.data.cells import Forms, missing, number, spelt


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_no_table_is_read_otherwise_than_it_was_meant(seed: int) -> None:
    random = Random(seed)
    table = generated(random)
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(table, Path(folder), random)
    assert found == ("refused" if table.fault else "read"), table


PIECES = ("", "A", "!", "x", "1", ",", " ", ".", "(", "[", '"', "NA", "-", "\t", "é", "\u200b")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(PIECES), st.integers(0, 2))
def test_a_cell_that_is_changed_changes_its_row_alone(seed: int, piece: str, taken: int) -> None:
    random = Random(seed)
    table = drawn(random)
    row = random.randrange(1, len(table.rows))
    column = random.choice(table.columns)
    cell = table.rows[row][column]
    place = random.randrange(len(cell) + 1)
    changed = cell[:place] + piece + cell[place + taken :]
    table.rows[row][column] = changed
    classes = {name for name in table.labels if table.problem in ("binary", "multiclass")}
    with tempfile.TemporaryDirectory() as folder:
        path = written(table, Path(folder), random)
        try:
            task, items = read(table, (path,), Path(folder))
        except BenchError as error:
            about_all = {f"the column '{column}'", "--classes"}
            assert f"row {row + 1}" in str(error) or any(part in str(error) for part in about_all)
            return
    assert len(items) == len(table.rows)
    for at, (item, truth) in enumerate(zip(items, table.truth, strict=True)):
        sequences = [item.first, item.second] if table.level == "pair" else [item.sequence]
        assert sequences == [
            table.rows[at][name].strip().upper().replace("T", "U") for name in table.sequences
        ]
        if at != row and table.level == "contact":
            assert np.array_equal(item.pairs, truth)
        elif at != row and not classes:
            assert np.array_equal(item.values(), truth, equal_nan=True)
        elif at != row:
            names = [None if np.isnan(v) else task.labels[int(v)] for v in item.values().ravel()]
            meant = [None if np.isnan(v) else table.labels[int(v)] for v in truth.ravel()]
            assert names == meant


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
