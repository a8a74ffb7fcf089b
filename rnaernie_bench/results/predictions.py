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

_PART = "part:"
_ANSWER, _WIDTH = b"rnaernie_bench.kind", b"rnaernie_bench.columns"
MOST_BYTES = 1 << 28
"""Of the predictions of a run, in memory."""

_RESTORE = "restore it from a backup, or repeat the run"


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

    def column(values: npt.NDArray[Any]) -> Any:
        if values.ndim == 1:
            return values
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])

    answer = predictions.answer
    found = answer.to_columns(predictions.truth, predictions.predicted)
    table = pa.table(
        {
            "id": predictions.ids,
            "group": pa.array(predictions.groups, pa.string()),
            **{name: column(values) for name, values in found.items()},
            **{_PART + name: mask for name, mask in predictions.parts.items()},
        }
    )
    if answer.marked:
        columns = str(width(predictions.predicted))
        table = table.replace_schema_metadata({_ANSWER: answer.name, _WIDTH: columns})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19, **answer.parquet)


def read_predictions(path: str | os.PathLike[str], *, rows: int | None = None) -> Predictions:
    """Read what `write_predictions` wrote.

    Whatever the file says of itself, what it unfolds into is known, and limited, before it is read:
    its numbers take so many bytes a row, and the names of groups are kept once.

    Args:
        path: of the file.
        rows: how many it has at most; None for any.

    Raises:
        ResultError: the file is missing, damaged, too large, or holds something else.
    """
    import pyarrow as pa

    try:
        with _opened(path) as file:
            _refuse_too_much(file, path, rows)
            table = file.read()
    except FileNotFoundError as error:
        raise ResultError("no such predictions file", where=path, remedy=_RESTORE) from error
    except (OSError, pa.ArrowException) as error:
        raise ResultError("the predictions are damaged", where=path, remedy=_RESTORE) from error
    try:
        found = _from_table(table)
    except (ValueError, TypeError, KeyError, AttributeError, pa.ArrowException) as error:
        raise ResultError(f"has no predictions: {error}", where=path, remedy=_RESTORE) from error
    if found is None:
        raise ResultError(
            f"has other columns than predictions: {', '.join(table.column_names)}",
            where=path,
            remedy=_RESTORE,
        )
    return found


def _opened(path: str | os.PathLike[str]) -> Any:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    columns = {metadata.schema.column(i).path for i in range(metadata.num_columns)}
    return pq.ParquetFile(path, read_dictionary=list(columns & {"group"}))


def _refuse_too_much(file: Any, path: str | os.PathLike[str], rows: int | None) -> None:
    """Refuse a file of more rows than are known of, or whose columns unfold into too much."""
    metadata = file.metadata
    if rows is not None and metadata.num_rows > rows:
        what = f"has {metadata.num_rows:,} rows, the record says {rows:,} at most"
        raise ResultError(what, where=path, remedy=_RESTORE)
    bits = [_bits(field) for field in file.schema_arrow]
    if None in bits:
        names = ", ".join(file.schema_arrow.names)
        raise ResultError(
            f"has other columns than predictions: {names}", where=path, remedy=_RESTORE
        )
    said = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    if max(metadata.num_rows * sum(filter(None, bits)) // 8, sum(said)) > MOST_BYTES:
        what = f"unfolds into more than {MOST_BYTES >> 20} MiB"
        raise ResultError(what, where=path, remedy=_RESTORE)


def _bits(field: Any) -> int | None:
    """Return how many bits a row of a column takes; None of one that no predictions have."""
    import pyarrow as pa

    kind = field.type
    if field.name == "group":  # a reference to one of the names
        return 64 if pa.types.is_dictionary(kind) else None
    count = 1
    if pa.types.is_fixed_size_list(kind):
        kind, count = kind.value_type, kind.list_size
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return count * kind.bit_width if any(is_kind(kind) for is_kind in plain) else None


def foreign_words(path: str | os.PathLike[str]) -> tuple[list[str], list[str]]:
    """Return the notes of a prediction file that are not ours, and the names of its groups."""
    with _opened(path) as file:
        table = file.read(["group"])
    notes = {**(table.schema.metadata or {})}
    if notes.get(_ANSWER, b"").decode(errors="replace") in ANSWERS:
        del notes[_ANSWER]
    if notes.get(_WIDTH, b"").isdigit():
        del notes[_WIDTH]
    names = sorted(set(_names(table["group"])))
    return [note.decode(errors="replace") for note in notes], names


def _names(column: Any) -> list[str]:
    """Return the names of groups by row, each in memory once."""
    kept = column.unify_dictionaries().combine_chunks()
    if hasattr(kept, "chunks"):  # none, or one
        kept = kept.chunk(0) if kept.num_chunks else None
    if kept is None:
        return []
    names = kept.dictionary.to_pylist()
    return [names[place] for place in kept.indices.to_pylist()]


def _from_table(table: Any) -> Predictions | None:
    """Return the predictions of a `pyarrow.Table`; None if its columns are those of no answer.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: they hold something else.
    """
    mark = table.schema.metadata or {}
    parts = [name for name in table.column_names if name.startswith(_PART)]
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
        groups=_names(table["group"]),
        truth=truth,
        predicted=predicted,
        parts={name.removeprefix(_PART): table[name].to_numpy() for name in parts},
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
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ResultError(
            f"cannot be read: {error.strerror}", where=path, remedy=_RESTORE
        ) from error


def predictions_entry(path: str | os.PathLike[str], rows: int) -> dict[str, str | int]:
    """Return the `predictions` field of a test part, of which the file at `path` has `rows` rows.

    A run has one file, so path and digest are the same for all its test parts.
    """
    return {"path": Path(path).name, "sha256": predictions_digest(path), "rows": rows}
