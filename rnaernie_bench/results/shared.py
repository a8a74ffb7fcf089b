"""The predictions of all seeds of a row in one Parquet file: what runs share is stored once.

The file has the columns of `results.predictions`. A column that is equal in all runs, such as ids,
groups and labels, stands under its own name; of any other each run has one, `<run_id>:<name>`.
Runs are added one by one, and the bytes do not depend on the order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.results.parquet import RESTORE, read_table
from rnaernie_bench.results.predictions import (
    PART,
    Predictions,
    as_column,
    columns_of,
    marks_of,
    predictions_of_table,
)
from rnaernie_bench.results.record import Record, identity_of, run_id_of

SUFFIX = ".seeds.parquet"
"""Ends the name of a file that holds a row."""

_RUNS = b"rnaernie_bench.runs"
_LEAST_BITS = 3
_STEP = 2


def shared_name(record: Record) -> str:
    """Return the name of the file of a record's row: of all runs that differ in their seeds."""
    identity = {key: value for key, value in identity_of(record).items() if key != "seed"}
    return f"{run_id_of(identity)}{SUFFIX}"


def is_shared(name: str) -> bool:
    """Return whether a predictions file holds a row, rather than a run."""
    return name.endswith(SUFFIX)


def content_digest(predictions: Predictions) -> str:
    """Return the SHA-256 of what is predicted for which items, in whatever order and file."""
    order = np.argsort(predictions.ids)
    parts = sorted(predictions.parts)
    groups = [predictions.groups[place] for place in order]
    words = json.dumps([predictions.answer.name, parts, groups], ensure_ascii=False)
    digest = hashlib.sha256(words.encode())
    fields = [predictions.predicted[name] for name in predictions.predicted.dtype.names or ()]
    masks = [predictions.parts[name] for name in parts]
    for values in (predictions.ids, predictions.truth, *fields, *masks):
        digest.update(np.ascontiguousarray(values[order]).tobytes())
    return digest.hexdigest()


def runs_in(path: Path) -> tuple[str, ...]:
    """Return the ids of the runs that a file of a row holds; of another file none.

    Raises:
        ResultError: the file is missing or damaged.
    """
    return _runs(read_table(path, columns=[]), path)


def _runs(table: Any, path: Path) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads((table.schema.metadata or {}).get(_RUNS, b"[]"))))
    except (ValueError, TypeError) as error:
        raise ResultError("has no list of runs", where=path, remedy=RESTORE) from error


def read_run(path: Path, run_id: str, *, rows: int | None = None) -> Predictions:
    """Return what a run predicted, from the file of its row.

    Args:
        path: of the file.
        run_id: of the run.
        rows: how many it has at most; None for any.

    Raises:
        ResultError: the file is missing, damaged, or does not hold the run.
    """
    return _of_run(read_table(path, rows=rows), path, run_id)


def _of_run(table: Any, path: Path, run_id: str) -> Predictions:
    mark = dict(table.schema.metadata or {})
    mark.pop(_RUNS, None)
    if run_id not in _runs(table, path):
        raise ResultError(f"does not hold run {run_id}", where=path, remedy=RESTORE)
    own = f"{run_id}:"
    names = [name for name in table.column_names if ":" not in name or name.startswith((PART, own))]
    table = table.select(names).rename_columns([name.removeprefix(own) for name in names])
    return predictions_of_table(table.replace_schema_metadata(mark), path)


def add_run(path: Path, run_id: str, predictions: Predictions) -> None:
    """Add a run to the file of its row, which is made if there is none.

    Raises:
        ResultError: the runs there predict other items, or the file is damaged.
        BenchError: the file cannot be written.
    """
    runs = {}
    if path.exists():
        table = read_table(path)
        for other in _runs(table, path):
            runs[other] = _of_run(table, path, other)
    first = next(iter(runs.values()), predictions)
    runs[run_id] = _in_order_of(predictions, first, path)
    _write(path, dict(sorted(runs.items())))


