"""Which inputs trained a model: what of other data it has seen, exactly or nearly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import BenchError, DataError
from rnaernie_bench.data.leakage import nearest_identity
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.evaluation.relatives import MOST_PAIRS
from rnaernie_bench.results.predictions import hash_ids
from rnaernie_bench.results.record import Record
from rnaernie_bench.task.task import load_task

NEAR = 0.8
"""The identity from which on a sequence is near another (`data.leakage`)."""

HASHES = "training_inputs.npy"
"""The file of a shipped model that holds the hashes of the inputs it was trained with."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrainingData:
    """The distinct inputs that trained and validated a model, as far as they are known."""

    known: Literal["sequences", "hashes", "nothing"]
    inputs: tuple[tuple[str, ...], ...] = ()
    """The sequence of each, or both of a pair."""
    hashes: npt.NDArray[np.uint64] | None = None
    """`hash_inputs` of each; None if nothing is known."""
    lacking: str = ""
    """Why something is not known."""

    def __len__(self) -> int:
        return 0 if self.hashes is None else len(self.hashes)

    def identical(self, inputs: Sequence[Any]) -> Bools | None:
        """Return which inputs trained or validated the model; None if that is not known."""
        if self.hashes is None:
            return None
        return np.isin(hash_inputs(inputs), self.hashes)

    def near(self, inputs: Sequence[Any]) -> Bools | None:
        """Return which inputs have a relative of the identity `NEAR` there.

        Of pairs, both partners have one among their like.

        Returns:
            None if that is not known, or would take long (`evaluation.relatives.MOST_PAIRS`).
        """
        if not self.inputs or len(set(inputs)) * len(self.inputs) > MOST_PAIRS:
            return None
        queries = zip(*map(_sequences, inputs), strict=True)
        found = [
            nearest_identity(own, sorted(set(known)), threshold=NEAR)[1] >= 0
            for own, known in zip(queries, zip(*self.inputs, strict=True), strict=True)
        ]
        return np.asarray(np.all(found, axis=0))


def hash_inputs(inputs: Iterable[Any]) -> npt.NDArray[np.uint64]:
    """Return an 8-byte hash of each input, a sequence or a pair of them, shape (inputs,)."""
    return hash_ids("\t".join(_sequences(one)) for one in inputs)


def _sequences(one: Any) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else tuple(one)


def training_data(
    origin: Mapping[str, Any], record: Record, model: Path, folders: Iterable[Path]
) -> TrainingData:
    """Return what is known of the inputs that trained a model.

    Args:
        origin: task, split, fold and runs, as `evaluation.model` of records has them.
        record: of the run that trained it.
        model: its folder, which may hold hashes of the inputs.
        folders: further folders of tasks.
    """
    try:
        inputs = tuple(_read(origin, record, folders))
        return TrainingData("sequences", inputs, hash_inputs(inputs))
    except BenchError as error:
        lacking = f"{error.what}{f' ({error.where})' if error.where else ''}"
    if (model / HASHES).is_file():
        return TrainingData("hashes", (), np.load(model / HASHES, allow_pickle=False), lacking)
    return TrainingData("nothing", lacking=lacking)


def _read(
    origin: Mapping[str, Any], record: Record, folders: Iterable[Path]
) -> Iterable[tuple[str, ...]]:
    """Return the distinct inputs of train and validation of a split.

    Raises:
        BenchError: if task or data are not here, or are others.
    """
    task, recipe = load_task(origin["task"].partition("@")[0], folders), record["recipe"]
    dataset = load_dataset(task, simulated=record["dataset"]["simulated"])
    here = record["task"]["name"] == task.name  # not of an evaluation on another task
    same = not here or dataset.fingerprint == record["dataset"]["fingerprint"]
    if task.key != origin["task"] or not same:
        raise DataError(f"the data of {task.key} here are others than those that trained it")
    drawn = len(origin["runs"]) == 1  # of several runs, all that each may have drawn from
    split = make_split(
        task,
        dataset,
        origin["split"],
        fold=origin["fold"],
        train_fraction=recipe.get("train_fraction", 1.0) if drawn else 1.0,
        train_seed=record["seed"] if recipe.get("train_by_seed") else None,
    )
    items = (*split.train, *split.validation)
    return dict.fromkeys(_sequences(item.input) for item in items)
