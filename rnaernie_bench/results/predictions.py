"""Per-item predictions as one compact Parquet file a run; from it any metric can be recomputed.

A row is a test item: the hash of its id, its group, what is true of it and what was predicted, in
the columns that the answer has (`metrics.answers`), and one boolean column `part:<name>` a test
part. Parts share rows, so an item in three parts is stored once. No sequence is ever stored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.base import Answer, width
from rnaernie_bench.results.parquet import RESTORE, group_names, read_table

PART = "part:"
"""Begins the names of the columns that say which test parts items belong to."""
_ANSWER, _WIDTH = b"rnaernie_bench.kind", b"rnaernie_bench.columns"


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a run predicted for `n` distinct test items, and what is true of them.

    Raises:
        ValueError: the arrays do not fit together, an item occurs twice, or they are not
            those of the answer.
    """

    answer: Answer
    ids: npt.NDArray[np.uint64]
    """Shape (n,): `hash_ids` of the items' ids."""
    groups: list[str]
    """Length n: what an item shares with its relatives; empty if unknown."""
    truth: npt.NDArray[Any]
    """Shape (n, ...): what must agree between two runs on the same items."""
    predicted: npt.NDArray[np.void]
    """Shape (n,), with the fields of the answer."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each: whether an item belongs to the test part."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not n == len(self.groups) == len(self.truth) == len(self.predicted):
            raise ValueError("ids, groups, truth and predictions must be equally many")
        if any(np.shape(mask) != (n,) for mask in self.parts.values()):
            raise ValueError("every test part needs one flag per item")
        if len(np.unique(self.ids)) != n:
            raise ValueError("an item occurs twice")
        self.answer.check(self.truth, self.predicted)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def decided(self) -> npt.NDArray[Any]:
        """What was decided, shape (n,)."""
        return self.answer.decided(self.predicted)

    @property
    def right(self) -> npt.NDArray[np.float64]:
        """How right each item is, shape (n,), more being better; nan if undefined."""
        return self.answer.right(self.truth, self.predicted)

    def part(self, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.void]]:
        """Return truth and predictions of a test part.

        Raises:
            KeyError: there is no such part.
        """
        mask = self.parts[name]
        return self.truth[mask], self.predicted[mask]

    def groups_of(self, name: str) -> list[str]:
        """Return the groups of a test part's items."""
        return [
            group for group, inside in zip(self.groups, self.parts[name], strict=True) if inside
        ]


def hash_ids(ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return the 8-byte BLAKE2b hash of each id, as unsigned integers of shape (n,)."""
    return np.array(
        [int.from_bytes(hashlib.blake2b(i.encode(), digest_size=8).digest(), "big") for i in ids],
        dtype=np.uint64,
    )


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> None:
    """Write `predictions` to `path`, whole or not at all.

    Raises:
        BenchError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    answer = predictions.answer
    table = pa.table(
        {
            "id": predictions.ids,
            "group": pa.array(predictions.groups, pa.string()),
            **{name: as_column(values) for name, values in columns_of(predictions).items()},
            **{PART + name: mask for name, mask in predictions.parts.items()},
        }
    )
    if answer.marked:
        table = table.replace_schema_metadata(marks_of(predictions))
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19, **answer.parquet)


def columns_of(predictions: Predictions) -> dict[str, npt.NDArray[Any]]:
    """Return by name the columns that truth and predictions are stored in."""
    return predictions.answer.to_columns(predictions.truth, predictions.predicted)


def as_column(values: npt.NDArray[Any]) -> Any:
    """Return an array as a column of a table: of two dimensions, one of lists."""
    import pyarrow as pa

    if values.ndim == 1:
        return values
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def marks_of(predictions: Predictions) -> dict[bytes, str]:
    """Return the metadata that say which answer a table holds."""
    return {_ANSWER: predictions.answer.name, _WIDTH: str(width(predictions.predicted))}


def read_predictions(path: str | os.PathLike[str], *, rows: int | None = None) -> Predictions:
    """Read what `write_predictions` wrote.

    Args:
        path: of the file.
        rows: how many it has at most; None for any.

    Raises:
        ResultError: the file is missing, damaged, too large, or holds something else.
    """
    return predictions_of_table(read_table(path, rows=rows), path)


def predictions_of_table(table: Any, path: str | os.PathLike[str]) -> Predictions:
    """Return the predictions of a run from a `pyarrow.Table`.

    Args:
        table: with the columns of one run.
        path: where it was read from, for messages.

    Raises:
        ResultError: it holds something else.
    """
    import pyarrow as pa

    try:
        found = _from_table(table)
    except (ValueError, TypeError, KeyError, AttributeError, pa.ArrowException) as error:
        raise ResultError(f"has no predictions: {error}", where=path, remedy=RESTORE) from error
    if found is None:
        raise ResultError(
            f"has other columns than predictions: {', '.join(table.column_names)}",
            where=path,
            remedy=RESTORE,
        )
    return found


def _from_table(table: Any) -> Predictions | None:
    """Return the predictions of a `pyarrow.Table`; None if its columns are those of no answer.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: they hold something else.
    """
    mark = table.schema.metadata or {}
    parts = [name for name in table.column_names if name.startswith(PART)]
    names = [name for name in table.column_names if name not in ("id", "group", *parts)]
    if _ANSWER in mark:
        answer, columns = ANSWERS[mark[_ANSWER].decode()], int(mark[_WIDTH])
    else:
        known = {_stored_as(a): a for a in ANSWERS.values() if not a.marked}
        if tuple(names) not in known or table.column_names != ["id", "group", *names, *parts]:
            return None
        answer = known[tuple(names)]
        columns = max((_list_size(table, name) for name in names), default=0)
    if not parts:
        return None
    truth, predicted = answer.from_columns({n: _array(table, n) for n in names}, columns)
    return Predictions(
        answer=answer,
        ids=table["id"].to_numpy().astype(np.uint64),
        groups=group_names(table["group"]),
        truth=truth,
        predicted=predicted,
        parts={name.removeprefix(PART): table[name].to_numpy() for name in parts},
    )


def _stored_as(answer: Answer) -> tuple[str, ...]:
    """Return the names of the columns that an answer is stored in."""
    empty = np.zeros(0, answer.dtype(1))
    return tuple(answer.to_columns(np.zeros(0, np.int16), empty))


def _list_size(table: Any, name: str) -> int:
    return int(getattr(table.schema.field(name).type, "list_size", 0))


def _array(table: Any, name: str) -> npt.NDArray[Any]:
    """Return a column as an array, (n,) or (n, numbers)."""
    column, size = table[name].combine_chunks(), _list_size(table, name)
    if not size:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    values: npt.NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(table), size)


def predictions_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the file at `path`, in hexadecimal.

    Raises:
        ResultError: the file cannot be read.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ResultError("it is no file", where=path, remedy=RESTORE)
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ResultError(
            f"cannot be read: {error.strerror}", where=path, remedy=RESTORE
        ) from error


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path within."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): predictions_digest(path) for path in files}


def predictions_entry(path: str | os.PathLike[str], rows: int) -> dict[str, str | int]:
    """Return the `predictions` field of a test part, of which the file at `path` has `rows` rows.

    A run has one file, so path and digest are the same for all its test parts.
    """
    return {"path": Path(path).name, "sha256": predictions_digest(path), "rows": rows}
