"""Where the types of sequences come from: predictions, chance, or the labels of a task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import ConfigError, DataError, ResultError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.learning.guidance.choice import Choice, Predictor, most_probable, random_types
from rnaernie_bench.learning.guidance.predictors import restore

if TYPE_CHECKING:
    from rnaernie_bench.data.items import Dataset
    from rnaernie_bench.learning.feature_cache import FeatureTable
    from rnaernie_bench.task.task import Task

_FILE = "guide.json"


class Guide(Protocol):
    """Chooses the types that sequences are read with."""

    def choose(self, sequences: Sequence[str]) -> Choice:
        """Return the types of normalised sequences."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `load_guide` needs into the existing `folder`."""
        ...


@dataclass(frozen=True)
class Predicted:
    """The most probable types, by their renormalised probabilities."""

    predictor: Predictor
    k: int
    floor: float
    table: FeatureTable | None = None
    """Logits of known sequences."""

    def choose(self, sequences: Sequence[str]) -> Choice:
        """Return the types of sequences; what is not in the table is predicted now."""
        return most_probable(self.logits(sequences), self.k, self.floor)

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return those of the predictor, float32 (sequences, types)."""
        if self.table is None or not all(sequence in self.table for sequence in sequences):
            return self.predictor.logits(sequences)
        return self.table.of(sequences)

    def save(self, folder: Path) -> None:
        """Write predictor and options."""
        _write(folder, {"types": "predicted", "k": self.k, "floor": self.floor})
        self.predictor.save(folder)


@dataclass(frozen=True)
class Random:
    """Types drawn by a hash of the sequence: what guidance gains without knowledge."""

    k: int

    def choose(self, sequences: Sequence[str]) -> Choice:
        """Return `k` types of equal weight for each sequence."""
        return random_types(sequences, self.k)

    def save(self, folder: Path) -> None:
        """Write `k`."""
        _write(folder, {"types": "random", "k": self.k})


@dataclass(frozen=True)
class Oracle:
    """The type that goes with the label, of test items too: a control, never a result."""

    types: Mapping[str, int]
    """Sequence -> index into `RNA_TYPES`."""

    def choose(self, sequences: Sequence[str]) -> Choice:
        """Return the one type of each sequence.

        Raises:
            ResultError: for a sequence that the data set does not hold.
        """
        try:
            types = np.array([self.types[s] for s in sequences], dtype=np.int64)[:, None]
        except KeyError as error:
            raise _without_labels() from error
        return Choice(types, np.ones(types.shape, dtype=np.float32))

    def save(self, folder: Path) -> None:
        """Write what it is; labels of new sequences are not known."""
        _write(folder, {"types": "oracle"})


def from_labels(task: Task, dataset: Dataset) -> Oracle:
    """Return the oracle of a data set, by the task's table of labels and types.

    Raises:
        ConfigError: if labels are not classes of sequences, the task declares no such table, or
            names a type that there is not.
        DataError: if a sequence stands under labels of different types.
    """
    if not task.classifies:
        raise ConfigError(
            "no type follows from labels of bases or pairs",
            where="strategy.types",
            remedy="use predicted, random or none",
        )
    table = types_of_labels(task)
    types: dict[str, int] = {}
    for item in (item for part in dataset.parts.values() for item in part):
        if types.setdefault(item.sequence, table[item.label]) != table[item.label]:
            raise DataError(
                "its sequence stands under labels of different types",
                where=f"data set {dataset.name}, item '{item.id}'",
                remedy="strategy.types=oracle cannot be used here",
            )
    return Oracle(types)


def types_of_labels(task: Task) -> list[int]:
    """Return the type of each label, as indices into `RNA_TYPES`, in the order of the labels.

    Raises:
        ConfigError: if the task declares no types, or one that there is not.
    """
    if not task.types:
        raise ConfigError(
            f"the task '{task.name}' does not say which RNA type its labels are of",
            where="strategy.types",
            remedy="use predicted, random or none, or add `types: {LABEL: TYPE}` to its task.yaml",
        )
    unknown = sorted(set(task.types.values()) - set(RNA_TYPES))
    if unknown:
        raise ConfigError(
            f"there is no RNA type '{unknown[0]}'",
            where=f"{task.folder / 'task.yaml'}: types",
            remedy=did_you_mean(unknown[0], list(RNA_TYPES)),
        )
    return [RNA_TYPES.index(task.types[label]) for label in task.labels]


def cached_logits(predictor: Predictor, sequences: Sequence[str]) -> FeatureTable:
    """Return the types' logits of sequences, from the cache if they are there."""
    from rnaernie_bench.learning.feature_cache import cached_features, digest_of

    key = {**predictor.key(), "sequences": digest_of(sequences), "of": "types"}
    return cached_features(sequences, predictor.logits, key=key)


def digest(types: np.ndarray) -> str:
    """Return what identifies the types of sequences in a cache."""
    return hashlib.sha256(np.ascontiguousarray(types, dtype=np.int8).tobytes()).hexdigest()


def load_guide(folder: Path) -> Guide:
    """Return the guide that was saved in `folder`.

    Raises:
        ResultError: for one that was an oracle.
    """
    saved: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    if saved["types"] == "oracle":
        raise _without_labels()
    if saved["types"] == "random":
        return Random(saved["k"])
    return Predicted(restore(folder), saved["k"], saved["floor"])


def _write(folder: Path, saved: Mapping[str, Any]) -> None:
    (folder / _FILE).write_text(json.dumps(saved) + "\n", encoding="utf-8")


def _without_labels() -> ResultError:
    return ResultError(
        "types come from labels here (strategy.types=oracle), and new sequences have none",
        remedy="predict with a run of strategy.types=predicted",
    )
