"""How right runs got sets of items, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.page.answers import (
    Answers,
    answers_reader,
    family_accuracy,
    length_accuracy,
)
from rnaernie_bench.results.store import read_record


def test_families_count_named_items_of_the_part() -> None:
    answers = Answers(
        groups=np.array(["x", "x", "y", "", "y"]),
        right=np.array([True, False, True, True, True]),
        parts={"full": np.ones(5, bool), "less": np.array([1, 1, 0, 1, 0], bool)},
    )
    assert family_accuracy(answers, "full") == ({"x": 0.5, "y": 1.0}, {"x": 2, "y": 2})
    assert family_accuracy(answers, "less") == ({"x": 0.5}, {"x": 2})


def test_bands_of_length_are_those_of_structures() -> None:
    answers = Answers(
        groups=np.array(["", "", ""]),
        right=np.array([0.5, np.nan, 1.0]),  # nan: neither prediction nor reference has a pair
        parts={"full": np.ones(3, bool)},
    )
    assert length_accuracy(answers, "full") == ({}, {})
    banded = Answers(answers.groups, answers.right, answers.parts, "F1", np.array(["a", "a", "b"]))
    assert length_accuracy(banded, "full") == ({"a": 0.5, "b": 1.0}, {"a": 1, "b": 1})


def test_answers_are_those_that_the_record_names(make_run: Any) -> None:
    folder: Path = make_run()
    record = read_record(folder / "record.json")
    records = {folder.name: record}
    assert answers_reader(records, {})(folder.name) is None
    read = answers_reader(records, {folder.name: folder})
    found = read(folder.name)
    assert found is not None
    # Of the five items of `conftest.predictions`, the third is taken for another class.
    assert found.right.tolist() == [1, 1, 0, 1, 0]
    assert found.groups.tolist() == ["RF1", "RF1", "", "RF2", "RF2"]
    (folder / "predictions.parquet").write_bytes(b"other")
    assert read(folder.name) is found  # remembered
    with pytest.raises(ResultError, match="SHA-256 differs"):
        answers_reader(records, {folder.name: folder})(folder.name)
