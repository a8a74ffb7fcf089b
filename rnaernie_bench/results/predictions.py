"""Per-item predictions as one compact Parquet file a run; from it any metric can be recomputed.

A row is a test item: the hash of its id, its group, its label, the calibrated log-probability of
every class as a half-precision number, and one boolean column `part:<name>` a test part. Of a
structure, the counts of `structure.scores` stand in place of label and scores. Parts share rows, so
an item in three parts is stored once. No sequence is ever stored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.metrics.answers.structures import StructurePredictions
from rnaernie_bench.results.measured import Measured, from_table, to_table
from rnaernie_bench.structure.scores import COUNT_NAMES, COUNTS

_PART = "part:"
_COLUMNS = ("id", "group", "label", "scores")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a run predicted for `n` distinct test items and `classes` classes.

    Raises:
        ValueError: the arrays do not fit together, an item stands there twice, or a score is not
            a log-probability.
    """

    ids: npt.NDArray[np.uint64]
    """Shape (n,): `hash_ids` of the items' ids."""
    groups: list[str]
    """Length n: what an item shares with its relatives; empty if unknown."""
    labels: npt.NDArray[np.int16]
    """Shape (n,): index of the true class."""
    scores: npt.NDArray[np.float16]
    """Shape (n, classes): calibrated natural log-probabilities, minus infinity allowed."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each: whether an item belongs to the test part."""

    def __post_init__(self) -> None:
        for name, dtype in (("ids", np.uint64), ("labels", np.int16), ("scores", np.float16)):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(dtype))
        n = len(self.ids)
        if self.scores.ndim != 2 or not n == len(self.groups) == len(self.labels) == len(
            self.scores
        ):
            raise ValueError("ids, groups, labels and the rows of scores must be equally many")
        if any(np.shape(mask) != (n,) for mask in self.parts.values()):
            raise ValueError("every test part needs one mark an item")
        if len(np.unique(self.ids)) != n:
            raise ValueError("an item stands there twice")
        if n and not 0 <= self.labels.min() <= self.labels.max() < self.scores.shape[1]:
            raise ValueError("a label has no column of scores")
        # Written so that NaN fails; a row of minus infinities would be no distribution.
        if not ((self.scores <= 0).all() and np.isfinite(self.scores).any(axis=1).all()):
            raise ValueError("a score is not a log-probability")

    def __len__(self) -> int:
        return len(self.ids)

    measure = "accuracy"
    """What the mean of `right` is."""

    @property
    def truth(self) -> npt.NDArray[np.int16]:
        """What two runs must agree on if they are of the same items: the labels."""
        return self.labels

    @property
    def answers(self) -> npt.NDArray[np.float16]:
        """What metrics are computed from: the scores."""
        return self.scores

    @property
    def decided(self) -> npt.NDArray[np.generic]:
        """What was predicted: shape (n,), the class."""
        return self.scores.argmax(axis=1)

    @property
    def right(self) -> npt.NDArray[np.float64]:
        """How right each item is: shape (n,), 0 or 1."""
        return (self.scores.argmax(axis=1) == self.labels).astype(np.float64)

    def part(self, name: str) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float16]]:
        """Return the labels (n,) and scores (n, classes) of test part `name`.

        Raises:
            KeyError: there is no such part.
        """
        mask = self.parts[name]
        return self.labels[mask], self.scores[mask]


AnyPredictions = Predictions | StructurePredictions | Measured
"""What a run of one level or another predicted."""


def hash_ids(ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return the 8-byte BLAKE2b hash of each id, as unsigned integers of shape (n,)."""
    return np.array(
        [int.from_bytes(hashlib.blake2b(i.encode(), digest_size=8).digest(), "big") for i in ids],
        dtype=np.uint64,
    )


def write_predictions(path: str | os.PathLike[str], predictions: AnyPredictions) -> None:
    """Write `predictions` to `path`, whole or not at all.

    Raises:
        BenchError: the file cannot be written.
    """
    if isinstance(predictions, StructurePredictions):
        _write_structures(path, predictions)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(predictions, Measured):
        with atomic_path(path) as temporary:
            pq.write_table(
                to_table(predictions),
                temporary,
                compression="zstd",
                compression_level=19,
                use_dictionary=["group"],
                use_byte_stream_split=False,
            )
        return
    scores = pa.FixedSizeListArray.from_arrays(
        pa.array(predictions.scores.ravel()), predictions.scores.shape[1]
    )
    table = pa.table(
        {
            "id": predictions.ids,
            "group": pa.array(predictions.groups, pa.string()),
            "label": predictions.labels,
            "scores": scores,
            **{_PART + name: mask for name, mask in predictions.parts.items()},
        }
    )
    with atomic_path(path) as temporary:
        # Scores hardly repeat: splitting their bytes helps the compressor, a dictionary does not.
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=["group"],
            use_byte_stream_split=["scores.list.element"],
        )


def _write_structures(path: str | os.PathLike[str], predictions: StructurePredictions) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "id": predictions.ids,
            "group": pa.array(predictions.groups, pa.string()),
            **{name: np.ascontiguousarray(predictions.counts[name]) for name in COUNT_NAMES},
            **{_PART + name: mask for name, mask in predictions.parts.items()},
        }
    )
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=19)


def read_predictions(path: str | os.PathLike[str]) -> AnyPredictions:
    """Read what `write_predictions` wrote.

    Raises:
        ResultError: the file is missing, damaged, or holds something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    restore = "restore it from a backup, or repeat the run"
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise ResultError("no such predictions file", where=path, remedy=restore) from error
    except (OSError, pa.ArrowException) as error:
        raise ResultError("the predictions are damaged", where=path, remedy=restore) from error
    try:
        measured = from_table(table)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultError(f"holds no predictions: {error}", where=path, remedy=restore) from error
    if measured is not None:
        return measured
    parts = [name for name in table.column_names if name.startswith(_PART)]
    structures = table.column_names == ["id", "group", *COUNT_NAMES, *parts]
    if not parts or not (structures or table.column_names == [*_COLUMNS, *parts]):
        raise ResultError(
            f"holds other columns than predictions do: {', '.join(table.column_names)}",
            where=path,
            remedy=restore,
        )
    try:
        if structures:
            counts = np.empty(len(table), dtype=COUNTS)
            for name in COUNT_NAMES:
                counts[name] = table[name].to_numpy()
            return StructurePredictions(
                ids=table["id"].to_numpy(),
                groups=table["group"].to_pylist(),
                counts=counts,
                parts={name.removeprefix(_PART): table[name].to_numpy() for name in parts},
            )
        scores = table["scores"].combine_chunks()
        return Predictions(
            ids=table["id"].to_numpy(),
            groups=table["group"].to_pylist(),
            labels=table["label"].to_numpy(),
            scores=scores.flatten().to_numpy().reshape(len(table), scores.type.list_size),
            parts={name.removeprefix(_PART): table[name].to_numpy() for name in parts},
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ResultError(f"holds no predictions: {error}", where=path, remedy=restore) from error


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
            f"cannot be read: {error.strerror}",
            where=path,
            remedy="restore it from a backup, or repeat the run",
        ) from error


def predictions_entry(path: str | os.PathLike[str], rows: int) -> dict[str, str | int]:
    """Return the `predictions` field of a test part, of which the file at `path` has `rows` rows.

    A run has one file, so path and digest are the same for all its test parts.
    """
    return {"path": Path(path).name, "sha256": predictions_digest(path), "rows": rows}
