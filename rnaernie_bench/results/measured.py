"""Per-item predictions of every kind but classes of sequences and structures, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.answers import KINDS, Kind

_KIND, _COLUMNS = b"rnaernie_bench.kind", b"rnaernie_bench.columns"
_PART = "part:"


@dataclass(frozen=True, eq=False)
class Measured:
    """What a run said of `n` distinct items, and what is true of them.

    Raises:
        ValueError: the arrays do not fit together, or an item stands there twice.
    """

    kind: Kind
    columns: int
    """Labels, or classes, that answers have fields for."""
    ids: npt.NDArray[np.uint64]
    """Shape (n,): `predictions.hash_ids` of the items' ids."""
    groups: list[str]
    """Length n: what an item shares with its relatives; empty if unknown."""
    truth: npt.NDArray[Any]
    """Shape (n, q): what must agree between two runs on the same items."""
    answers: npt.NDArray[np.void]
    """Shape (n,), of `kind.dtype(columns)`."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each: whether an item belongs to the test part."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.answers.dtype != self.kind.dtype(self.columns):
            raise ValueError(f"the answers are not of the kind {self.kind.name}")
        if not n == len(self.groups) == len(self.truth) == len(self.answers):
            raise ValueError("ids, groups, truth and answers must be equally many")
        if any(np.shape(mask) != (n,) for mask in self.parts.values()):
            raise ValueError("every test part needs one mark an item")
        if len(np.unique(self.ids)) != n:
            raise ValueError("an item stands there twice")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def measure(self) -> str:
        """What the mean of `right` is."""
        return self.kind.measure

    @property
    def decided(self) -> npt.NDArray[np.generic]:
        """What was said, as bytes: shape (n,); of decisions, what was decided."""
        names = self.answers.dtype.names or ()
        said = self.answers["decided"] if "decided" in names else self.answers
        flat = np.ascontiguousarray(said)
        return flat.view(f"V{flat.nbytes // max(len(self), 1)}").reshape(-1)

    @property
    def right(self) -> npt.NDArray[np.float64]:
        """How right each item is, shape (n,), more being better; nan if undefined."""
        return self.kind.right(self.truth, self.answers)

    def part(self, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.void]]:
        """Return truth and answers of a test part.

        Raises:
            KeyError: there is no such part.
        """
        mask = self.parts[name]
        return self.truth[mask], self.answers[mask]


def to_table(predictions: Measured) -> Any:
    """Return predictions as a `pyarrow.Table`."""
    import pyarrow as pa

    def lists(values: npt.NDArray[Any]) -> Any:
        flat = np.ascontiguousarray(values).reshape(len(predictions), -1)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])

    names = predictions.answers.dtype.names or ()
    table = pa.table(
        {
            "id": predictions.ids,
            "group": pa.array(predictions.groups, pa.string()),
            "truth": lists(predictions.truth),
            **{name: lists(predictions.answers[name]) for name in names},
            **{_PART + name: mask for name, mask in predictions.parts.items()},
        }
    )
    told = {_KIND: predictions.kind.name, _COLUMNS: str(predictions.columns)}
    return table.replace_schema_metadata(told)


def from_table(table: Any) -> Measured | None:
    """Return what `to_table` was given; None if the table does not say that it made it.

    Raises:
        ValueError, KeyError: it says so and holds something else.
    """
    told = table.schema.metadata or {}
    if _KIND not in told:
        return None
    kind, columns = KINDS[told[_KIND].decode()], int(told[_COLUMNS])
    dtype = kind.dtype(columns)
    answers = np.empty(len(table), dtype)

    def array(name: str) -> npt.NDArray[Any]:
        lists = table[name].combine_chunks()
        values: npt.NDArray[Any] = lists.flatten().to_numpy(zero_copy_only=False)
        return values.reshape(len(table), lists.type.list_size)

    for name in dtype.names or ():
        answers[name] = array(name).reshape(answers[name].shape)
    parts = [name for name in table.column_names if name.startswith(_PART)]
    return Measured(
        kind=kind,
        columns=columns,
        ids=table["id"].to_numpy(),
        groups=table["group"].to_pylist(),
        truth=array("truth"),
        answers=answers,
        parts={name.removeprefix(_PART): table[name].to_numpy() for name in parts},
    )
