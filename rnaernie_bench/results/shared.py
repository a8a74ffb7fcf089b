"""The predictions of all seeds of a row in one Parquet file: what runs share is stored once.

The columns of `results.predictions` that are about items, such as ids, groups and labels, are those
of many rows; they stand in a file of their own, whose name is a hash of what it holds. The file of
a row names it. A column of predictions that is equal in all runs stands under its own name; of any
other each run has one, `<run_id>:<name>`. Runs are added one by one, and the bytes do not depend on
the order. Files written earlier hold the columns of items as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

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

ITEMS_SUFFIX = ".items.parquet"
"""Ends the name of a file that holds the items of rows."""

_RUNS, _ITEMS = b"rnaernie_bench.runs", b"rnaernie_bench.items"
_LEAST_BITS = 3
_STEP = 2


def shared_name(record: Record) -> str:
    """Return the name of the file of a record's row: of all runs that differ in their seeds."""
    identity = {key: value for key, value in identity_of(record).items() if key != "seed"}
    return f"{run_id_of(identity)}{SUFFIX}"


def is_shared(name: str) -> bool:
    """Return whether a predictions file holds a row, rather than a run."""
    return name.endswith(SUFFIX)


def items_path(row: Path, predictions: Predictions) -> Path:
    """Return the file that holds the items of a row's predictions.

    Args:
        row: the file of the row.
        predictions: of one of its runs.
    """
    about = predictions.answer.about_items
    columns = {name: v for name, v in columns_of(predictions).items() if name in about}
    digest = _digest(predictions, {"id": predictions.ids, **columns})
    return row.with_name(f"{digest[:12]}{ITEMS_SUFFIX}")


def items_of(row: Path) -> str | None:
    """Return the name of the file of items that a file of a row needs; None if it has its own.

    Raises:
        ResultError: the file of the row is missing or damaged.
    """
    return _items(read_table(row, columns=[]), row)


def _items(table: Any, row: Path) -> str | None:
    name = (table.schema.metadata or {}).get(_ITEMS)
    if name is None:
        return None
    if not re.fullmatch(rb"[0-9a-f]{12}", name):
        raise ResultError("names no file of items", where=row, remedy=RESTORE)
    return name.decode() + ITEMS_SUFFIX


def content_digest(predictions: Predictions) -> str:
    """Return the SHA-256 of what is predicted for which items, in whatever order and file."""
    names = predictions.predicted.dtype.names or ()
    fields = {name: predictions.predicted[name] for name in names}
    return _digest(predictions, {"id": predictions.ids, "truth": predictions.truth} | fields)


def _digest(predictions: Predictions, columns: Mapping[str, Any]) -> str:
    """Return the SHA-256 of columns, with the groups and parts of their items."""
    order = np.argsort(predictions.ids)
    parts = sorted(predictions.parts)
    groups = [predictions.groups[place] for place in order]
    words = json.dumps([predictions.answer.name, parts, groups], ensure_ascii=False)
    digest = hashlib.sha256(words.encode())
    for values in (*columns.values(), *(predictions.parts[name] for name in parts)):
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
    return _of_run(_read_row(path, rows=rows), path, run_id)


def _read_row(path: Path, *, rows: int | None = None) -> Any:
    """Return the table of a row with the columns of its items."""
    import pyarrow as pa

    table = read_table(path, rows=rows)
    name = _items(table, path)
    if name is None:
        return table
    items = read_table(path.with_name(name), rows=rows)
    if len(items) != len(table) or set(items.column_names) & set(table.column_names):
        raise ResultError(f"its items are others than those of {name}", where=path, remedy=RESTORE)
    names, columns = items.column_names, items.columns
    place = next((i for i, n in enumerate(names) if n.startswith(PART)), len(names))
    return pa.table(
        [*columns[:place], *table.columns, *columns[place:]],
        names=[*names[:place], *table.column_names, *names[place:]],
        metadata=table.schema.metadata,
    )


def _of_run(table: Any, path: Path, run_id: str) -> Predictions:
    mark = dict(table.schema.metadata or {})
    for name in (_RUNS, _ITEMS):
        mark.pop(name, None)
    if run_id not in _runs(table, path):
        raise ResultError(f"does not hold run {run_id}", where=path, remedy=RESTORE)
    own = f"{run_id}:"
    names = [name for name in table.column_names if ":" not in name or name.startswith((PART, own))]
    table = table.select(names).rename_columns([name.removeprefix(own) for name in names])
    return predictions_of_table(table.replace_schema_metadata(mark), path)


def add_run(path: Path, run_id: str, predictions: Predictions) -> None:
    """Add a run to the file of its row, which is made if there is none, as are its items.

    Raises:
        ResultError: the runs there predict other items, or the file is damaged.
        BenchError: the file cannot be written.
    """
    runs = {}
    if path.exists():
        table = _read_row(path)
        for other in _runs(table, path):
            runs[other] = _of_run(table, path, other)
    items = items_path(path, predictions)
    if any(items_path(path, other) != items for other in runs.values()):
        raise ResultError(
            "a run of other test items than those of its row",
            where=path,
            remedy="find out which is right, and delete the others with their records",
        )
    runs[run_id] = predictions
    _write(path, items, {name: _ordered(found) for name, found in sorted(runs.items())})


def _ordered(predictions: Predictions) -> Predictions:
    """Return predictions with their items in the order of their ids, as files have them."""
    places = np.argsort(predictions.ids)
    return replace(
        predictions,
        ids=predictions.ids[places],
        groups=[predictions.groups[place] for place in places],
        truth=predictions.truth[places],
        predicted=predictions.predicted[places],
        parts={name: mask[places] for name, mask in predictions.parts.items()},
    )


def _write(path: Path, items: Path, runs: Mapping[str, Predictions]) -> None:
    """Write the predictions of a row, and its items if they do not stand there."""
    first = next(iter(runs.values()))
    about = first.answer.about_items
    found = {run_id: columns_of(predictions) for run_id, predictions in runs.items()}
    if not items.exists():
        parts = {PART + name: mask for name, mask in first.parts.items()}
        of_items = {name: values for name, values in columns_of(first).items() if name in about}
        _write_table(items, {"id": first.ids, "group": first.groups, **of_items, **parts}, {})
    columns: dict[str, Any] = {}
    for name, values in columns_of(first).items():
        if name in about:
            continue
        if all(other[name].tobytes() == values.tobytes() for other in found.values()):
            columns[name] = values
        else:
            columns |= {f"{run_id}:{name}": own[name] for run_id, own in found.items()}
    named = items.name.removesuffix(ITEMS_SUFFIX)
    _write_table(path, columns, {**marks_of(first), _RUNS: json.dumps(list(runs)), _ITEMS: named})


def _write_table(path: Path, columns: Mapping[str, Any], marks: Mapping[bytes, str]) -> None:
    """Write columns in as few bytes as Parquet takes for them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {name: v if isinstance(v, list) else as_column(v) for name, v in columns.items()}
    ).replace_schema_metadata(dict(marks))
    encodings, counted = {}, []
    for name, values in columns.items():
        kind = "list" if isinstance(values, list) else values.dtype.kind
        stored = f"{name}.list.element" if kind != "list" and values.ndim > 1 else name
        if name == "id":  # in their order
            encodings[stored] = "DELTA_BINARY_PACKED"
        elif kind == "f":
            encodings[stored] = "BYTE_STREAM_SPLIT"
        elif kind != "b":
            counted.append(stored)
    with atomic_path(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", compression_level=19, write_statistics=False,
            use_dictionary=counted, column_encoding=encodings,
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
