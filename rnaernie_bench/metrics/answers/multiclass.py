"""One of several classes for each item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.answers.base import Answer, Array, Floats, Sample
from rnaernie_bench.metrics.calibration import calibrated_log_probabilities, fit_temperature
from rnaernie_bench.metrics.scoring.confusion import FROM_COUNTS, by_class
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning, refuse_broken

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Classes(Answer):
    """Answers that are the most probable of several classes, of items or of their bases."""

    def interpret(
        self, scores: Array, labels: Sequence[str], tuning: Tuning
    ) -> tuple[Array, Array]:
        """Return the probabilities of all classes, and the most probable one."""
        names = np.array(labels, dtype=object)
        shares = np.exp((scores - scores.max(axis=1, keepdims=True)) / tuning.temperature)
        return shares / shares.sum(axis=1, keepdims=True), names[scores.argmax(axis=1)]


@dataclass(frozen=True)
class Multiclass(Classes):
    """Calibrated log-probabilities of all classes; the truth is the class, int16 (n,)."""

    graded: ClassVar[bool] = False
    marked: ClassVar[bool] = False
    about_items: ClassVar[tuple[str, ...]] = ("label",)
    # Scores hardly repeat: splitting their bytes helps the compressor, a dictionary does not.
    parquet: ClassVar[Mapping[str, Any]] = {
        "use_dictionary": ["group"],
        "use_byte_stream_split": ["scores.list.element"],
    }

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the one field: `scores`, natural logarithms."""
        return np.dtype([("scores", np.float16, (columns,))])

    def tune(self, targets: Targets, scores: Array, untuned: Tuning) -> tuple[Tuning, int]:
        """Return the temperature that suits validation."""
        return Tuning(fit_temperature(scores, targets.values)), 0

    def to_record(self, tuning: Tuning, labels: Sequence[str]) -> dict[str, Any]:
        """Return the temperature."""
        return {"temperature": tuning.temperature}

    def to_predictor(self, tuning: Tuning, labels: Sequence[str]) -> dict[str, Any]:
        """Return labels and temperature."""
        return {"labels": list(labels), "temperature": tuning.temperature}

    def arrays(self, targets: Targets, scores: Array, tuning: Tuning) -> tuple[Array, Array]:
        """Return the classes, and calibrated log-probabilities rounded as they are stored."""
        refuse_broken(scores)
        rounded = calibrated_log_probabilities(scores, tuning.temperature)
        return targets.values.astype(np.int16), self.pack(rounded)

    def pack(self, scores: Array) -> Array:
        """Return log-probabilities (n, classes) as predictions.

        Raises:
            ValueError: they have another shape.
        """
        scores = np.asarray(scores)
        if scores.ndim != 2:
            raise ValueError("every item needs a row of scores")
        predicted = np.zeros(len(scores), self.dtype(scores.shape[1]))
        predicted["scores"] = scores
        return predicted

    def check(self, truth: Array, predicted: Array) -> None:
        """Refuse classes without scores, and scores that are no log-probabilities."""
        super().check(truth, predicted)
        scores = predicted["scores"]
        if len(truth) and not 0 <= truth.min() <= truth.max() < scores.shape[1]:
            raise ValueError("a label has no column of scores")
        # Written so that NaN fails; a row of minus infinities would be no distribution.
        if not ((scores <= 0).all() and np.isfinite(scores).any(axis=1).all()):
            raise ValueError("a score is not a log-probability")

    def classes(self, truth: Array) -> npt.NDArray[np.integer]:
        """Return the class of each item, shape (n,)."""
        return np.asarray(truth)

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return 0 or 1 for each item, shape (n,)."""
        return (self.decided(predicted) == truth).astype(np.float64)

    def decided(self, predicted: Array) -> Array:
        """Return the class of each item, shape (n,)."""
        return np.asarray(predicted["scores"].argmax(axis=1))

    def identity(self, metric: str, predicted: Array) -> bytes:
        """Return the scores, or the classes alone where a metric reads no more."""
        return (self.decided(predicted) if metric in FROM_COUNTS else predicted).tobytes()

    def certainty(self, truth: Array, predicted: Array) -> Floats:
        """Return the probability of the true class, shape (n,)."""
        logs = predicted["scores"][np.arange(len(truth)), truth]
        return np.asarray(np.exp(logs.astype(np.float64)))

    def entries(
        self,
        truth: Array,
        predicted: Array,
        labels: Sequence[str],
        *,
        metrics: Sequence[str] = (),
        identities: Array | None = None,
    ) -> dict[str, Any]:
        """Return the scores of each class, and the confusion matrix."""
        return by_class(truth, self.decided(predicted), labels)

    def figures(
        self,
        truth: Array,
        predicted: Array,
        entry: Mapping[str, Any],
        labels: Sequence[str],
        title: str,
        sample: Sample | None = None,
    ) -> Iterator[tuple[str, Figure]]:
        """Yield the confusion matrix."""
        from rnaernie_bench.metrics.figures import confusion_matrix_figure

        yield "confusion", confusion_matrix_figure(entry["confusion"], labels, title)

    def to_columns(self, truth: Array, predicted: Array) -> dict[str, Array]:
        """Return `label` and `scores`."""
        return {"label": truth, "scores": predicted["scores"]}

    def from_columns(self, columns: Mapping[str, Array], width: int) -> tuple[Array, Array]:
        """Return truth and predictions from `label` and `scores`."""
        scores = self.pack(columns["scores"].astype(np.float16))
        return columns["label"].astype(np.int16), scores

    def coarser(self, predicted: Array, bits: int) -> Array:
        """Return coarser scores of all classes but the predicted one, which stays so and exact."""
        kept = super().coarser(predicted, bits)
        top = predicted["scores"].argmax(axis=1)[:, None]
        exact = np.take_along_axis(predicted["scores"], top, axis=1)
        np.put_along_axis(kept["scores"], top, exact, axis=1)
        moved = kept["scores"].argmax(axis=1) != top[:, 0]
        kept["scores"][moved] = predicted["scores"][moved]
        return kept


MULTICLASS = Multiclass("multiclass", "multiclass", "accuracy")
