"""Runs that were repeated: how alike the two are, and the mark that this leaves beside a record.

A mark is a file of its own, `<run_id>.reproduced.json`, so that the record stays as it is; it names
the record by the digest of what it says, and is void for any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rnaernie_bench.core import environment
from rnaernie_bench.core.documents import read_json
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import visible, write_json
from rnaernie_bench.results.checks import predictions_of
from rnaernie_bench.results.record import Record, record_digest, schema_faults
from rnaernie_bench.results.store import MARK_SUFFIX, record_path

TOLERANCE = 0.01
"""The largest difference of any metric on any test part that counts as reproduced."""


@dataclass(frozen=True)
class Likeness:
    """How alike two runs of the same settings are."""

    largest_difference: float
    """Of a metric, over all metrics and test parts."""
    metric: str
    """Where it is, as `deduplicated/macro_f1`."""
    same_predictions: float
    """Share of the test items for which both predict the same class."""
    n: int
    """Test items."""

    @property
    def reproduced(self) -> bool:
        """Whether no metric differs by more than `TOLERANCE`."""
        return self.largest_difference <= TOLERANCE


def likeness(record: Record, folder: Path, other: Record, other_folder: Path) -> Likeness:
    """Compare two runs of the same settings, metric by metric and item by item.

    Args:
        record: of the one.
        folder: where its predictions lie.
        other: the record of the other.
        other_folder: where those lie.

    Raises:
        ResultError: they have other test parts, metrics or items.
    """
    import numpy as np

    figures, others = _figures(record), _figures(other)
    if figures.keys() != others.keys():
        odd = sorted(figures.keys() ^ others.keys())[0]
        raise _other(other, f"only one of the two has {odd}")
    gaps = {name: abs(figures[name] - others[name]) for name in figures}
    metric = max(gaps, key=lambda name: (gaps[name], name))
    first, second = predictions_of(record, folder), predictions_of(other, other_folder)
    order, other_order = np.argsort(first.ids), np.argsort(second.ids)
    if not np.array_equal(first.ids[order], second.ids[other_order]):
        raise _other(other, "their test items differ")
    same = first.decided[order] == second.decided[other_order]
    return Likeness(gaps[metric], metric, float(same.mean()), len(same))


def _figures(record: Record) -> dict[str, float]:
    return {
        f"{part}/{name}": float(figure["value"])
        for part, test in record["tests"].items()
        for name, figure in test["metrics"].items()
        if figure["value"] is not None
    }


def _other(record: Record, what: str) -> ResultError:
    return ResultError(
        f"cannot be compared: {what}",
        where=f"repetition of run {record['run_id']}",
        remedy="check the task's version and data",
    )


def write_mark(record: Record, found: Likeness, results_dir: Path) -> Path:
    """Mark a record of a folder of results as reproduced, in a file beside it.

    Raises:
        ValueError: the runs are not alike enough.
        BenchError: the file cannot be written.
    """
    if not found.reproduced:
        raise ValueError(f"{found.metric} differs by {found.largest_difference}")
    path = mark_path(record, results_dir)
    value = {
        "schema": 1,
        "run_id": record["run_id"],
        "record_sha256": record_digest(record),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "tolerance": TOLERANCE,
        "largest_difference": found.largest_difference,
        "metric": found.metric,
        "same_predictions": found.same_predictions,
        "n": found.n,
        "environment": environment.describe(),
        "git_commit": environment.git_commit(),
    }
    write_json(path, value)
    return path


def mark_path(record: Record, results_dir: Path) -> Path:
    """Return where the mark of a record would be."""
    return record_path(record, results_dir).with_suffix(MARK_SUFFIX)


def reproduced_runs(results_dir: Path, records: Iterable[Record]) -> frozenset[str]:
    """Return the ids of the records that have been reproduced; void marks do not count.

    Args:
        results_dir: the folder of results.
        records: its records.
    """
    known = {str(record.get("run_id")): record for record in records}
    return frozenset(
        run_id
        for path in visible(results_dir, f"*/*/*{MARK_SUFFIX}")
        if (run_id := path.name.removesuffix(MARK_SUFFIX)) in known
        and not _fault(path, known[run_id])
    )


def mark_problems(results_dir: Path, records: Iterable[Record]) -> Iterator[str]:
    """Yield a line for each mark that is damaged, or of another record than the one beside it."""
    known = {str(record.get("run_id")): record for record in records}
    for path in sorted(visible(results_dir, f"*/*/*{MARK_SUFFIX}")):
        record = known.get(path.name.removesuffix(MARK_SUFFIX))
        value = _read(path)
        fault = next(schema_faults(value, "mark.schema.json"), None)
        if fault:
            yield f"{path}: not a valid mark: {fault[0]}: {fault[1]}"
        elif record is None or mark_path(record, results_dir) != path:
            yield f"{path}: a mark without its record"
        elif reason := _fault(path, record):
            yield f"{path}: {reason}"


def _fault(path: Path, record: Record) -> str | None:
    """Return why a mark does not count, None if it does."""
    value = _read(path)
    if not isinstance(value, dict) or value.get("run_id") != record["run_id"]:
        return "a mark of another run"
    if value.get("record_sha256") != record_digest(record):
        return "the record is not the one that was reproduced"
    difference = value.get("largest_difference")
    if not isinstance(difference, int | float) or not 0 <= difference <= TOLERANCE:
        return f"the repetition differs by more than {TOLERANCE}"
    return None


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
