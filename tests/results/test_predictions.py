"""Predictions survive the disk, whatever is predicted, and damage is noticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.base import width
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.results.checks import prediction_problems
from rnaernie_bench.results.predictions import (
    Predictions,
    hash_ids,
    predictions_digest,
    predictions_entry,
    read_predictions,
    write_predictions,
)
from rnaernie_bench.results.store import read_record, record_paths
from tests.answer_kit import NAMES, N, arrays

SHIPPED = Path(__file__).parents[2] / "results"
EARLIER = Path(__file__).with_name("recipe_1")
"""Some records of recipe 1, whose runs have a file each."""


def predictions_of(name: str) -> Predictions:
    answer, truth, predicted = arrays(name, unknown=True)
    parts = {"all": np.ones(N, bool), "half": np.arange(N) % 2 == 0}
    return Predictions(answer, np.arange(N, dtype=np.uint64), ["g"] * N, truth, predicted, parts)


def assert_equal(one: Predictions, other: Predictions) -> None:
    assert one.answer is other.answer
    assert one.groups == other.groups
    assert np.array_equal(one.ids, other.ids)
    assert one.truth.dtype == other.truth.dtype
    assert one.truth.tobytes() == other.truth.tobytes()  # nan equals itself
    assert one.predicted.dtype == other.predicted.dtype
    assert one.predicted.tobytes() == other.predicted.tobytes()
    assert list(one.parts) == list(other.parts)
    for name, mask in one.parts.items():
        np.testing.assert_array_equal(mask, other.parts[name])


def test_hashes_are_those_of_blake2b() -> None:
    expected = int.from_bytes(hashlib.blake2b("tRNA/é".encode(), digest_size=8).digest(), "big")
    assert hash_ids(["tRNA/é"]).tolist() == [expected]


@pytest.mark.parametrize("name", NAMES)
def test_files_give_back_what_they_were_given(tmp_path: Path, name: str) -> None:
    before, paths = predictions_of(name), (tmp_path / "a.parquet", tmp_path / "b.parquet")
    for path in paths:
        write_predictions(path, before)
    after = read_predictions(paths[0])
    assert_equal(after, before)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    truth, predicted = after.part("half")
    assert len(truth) == len(predicted) == len(after.groups_of("half")) == N // 2
    assert width(predicted) == width(before.predicted)
    assert len(after.right) == len(after.decided) == N


@settings(max_examples=40, deadline=None)
@given(data=st.data(), n=st.integers(0, 6), classes=st.integers(1, 4))
def test_any_classes_survive(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, n: int, classes: int
) -> None:
    finite = st.floats(-60000, 0, width=16)
    row = st.lists(finite | st.just(-np.inf), min_size=classes - 1, max_size=classes - 1)
    scores = [[data.draw(finite), *data.draw(row)] for _ in range(n)]
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    predictions = Predictions(
        answer=MULTICLASS,
        ids=hash_ids(map(str, range(n))),
        groups=data.draw(st.lists(st.text(), min_size=n, max_size=n)),
        truth=np.array(labels, np.int16),
        predicted=MULTICLASS.pack(np.array(scores).reshape(n, classes)),
        parts={"é": np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)},
    )
    path = tmp_path_factory.mktemp("any") / "p.parquet"
    write_predictions(path, predictions)
    assert_equal(read_predictions(path), predictions)


def first_records() -> list[Path]:
    """Return an early record of each task and split."""
    found: dict[Path, Path] = {}
    for path in record_paths(EARLIER):
        found.setdefault(path.parent, path)
    return list(found.values())


@pytest.mark.parametrize("path", first_records(), ids=lambda path: path.parts[-3])
def test_committed_predictions_are_written_as_they_were(tmp_path: Path, path: Path) -> None:
    """Files of 0.1.0, one a task and split, have the same columns, types and metadata now."""
    old = path.with_suffix(".parquet")
    again = tmp_path / "again.parquet"
    write_predictions(again, read_predictions(old))
    assert pq.read_schema(again).equals(pq.read_schema(old), check_metadata=True)
    assert_equal(read_predictions(again), read_predictions(old))


def test_committed_records_follow_from_their_predictions() -> None:
    paths = [*record_paths(EARLIER), *record_paths(SHIPPED)]
    known = {json.loads(path.read_text())["task"]["problem"] for path in paths}
    assert known >= {"multiclass", "binary", "regression"}
    for path in paths:
        assert list(prediction_problems(read_record(path), path.parent)) == [], path


def test_the_entry_of_a_record(tmp_path: Path, predictions: Predictions) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, predictions)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert predictions_entry(path, 5) == {"path": "p.parquet", "sha256": digest, "rows": 5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ids": hash_ids("abcda")}, "an item occurs twice"),
        ({"ids": hash_ids("abcd")}, "must be equally many"),
        ({"groups": ["x"]}, "must be equally many"),
        ({"truth": np.array([0, 1, 2, 3, 0])}, "a label has no column of scores"),
        ({"truth": np.array([0, 1, 2, -1, 0])}, "a label has no column of scores"),
        ({"parts": {"full": np.ones(4, bool)}}, "one flag per item"),
        ({"predicted": MULTICLASS.pack(np.full((5, 3), 0.5))}, "not a log-probability"),
        ({"predicted": MULTICLASS.pack(np.full((5, 3), np.nan))}, "not a log-probability"),
        ({"predicted": MULTICLASS.pack(np.full((5, 3), -np.inf))}, "not a log-probability"),
        ({"answer": ANSWERS["regression"]}, "not those of the answer regression"),
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


@pytest.mark.parametrize(
    ("columns", "mark", "words"),
    [
        ({"id": [1], "sequence": ["ACGU"]}, None, "other columns than predictions: id, seq"),
        (
            {"id": [1], "group": [""], "label": ["x"], "scores": [0.5], "part:full": [True]},
            None,
            "other columns than predictions: id, group, label",
        ),
        ({"id": [1], "part:full": [True]}, "of_another_version", "no predictions: 'of_another"),
    ],
)
def test_other_tables_are_named(
    tmp_path: Path, columns: dict[str, list[object]], mark: str | None, words: str
) -> None:
    table = pa.table(columns)
    if mark:
        table = table.replace_schema_metadata(
            {"rnaernie_bench.kind": mark, "rnaernie_bench.columns": "1"}
        )
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(ResultError, match=words):
        read_predictions(tmp_path / "p.parquet")


def bomb(path: Path, like: Path, rows: int, letters: int) -> Path:
    """Write predictions of many rows, each of a group with a long name: a few kB of Parquet."""
    schema = pq.read_schema(like)
    scores = schema.field("scores").type
    group = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["g" * letters])
    size = rows * scores.list_size
    numbers = pa.FixedSizeListArray.from_arrays(np.zeros(size, np.float16), scores.list_size)
    columns = {"id": np.zeros(rows, np.uint64), "group": group, "label": np.zeros(rows, np.int16)}
    parts = {name: np.ones(rows, bool) for name in schema.names if name.startswith("part:")}
    pq.write_table(pa.table({**columns, "scores": numbers, **parts}), path, compression="zstd")
    return path


def test_what_predictions_unfold_into_is_known_before(
    tmp_path: Path, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As strings, the names of groups would take 200 GB."""
    write_predictions(tmp_path / "good.parquet", predictions)
    path = bomb(tmp_path / "p.parquet", tmp_path / "good.parquet", 200_000, 1_000_000)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(ResultError, match="has 200,000 rows, the record says 8 at most"):
        read_predictions(path, rows=8)
    with pytest.raises(ResultError, match="an item occurs twice"):
        read_predictions(path)
    monkeypatch.setattr("rnaernie_bench.results.parquet.MOST_BYTES", 1_000_000)
    with pytest.raises(ResultError, match="unfolds into more than"):
        read_predictions(path)
