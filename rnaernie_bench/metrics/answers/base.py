"""What an answer is: what every kind shares, and what each may do otherwise.

What a run predicts for n items is a structured array of shape (n,); what is true of them is an
array beside it. An answer knows the fields of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import Problem, quantitative
from rnaernie_bench.metrics.registry import METRICS, comparable, metrics_of
from rnaernie_bench.metrics.resampling import Units
from rnaernie_bench.metrics.rounding import rounded, significant_bits
from rnaernie_bench.metrics.scoring.composites import Scorer
from rnaernie_bench.metrics.tuning import Tuning, refuse_broken

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from rnaernie_bench.metrics.targets import Targets

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """One test item beside its prediction, as a figure shows it; only some answers draw one."""

    sequence: str
    scores: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class Answer:
    """One kind of answer: how it is learned, tuned, scored, stored and shown."""

    name: str
    """As prediction files and levels have it."""
    problem: Problem
    measure: str
    """What the mean of `right` is."""

    asks: ClassVar[Literal["logits", "probabilities"]] = "logits"
    """The method of a fitted model that gives the scores of inputs (`learning.interface`)."""
    graded: ClassVar[bool] = True
    """Whether items are more or less right, rather than right or wrong."""
    decides: ClassVar[bool] = True
    """Whether `interpret` decides for labels, besides numbers."""
    decodes: ClassVar[bool] = False
    """Whether scores are decoded into a structure, by a decoder that a run names. What a model does
    not read, being too long, is predicted to have no pair."""
    if_undefined: ClassVar[float] = 0.0
    """How right an item is of which `right` says nothing."""
    marked: ClassVar[bool] = True
    """Whether a prediction file says which answer it holds; else its columns tell."""
    parquet: ClassVar[Mapping[str, Any]] = {"use_dictionary": ["group"]}
    """How a prediction file is compressed."""
    about_items: ClassVar[tuple[str, ...]] = ("truth",)
    """Columns of a prediction file that all predictions of an item share (`to_columns`)."""

    # Learning

    def loss(
        self,
        scores: Tensor,
        truth: Tensor,
        *,
        weights: Tensor | None = None,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss of a model's scores over the known values, see `losses.loss_of`."""
        return loss_of(self.problem, scores, truth, weights=weights, class_weights=class_weights)

    # Tuning on validation

    def untuned(self, decoder: str | None = None) -> Any:
        """Return what is used where validation chooses nothing.

        Args:
            decoder: that of the run; None of answers that are not decoded.
        """
        return Tuning()

    def tune(self, targets: Any, scores: Any, untuned: Any) -> tuple[Any, int]:
        """Return what validation chooses, and how many settings were compared for it.

        Args:
            targets: of the validation part.
            scores: of a model.
            untuned: what to start from.
        """
        return untuned, 0

    def to_record(self, tuning: Any, labels: Sequence[str]) -> dict[str, Any]:
        """Return what was tuned as the record's `selection` has it."""
        return {}

    def to_predictor(self, tuning: Any, labels: Sequence[str]) -> dict[str, Any]:
        """Return what `predictor.json` of a saved model holds of labels and tuning."""
        return {
            "labels": list(labels),
            "temperature": tuning.temperature,
            "thresholds": list(tuning.thresholds),
        }

    def from_predictor(self, saved: Mapping[str, Any]) -> Any:
        """Return the tuning that `to_predictor` wrote."""
        return Tuning(saved.get("temperature", 1.0), tuple(saved.get("thresholds", ())))

    # Predictions as arrays

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields of predictions of so many columns, or classes."""
        raise NotImplementedError

    def arrays(self, targets: Any, scores: Any, tuning: Any) -> tuple[Array, Array]:
        """Return truth and predictions of items, as they are stored.

        Args:
            targets: of the items.
            scores: what a fitted model gave their units, float32 (units, outputs).
            tuning: see `tune`.

        Raises:
            BenchError: if scores are NaN or infinite.
        """
        refuse_broken(scores)
        predicted = np.zeros(len(targets.sizes), self.dtype(scores.shape[1]))
        truth = self._fill(predicted, targets, scores, tuning)
        return truth, predicted

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Any) -> Array:
        """Fill predictions in, and return the truth."""
        raise NotImplementedError

    def oracle(self, targets: Any) -> Any:
        """Return scores that are right wherever the truth is known, float32 (units, outputs)."""
        if self.problem == "multiclass":
            classes = int(max(targets.values.max(), 1)) + 1
            return np.eye(classes, dtype=np.float32)[np.maximum(targets.values, 0)]
        known = np.nan_to_num(targets.values).astype(np.float32)
        return known if quantitative(self.problem) else 2 * known - 1  # log-odds of yes and no

    def check(self, truth: Array, predicted: Array) -> None:
        """Refuse arrays that contradict themselves.

        Raises:
            ValueError: saying how.
        """
        if predicted.dtype != self.dtype(width(predicted)):
            raise ValueError(f"the predictions are not those of the answer {self.name}")

    # Metrics

    @property
    def metrics(self) -> tuple[str, ...]:
        """The built-in metrics of its records, in their order."""
        return metrics_of(self.name)

    def comparable(self, columns: int) -> tuple[str, ...]:
        """Return the built-in metrics by which predictions of so many columns are compared."""
        return comparable(self.name, columns)

    def scorer(
        self, metric: str, truth: Array, runs: Sequence[Array], whole: Units | None = None
    ) -> Scorer:
        """Return a metric of runs on the same items.

        Args:
            metric: one that the answer has (`registry.has`), or is compared by.
            truth: what is true of the items.
            runs: what each run predicted.
            whole: groups that are drawn as a whole; None: items.
        """
        entry = METRICS.get(metric)
        make = entry.scorers.get(self.name) or entry.compare_two[self.name]
        return make(truth, runs, whole)

    def only(
        self, truth: Array, predicted: Array, columns: Sequence[int] | None
    ) -> tuple[Array, Array]:
        """Return truth and predictions of some columns alone; of all where None is given."""
        if columns is None:
            return truth, predicted
        kept = np.zeros(len(predicted), self.dtype(len(columns)))
        for name in kept.dtype.names or ():
            kept[name] = predicted[name][:, list(columns)]
        # What is true may be several numbers a column: known and positive ones, one after another.
        by_column = truth.reshape(len(truth), -1, width(predicted))
        return by_column[:, :, list(columns)].reshape(len(truth), -1), kept

    def classes(self, truth: Array) -> npt.NDArray[np.integer]:
        """Return the class of each item, shape (n,), within which groups can be drawn.

        Raises:
            ValueError: items have no class of their own.
        """
        raise ValueError(f"items of the answer {self.name} have no class of their own")

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return how right each item is, shape (n,), more being better; nan if undefined."""
        raise NotImplementedError

    def decided(self, predicted: Array) -> Array:
        """Return what was decided, shape (n,): what makes two predictions of an item the same."""
        return as_bytes(predicted)

    def identity(self, metric: str, predicted: Array) -> bytes:
        """Return what two runs share if no comparison by a metric can tell them apart."""
        return predicted.tobytes()

    def certainty(self, truth: Array, predicted: Array) -> Floats:
        """Return how much of a prediction speaks for the truth, shape (n,)."""
        return self.right(truth, predicted)

    def lengths(self, predicted: Array) -> Array | None:
        """Return the bases of each item, if predictions hold them."""
        return None

    # Records and pictures

    def entries(
        self,
        truth: Array,
        predicted: Array,
        labels: Sequence[str],
        *,
        metrics: Sequence[str] = (),
        identities: Array | None = None,
    ) -> dict[str, Any]:
        """Return what the record of a test part holds beside metrics: by class, column, or set.

        Args:
            truth: what is true of its items.
            predicted: what was predicted.
            labels: those of the task.
            metrics: those by column; all built-in ones if empty.
            identities: of each item to its nearest training item; None if it is not known.
        """
        return {}

    def sample_of(self, sequences: Sequence[str]) -> int | None:
        """Return the place of the test item that figures show, if they show one."""
        return None

    def sample(self, targets: Any, scores: Any, tuning: Any) -> Sample:
        """Return that item beside its prediction."""
        raise NotImplementedError

    def figures(
        self,
        truth: Array,
        predicted: Array,
        entry: Mapping[str, Any],
        labels: Sequence[str],
        title: str,
        sample: Sample | None = None,
    ) -> Iterator[tuple[str, Figure]]:
        """Yield names and pictures of a test part.

        Args:
            truth: what is true of its items.
            predicted: what was predicted.
            entry: what the record holds of it.
            labels: those of the task.
            title: the heading.
            sample: see `sample_of`.
        """
        yield from ()

    # Files

    def to_columns(self, truth: Array, predicted: Array) -> dict[str, Array]:
        """Return the columns of a prediction file, (n,) or (n, numbers)."""
        names = predicted.dtype.names or ()
        rows = len(predicted)
        fields = {name: np.ascontiguousarray(predicted[name]).reshape(rows, -1) for name in names}
        return {"truth": truth.reshape(rows, -1), **fields}

    def from_columns(self, columns: Mapping[str, Array], width: int) -> tuple[Array, Array]:
        """Return truth and predictions from the columns of a prediction file.

        Args:
            columns: as `to_columns` gives them.
            width: columns or classes, as `width` counts them.
        """
        dtype = self.dtype(width)
        predicted = np.empty(len(columns["truth"]), dtype)
        for name in dtype.names or ():
            predicted[name] = columns[name].reshape(predicted[name].shape)
        return columns["truth"], predicted

    def coarser(self, predicted: Array, bits: int) -> Array:
        """Return predictions whose numbers have so many bits of the significand; counts stay."""
        kept = predicted.copy()
        for name in kept.dtype.names or ():
            if significant_bits(kept[name].dtype):
                kept[name] = rounded(kept[name], bits)
        return kept

    # Users

    def columns(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the numbers that `interpret` gives."""
        return tuple(f"p:{label}" for label in labels)

    def interpret(self, scores: Array, labels: Sequence[str], tuning: Any) -> tuple[Array, Array]:
        """Return what scores say to users.

        Args:
            scores: of a model, float32 (units, outputs).
            labels: those of the task.
            tuning: what validation chose.

        Returns:
            Numbers, float32 (units, columns): quantities or probabilities; and by unit what is
            decided, a label, labels joined by commas, or nothing.
        """
        raise NotImplementedError


def width(predicted: Array) -> int:
    """Return the columns, or classes, of predictions; 0 of those that have none."""
    names = predicted.dtype.names or ()
    shape = predicted.dtype[names[0]].shape if names else ()
    return shape[0] if shape else 0


def as_bytes(values: Array) -> Array:
    """Return each row of an array as bytes, shape (n,)."""
    flat = np.ascontiguousarray(values)
    return flat.view(f"V{flat.nbytes // max(len(values), 1)}").reshape(-1)
