"""The seeds of a row in one file: what is shared stands once, and numbers have fewer bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.rounding import rounded
from rnaernie_bench.results.predictions import Predictions, hash_ids
from rnaernie_bench.results.shared import (
    add_run,
    compacted,
    content_digest,
    items_of,
    items_path,
    read_run,
    runs_in,
    shared_name,
)
from tests.results.test_predictions import assert_equal, predictions_of

RUNS = ("0" * 12, "1" * 12, "2" * 12)


def in_order(predictions: Predictions, order: np.ndarray) -> Predictions:
    return replace(
        predictions,
        ids=predictions.ids[order],
        groups=[predictions.groups[place] for place in order],
        truth=predictions.truth[order],
        predicted=predictions.predicted[order],
        parts={name: mask[order] for name, mask in predictions.parts.items()},
    )


@pytest.mark.parametrize("name", ANSWERS)
def test_runs_come_back_as_they_were_whatever_the_order(tmp_path: Path, name: str) -> None:
    first = predictions_of(name)
    changed = replace(first, predicted=first.predicted.copy())
    changed.predicted[0] = first.predicted[1]
    for about in set(first.answer.about_items) & set(first.predicted.dtype.names or ()):
        changed.predicted[about] = first.predicted[about]
    changed = changed if changed.answer.name != "structure" else first
    runs = dict(zip(RUNS, (first, changed, first), strict=True))
    order = np.argsort(first.ids)[::-1]
    for file, named in (("a.parquet", RUNS), ("b.parquet", RUNS[::-1])):
        for run_id in named:
            add_run(tmp_path / file, run_id, in_order(runs[run_id], order))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert runs_in(tmp_path / "a.parquet") == RUNS
    for run_id, wanted in runs.items():
        found = read_run(tmp_path / "a.parquet", run_id)
        assert_equal(found, in_order(wanted, np.argsort(wanted.ids)))
        assert content_digest(found) == content_digest(wanted)
    # Both rows have the same items, which stand once; nothing of them stands with the rows.
    names, [items] = pq.read_schema(tmp_path / "a.parquet").names, tmp_path.glob("*.items.parquet")
    assert items == items_path(tmp_path / "a.parquet", first)
    assert items.name == items_of(tmp_path / "a.parquet")
    of_items = pq.read_schema(items).names
    parts = {f"part:{name}" for name in first.parts}
    assert set(of_items) == {"id", "group", *parts, *first.answer.about_items}
    assert not set(of_items) & set(names)
    with pytest.raises(ResultError, match="does not hold run 333333333333"):
        read_run(tmp_path / "a.parquet", "3" * 12)


def test_items_may_come_in_another_order_but_not_be_others(
    tmp_path: Path, predictions: Predictions
) -> None:
    path = tmp_path / "a.parquet"
    add_run(path, RUNS[0], predictions)
    turned = in_order(predictions, np.array([4, 2, 0, 1, 3]))
    add_run(path, RUNS[1], turned)
    assert_equal(read_run(path, RUNS[1]), in_order(predictions, np.argsort(predictions.ids)))
    assert content_digest(turned) == content_digest(predictions)
    for change in ({"ids": hash_ids("fghij")}, {"groups": ["x"] * 5}):
        other = replace(predictions, **change)  # type: ignore[arg-type]
        assert content_digest(other) != content_digest(predictions)
        with pytest.raises(ResultError, match="a run of other test items than those of its row"):
            add_run(path, RUNS[2], other)
    assert runs_in(path) == RUNS[:2]


def test_items_that_are_missing_or_others_are_told(
    tmp_path: Path, predictions: Predictions
) -> None:
    path = tmp_path / "a.parquet"
    add_run(path, RUNS[0], predictions)
    items = items_path(path, predictions)
    fewer = in_order(predictions, np.arange(len(predictions) - 1))
    add_run(tmp_path / "b.parquet", RUNS[0], fewer)
    items_path(path, fewer).replace(items)
    with pytest.raises(ResultError, match=rf"its items are others than those of {items.name}"):
        read_run(path, RUNS[0])
    items.unlink()
    with pytest.raises(ResultError, match=rf"{items.name}: no such predictions file"):
        read_run(path, RUNS[0])
    table = pq.read_table(path)
    marks = table.schema.metadata | {b"rnaernie_bench.items": b"../../elsewhere"}
    pq.write_table(table.replace_schema_metadata(marks), path)
    with pytest.raises(ResultError, match="names no file of items"):
        read_run(path, RUNS[0])


def test_a_row_is_what_differs_in_the_seed_alone(make_record: Any) -> None:
    names = [shared_name(make_record(seed=seed)) for seed in (0, 1)]
    assert names[0] == names[1] != shared_name(make_record(head="other"))


def test_numbers_are_rounded_to_even() -> None:
    values = np.array([1.0, 1.0625, 1.1875, -1.3, 0.0, np.inf, np.nan, 65504], np.float16)
    # Steps of an eighth between 1 and 2; the largest number would become infinite.
    wanted = np.array([1.0, 1.0, 1.25, -1.25, 0.0, np.inf, np.nan, 65504], np.float16)
    np.testing.assert_array_equal(rounded(values, 3), wanted)
    assert rounded(values, 10) is values
    assert rounded(np.array([1.9], np.float32), 0).tolist() == [2.0]


def test_the_predicted_class_survives_rounding() -> None:
    close = np.array([[-0.71, -0.70], [-0.01, -4.61]])  # both of the first round to -0.7
    predicted = MULTICLASS.pack(close)
    found = MULTICLASS.coarser(predicted, 3)
    assert found["scores"].argmax(axis=1).tolist() == [1, 0]
    assert found["scores"][0].tolist() == predicted["scores"][0].tolist()
    assert found["scores"][1].tolist() == [predicted["scores"][1, 0], -4.5]


def test_as_few_bits_are_kept_as_the_metrics_need() -> None:
    """Errors of thousands of items even out: their mean needs fewer bits than a ranking."""
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(4000, 1)).astype(np.float32)
    answer, parts = ANSWERS["regression"], {"test": np.ones(4000, bool)}
    predicted = np.zeros(4000, answer.dtype(1))
    predicted["value"] = truth + generator.normal(size=(4000, 1))
    ids = hash_ids(map(str, range(4000)))
    whole = Predictions(answer, ids, [""] * 4000, truth, predicted, parts)
    tests = {"test": {"metrics": {"rmse": {}}}}
    found = compacted(whole, tests)
    measures = Measures(answer, answer.metrics)
    before, after = (measures.values(truth, p.predicted) for p in (whole, found))
    assert after == pytest.approx(before, abs=1e-6)
    raw = found.predicted["value"].view(np.uint32)
    assert not (raw & 0b11).any()  # the last bits of 23 are gone
    assert (raw & (1 << 12)).any()
