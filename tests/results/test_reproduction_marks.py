"""Runs compared with their repetitions, and the marks that stand beside records."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.results.predictions import (
    Predictions,
    predictions_entry,
    write_predictions,
)
from rnaernie_bench.results.reproduction_marks import (
    Likeness,
    likeness,
    mark_path,
    mark_problems,
    reproduced_runs,
    write_mark,
)
from rnaernie_bench.results.store import (
    find_record,
    import_run,
    read_record,
    read_records,
    validate_folder,
)

ALIKE = Likeness(0.004, "full/ece", 0.8, 5)


@pytest.fixture
def imported(tmp_path: Path, make_run: Callable[..., Path]) -> Path:
    """Give the path of an imported record."""
    return import_run(make_run(), tmp_path / "results")


def test_equal_runs_are_alike(imported: Path) -> None:
    record = read_record(imported)
    found = likeness(record, imported.parent, record, imported.parent)
    assert (found.largest_difference, found.same_predictions, found.n) == (0, 1, 5)
    assert found.reproduced


def test_the_largest_difference_is_named(
    imported: Path, tmp_path: Path, predictions: Predictions
) -> None:
    record = read_record(imported)
    other = copy.deepcopy(record)
    other["tests"]["full"]["metrics"]["macro_f1"]["value"] += 0.02
    other["tests"]["deduplicated"]["metrics"]["mcc"]["value"] -= 0.03
    # One of five items is predicted otherwise, and the items are in another order.
    predicted = predictions.predicted.copy()
    predicted["scores"][4] = predicted["scores"][4][[1, 0, 2]]
    order = np.array([4, 2, 0, 1, 3])
    changed = dataclasses.replace(
        predictions,
        ids=predictions.ids[order],
        groups=[predictions.groups[index] for index in order],
        truth=predictions.truth[order],
        predicted=predicted[order],
        parts={name: mask[order] for name, mask in predictions.parts.items()},
    )
    found = likeness(record, imported.parent, named(other, changed, tmp_path), tmp_path)
    assert found.metric == "deduplicated/mcc"
    assert (found.largest_difference, found.same_predictions) == pytest.approx((0.03, 0.8))
    assert not found.reproduced
    with pytest.raises(ValueError, match="deduplicated/mcc differs"):
        write_mark(record, found, tmp_path / "results")


def test_other_metrics_or_items_cannot_be_compared(
    imported: Path, tmp_path: Path, predictions: Predictions
) -> None:
    record = read_record(imported)
    other = copy.deepcopy(record)
    del other["tests"]["full"]["metrics"]["ece"]
    with pytest.raises(ResultError, match="only one of the two has full/ece"):
        likeness(record, imported.parent, other, imported.parent)
    ids = predictions.ids + np.uint64(1)
    strange = named(record, dataclasses.replace(predictions, ids=ids), tmp_path)
    with pytest.raises(ResultError, match="their test items differ"):
        likeness(record, imported.parent, strange, tmp_path)


def named(record: dict[str, Any], predictions: Predictions, folder: Path) -> dict[str, Any]:
    """Return a record that names these predictions, which are written into `folder`."""
    write_predictions(folder / "other.parquet", predictions)
    other = copy.deepcopy(record)
    for test in other["tests"].values():
        test["predictions"] = predictions_entry(folder / "other.parquet", test["n"])
    return other


def test_a_mark_leaves_the_record_as_it_is(imported: Path, tmp_path: Path) -> None:
    results, before = tmp_path / "results", imported.read_bytes()
    records = read_records(results)
    assert reproduced_runs(results, records) == frozenset()
    path = write_mark(records[0], ALIKE, results)
    assert path == imported.with_name(f"{imported.stem}.reproduced.json")
    assert imported.read_bytes() == before
    assert read_records(results) == records
    assert reproduced_runs(results, records) == {imported.stem}
    assert validate_folder(results) == list(mark_problems(results, records)) == []
    assert find_record(imported.stem[:6], results) == imported
    value = json.loads(path.read_text())
    assert (value["tolerance"], value["largest_difference"]) == (0.01, 0.004)
    assert value["metric"] == "full/ece"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"record_sha256": "0" * 64}, "the record is not the one that was reproduced"),
        ({"run_id": "0" * 12}, "a mark of another run"),
        ({"largest_difference": 0.5}, "0.5 must be smaller than or equal to 0.01"),
        ({"tolerance": 1.0}, "must be smaller than or equal to 0.01"),
        ({"note": "trust me"}, "must not contain {'note'}"),
    ],
)
def test_void_marks_do_not_count_and_are_named(
    imported: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    results = tmp_path / "results"
    [record] = read_records(results)
    path = write_mark(record, ALIKE, results)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    [problem] = mark_problems(results, [record])
    assert problem.startswith(f"{path}: ")
    assert words in problem
    if "note" not in change and "tolerance" not in change:
        assert reproduced_runs(results, [record]) == frozenset()


def test_a_mark_without_its_record_is_named(imported: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    [record] = read_records(results)
    write_mark(record, ALIKE, results)
    [problem] = mark_problems(results, [])
    assert "a mark without its record" in problem
    assert reproduced_runs(results, []) == frozenset()
    mark_path(record, results).write_text("{")
    [problem] = mark_problems(results, [record])
    assert "not a valid mark" in problem
