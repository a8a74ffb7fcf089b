"""Yes or no for each item, in one column (binary) or several (multilabel)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.answers.base import Answer, Array, Floats, Sample, as_bytes, width
from rnaernie_bench.metrics.scoring.composites import or_none
from rnaernie_bench.metrics.scoring.confusion import by_class
from rnaernie_bench.metrics.scoring.decisions import log_odds
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning, tune_decisions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TunedDecisions(Answer):
    """Answers that are decided by thresholds of calibrated log-odds, of items or of their bases."""

    def tune(self, targets: Targets, scores: Array, untuned: Tuning) -> tuple[Tuning, int]:
        """Return temperature and thresholds, see `tuning.tune_decisions`."""
        return tune_decisions(targets, scores), 0

    def to_record(self, tuning: Tuning, labels: Sequence[str]) -> dict[str, Any]:
        """Return temperature and thresholds; where there is one, it is named after no label."""
        one = self.problem == "binary"
        names = ["threshold"] if one else [f"threshold_{label}" for label in labels]
        thresholds = tuning.thresholds or (0.0,) * len(names)
        return {"temperature": tuning.temperature, **dict(zip(names, thresholds, strict=True))}

    def columns(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the probabilities of labels; of two classes, that of the second."""
        return tuple(f"p:{label}" for label in (labels[1:] if self.problem == "binary" else labels))

    def interpret(
        self, scores: Array, labels: Sequence[str], tuning: Tuning
    ) -> tuple[Array, Array]:
        """Return calibrated probabilities, and the class or labels that thresholds decide."""
        names = np.array(labels, dtype=object)
        odds = tuning.odds(scores)
        yes = tuning.decided(odds)
        probabilities = np.exp(-np.logaddexp(0, -odds.astype(np.float64))).astype(np.float32)
        if self.problem == "binary":
            return probabilities, names[yes[:, 0].astype(int)]
        return probabilities, np.array([",".join(names[row]) for row in yes], dtype=object)


@dataclass(frozen=True)
class Decisions(TunedDecisions):
    """Calibrated log-odds of yes, and what was decided; the truth is 0, 1 or nan, (n, columns)."""

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields: `odds`, the natural logarithm, and `decided`, 0 or 1."""
        odds = "odds" if self.problem == "binary" else "column_odds"
        return np.dtype([(odds, np.float16, (columns,)), ("decided", np.int8, (columns,))])

    def _fill(self, predicted: Array, targets: Targets, scores: Array, tuning: Tuning) -> Array:
        odds = log_odds(predicted)
        odds[:] = tuning.odds(scores)
        predicted["decided"] = tuning.decided(odds)
        return targets.values.astype(np.float32)

    def classes(self, truth: Array) -> npt.NDArray[np.integer]:
        """Return 0 or 1 for each item, shape (n,), of one column."""
        return super().classes(truth) if self.problem != "binary" else truth[:, 0].astype(np.int64)

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return the share of columns that are decided rightly, shape (n,)."""
        known = ~np.isnan(truth)
        hits = (predicted["decided"] == truth) & known
        total = known.sum(axis=1)
        share = hits.sum(axis=1) / np.maximum(total, 1)
        return np.asarray(np.where(total > 0, share, np.nan))

    def decided(self, predicted: Array) -> Array:
        """Return the decisions of each item, as bytes."""
        return as_bytes(predicted["decided"])

    def entries(
        self,
        truth: Array,
        predicted: Array,
        labels: Sequence[str],
        *,
        metrics: Sequence[str] = (),
        identities: Array | None = None,
    ) -> dict[str, Any]:
        """Return the metrics of each column; of one column, confusion and scores of two classes."""
        if self.problem != "binary":
            return by_column(self, truth, predicted, labels, metrics)
        return by_class(truth[:, 0], predicted["decided"][:, 0], labels)

    def figures(
        self,
        truth: Array,
        predicted: Array,
        entry: Mapping[str, Any],
        labels: Sequence[str],
        title: str,
        sample: Sample | None = None,
    ) -> Iterator[tuple[str, Figure]]:
        """Yield confusion matrix and calibration of two classes."""
        from rnaernie_bench.metrics.figures import calibration_figure, confusion_matrix_figure

        if self.problem == "binary":
            yield "confusion", confusion_matrix_figure(entry["confusion"], labels, title)
            odds = log_odds(predicted)[:, 0].astype(np.float64)
            yield "calibration", calibration_figure(truth[:, 0], odds, title)


def by_column(
    answer: Answer,
    truth: Array,
    predicted: Array,
    labels: Sequence[str],
    metrics: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the metrics of each column by itself; nothing where there is one only."""
    if width(predicted) < 2:
        return {}
    found: dict[str, dict[str, float | None]] = {}
    for place, label in enumerate(labels):
        known, alone = answer.only(truth, predicted, [place])
        scorers = {m: answer.scorer(m, known, [alone]) for m in metrics or answer.metrics}
        found[label] = or_none({name: scorer.value(0) for name, scorer in scorers.items()})
    return {"per_column": found}


BINARY = Decisions("binary", "binary", "accuracy")
MULTILABEL = Decisions("multilabel", "multilabel", "accuracy")
