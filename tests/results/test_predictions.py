"""Predictions survive the disk, and damage is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.results.predictions import (
    Predictions,
    hash_ids,
    predictions_digest,
    predictions_entry,
    read_predictions,
    write_predictions,
)


def assert_equal(one: Predictions, other: Predictions) -> None:
    assert one.groups == other.groups
    for name in ("ids", "labels", "scores"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.parts) == list(other.parts)
    for name, mask in one.parts.items():
        np.testing.assert_array_equal(mask, other.parts[name])


def test_hashes_are_those_of_blake2b() -> None:
    expected = int.from_bytes(hashlib.blake2b("tRNA/é".encode(), digest_size=8).digest(), "big")
    assert hash_ids(["tRNA/é"]).tolist() == [expected]


def test_round_trip(tmp_path: Path, predictions: Predictions) -> None:
    write_predictions(tmp_path / "p.parquet", predictions)
    assert_equal(read_predictions(tmp_path / "p.parquet"), predictions)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), n=st.integers(0, 6), classes=st.integers(1, 4))
def test_any_predictions_survive(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, n: int, classes: int
) -> None:
    finite = st.floats(-60000, 0, width=16)
    row = st.lists(finite | st.just(-np.inf), min_size=classes - 1, max_size=classes - 1)
    predictions = Predictions(
        ids=hash_ids(map(str, range(n))),
        groups=data.draw(st.lists(st.text(), min_size=n, max_size=n)),
        labels=np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))),
        scores=np.array([[data.draw(finite), *data.draw(row)] for _ in range(n)]).reshape(
            n, classes
        ),
        parts={"é": np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)},
    )
    path = tmp_path_factory.mktemp("any") / "p.parquet"
    write_predictions(path, predictions)
    assert_equal(read_predictions(path), predictions)


def test_equal_predictions_give_equal_bytes(tmp_path: Path, predictions: Predictions) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_predictions(tmp_path / name, predictions)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_part_is_its_own_rows(predictions: Predictions) -> None:
    labels, scores = predictions.part("deduplicated")
    assert labels.tolist() == [1, 2, 2]
    np.testing.assert_array_equal(scores, predictions.scores[2:])


def test_the_entry_of_a_record(tmp_path: Path, predictions: Predictions) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert predictions_entry(path, 5) == {"path": "p.parquet", "sha256": digest, "rows": 5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ids": hash_ids("abcda")}, "an item stands there twice"),
        ({"ids": hash_ids("abcd")}, "must be equally many"),
        ({"groups": ["x"]}, "must be equally many"),
        ({"labels": np.array([0, 1, 2, 3, 0])}, "a label has no column of scores"),
        ({"labels": np.array([0, 1, 2, -1, 0])}, "a label has no column of scores"),
        ({"parts": {"full": np.ones(4, bool)}}, "one mark an item"),
        ({"scores": np.full((5, 3), 0.5)}, "not a log-probability"),
        ({"scores": np.full((5, 3), np.nan)}, "not a log-probability"),
        ({"scores": np.full((5, 3), -np.inf)}, "not a log-probability"),
        ({"scores": np.zeros(5)}, "must be equally many"),
    ],
)
def test_predictions_that_contradict_themselves_are_refused(
    predictions: Predictions, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        replace(predictions, **changes)


@pytest.mark.parametrize("length", [0, 10, 400])
def test_a_damaged_file_is_named(tmp_path: Path, predictions: Predictions, length: int) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ResultError, match=r"p\.parquet: the predictions are damaged"):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no such predictions file"):
        read_predictions(tmp_path / "p.parquet")
    with pytest.raises(ResultError, match="cannot be read: No such file"):
        predictions_digest(tmp_path / "p.parquet")


def test_other_columns_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "sequence": ["ACGU"]}), tmp_path / "p.parquet")
    with pytest.raises(ResultError, match="other columns than predictions do: id, sequence"):
        read_predictions(tmp_path / "p.parquet")


def test_columns_of_other_types_are_an_error(tmp_path: Path) -> None:
    columns = {"id": [1], "group": [""], "label": ["x"], "scores": [0.5], "part:full": [True]}
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(ResultError, match="holds no predictions"):
        read_predictions(tmp_path / "p.parquet")