def _in_order_of(predictions: Predictions, other: Predictions, path: Path) -> Predictions:
    """Return predictions with their items in the order of others.

    Raises:
        ResultError: they are not of the same items.
    """
    places = np.argsort(predictions.ids)[np.argsort(np.argsort(other.ids))]
    same = len(places) == len(predictions) == len(other) and np.array_equal(
        predictions.ids[places], other.ids
    )
    if same:
        found = replace(
            predictions,
            ids=predictions.ids[places],
            groups=[predictions.groups[place] for place in places],
            truth=predictions.truth[places],
            predicted=predictions.predicted[places],
            parts={name: mask[places] for name, mask in predictions.parts.items()},
        )
        same = (
            found.groups == other.groups
            and found.answer is other.answer
            and found.parts.keys() == other.parts.keys()
            and all(np.array_equal(found.parts[name], other.parts[name]) for name in found.parts)
        )
    if not same:
        raise ResultError(
            "a run of other test items than those of its row",
            where=path,
            remedy="find out which is right, and delete the others with their records",
        )
    return found


def _write(path: Path, runs: Mapping[str, Predictions]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(iter(runs.values()))
    found = {run_id: columns_of(predictions) for run_id, predictions in runs.items()}
    columns: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns_of(first).items():
        if all(other[name].tobytes() == values.tobytes() for other in found.values()):
            columns[name] = values
        else:
            columns |= {f"{run_id}:{name}": own[name] for run_id, own in found.items()}
    table = pa.table(
        {
            "id": first.ids,
            "group": pa.array(first.groups, pa.string()),
            **{name: as_column(values) for name, values in columns.items()},
            **{PART + name: mask for name, mask in first.parts.items()},
        }
    )
    table = table.replace_schema_metadata({**marks_of(first), _RUNS: json.dumps(list(runs))})
    paths = {
        f"{name}.list.element" if values.ndim > 1 else name: values.dtype.kind == "f"
        for name, values in columns.items()
    }
    with atomic_path(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", compression_level=19, write_statistics=False,
            use_dictionary=["group", *(name for name, real in paths.items() if not real)],
            use_byte_stream_split=[name for name, real in paths.items() if real],
        )  # fmt: skip


def compacted(predictions: Predictions, tests: Mapping[str, Any]) -> Predictions:
    """Return predictions whose numbers have as few bits as leave every metric as it is.

    As it is means: within half the tolerance by which a record may be off its predictions.
    Decisions and counts are kept exactly.

    Args:
        predictions: of a run.
        tests: the test parts of its record.
    """
    from rnaernie_bench.metrics.answers.base import width
    from rnaernie_bench.metrics.measuring import Measures
    from rnaernie_bench.metrics.registry import METRICS, has
    from rnaernie_bench.metrics.rounding import significant_bits

    answer, dtype = predictions.answer, predictions.predicted.dtype
    bits = max((significant_bits(dtype[name].base) for name in dtype.names or ()), default=0)
    compared = answer.comparable(width(predictions.predicted))

    def values(found: Predictions) -> list[tuple[str, float]]:
        told: list[tuple[str, float]] = []
        for part, test in tests.items():
            recorded = (name for name in test["metrics"] if has(answer.name, name))
            metrics = tuple(dict.fromkeys([*compared, *recorded]))
            measures = Measures(answer, metrics, columns_scored(test))
            told += measures.values(*found.part(part), found.groups_of(part)).items()
        return told

    true = values(predictions)
    for fewer in range(_LEAST_BITS, bits, _STEP):
        found = replace(predictions, predicted=answer.coarser(predictions.predicted, fewer))
        pairs = zip(values(found), true, strict=True)
        if all(
            np.isclose(own, value, rtol=0, atol=METRICS.get(metric).tolerance / 2, equal_nan=True)
            for (metric, own), (_, value) in pairs
        ):
            return found
    return predictions


def columns_scored(test: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the columns that the metrics of a record's test part count; None: all."""
    return tuple(test["scored"].values()) if "scored" in test else None
