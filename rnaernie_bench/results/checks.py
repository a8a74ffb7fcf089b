"""Whether predictions are those that a record names, and its figures follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.names import check_name
from rnaernie_bench.metrics.registry import METRICS, has
from rnaernie_bench.results.record import Record

if TYPE_CHECKING:
    from rnaernie_bench.results.predictions import Predictions


def predictions_of(record: Record, folder: Path) -> Predictions:
    """Return what the run of a record predicted, from its own file or that of its row.

    Args:
        record: the record.
        folder: where its predictions lie.

    Raises:
        ResultError: the file is missing or damaged, or is not the one that the record names.
    """
    # NumPy is imported only here: the leaderboard reads records and needs to start fast.
    from rnaernie_bench.results.predictions import predictions_digest, read_predictions
    from rnaernie_bench.results.shared import content_digest, is_shared, read_run

    entry = next(iter(record["tests"].values()))["predictions"]
    name, path = entry["path"], folder / entry["path"]
    if fault := check_name(str(name)):  # of a record that nobody has validated
        raise ResultError(f"names predictions elsewhere: {fault}", where=path)
    rows = sum(test["predictions"]["rows"] for test in record["tests"].values())
    if is_shared(name):
        found = read_run(path, record["run_id"], rows=rows)
        if content_digest(found) == entry["sha256"]:
            return found
    elif predictions_digest(path) == entry["sha256"]:
        return read_predictions(path, rows=rows)
    raise ResultError(
        "is not the file the record was made with (its SHA-256 differs)",
        where=path,
        remedy="restore it from a backup, or repeat the run",
    )


def prediction_problems(record: Record, folder: Path) -> Iterator[str]:
    """Yield how the predictions in `folder` differ from what `record` says of them."""
    from rnaernie_bench.metrics.measuring import Measures
    from rnaernie_bench.metrics.scoring.composites import or_none
    from rnaernie_bench.results.shared import columns_scored

    tests = record["tests"]
    named = {
        (test["predictions"]["path"], test["predictions"]["sha256"]) for test in tests.values()
    }
    if len(named) != 1:  # none in an unfinished run
        yield f"the test parts name {len(named)} predictions files, a run has one"
        return
    [(name, _)] = named
    try:
        predictions = predictions_of(record, folder)
    except ResultError as error:
        yield str(error)
        return
    if set(predictions.parts) != set(tests):
        covered, wanted = ", ".join(predictions.parts), ", ".join(tests)
        yield f"{name} covers the test parts {covered}, the record {wanted}"
        return
    for part, test in tests.items():
        items = int(predictions.parts[part].sum())
        said = {test["n"], test["predictions"]["rows"]}
        if said != {items}:
            counts = " and ".join(map(str, sorted(said)))
            yield f"{name} has {items} items in {part}, the record says {counts}"
            continue
        answer = predictions.answer
        known = tuple(metric for metric in sorted(test["metrics"]) if has(answer.name, metric))
        measures = Measures(answer, known, columns_scored(test))
        values = measures.values(*predictions.part(part), predictions.groups_of(part))
        for metric, true in or_none(values).items():
            stored = test["metrics"][metric]["value"]
            # Before version 2 of the recipe, what is undefined was 0, or 0.5 of areas.
            old = true is None and record["recipe_version"] < 2
            apart = METRICS.get(metric).tolerance
            if not old and not _agree(stored, true, apart):
                found = f"is {_shown(true)} by its predictions, not {_shown(stored)}"
                yield f"{metric} on {part} {found}"


def _agree(stored: float | None, true: float | None, apart: float) -> bool:
    if stored is None or true is None:
        return stored is true
    return abs(stored - true) <= apart


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6f}"
