"""A fitted model on validation and on every test part, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.data.items import Items, Split, labels_of
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.metrics.calibration import calibrated_log_probabilities, fit_temperature
from rnaernie_bench.metrics.classification import ClassificationReport, classification_report
from rnaernie_bench.metrics.scorers import group_intervals
from rnaernie_bench.metrics.statistics import bootstrap_intervals
from rnaernie_bench.results.predictions import Predictions, hash_ids

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Evaluation:
    """Everything that is reported of a fitted model."""

    temperature: float
    """Fitted on validation; 1 if it was not to be."""
    validation: Mapping[str, Any]
    """The record's field: n and metrics."""
    tests: Mapping[str, dict[str, Any]]
    """The record's field, without the predictions of each part."""
    predictions: Predictions
    labels: Sequence[str]
    """The task's labels."""
    trials = 0
    """Settings that were compared on validation."""

    @property
    def selected(self) -> dict[str, Any]:
        """What validation chose, for the record."""
        return {"temperature": self.temperature}

    @property
    def predictor(self) -> dict[str, Any]:
        """What `predict` needs besides the model."""
        return {"labels": list(self.labels), "temperature": self.temperature}

    def figures(self, part: str, title: str) -> Iterator[tuple[str, Figure]]:
        """Yield file names and pictures of a test part."""
        from rnaernie_bench.metrics.figures import confusion_matrix_figure

        figure = confusion_matrix_figure(self.tests[part]["confusion"], self.labels, title)
        yield f"confusion-{part}.png", figure


def evaluate(
    fitted: Fitted,
    split: Split,
    labels: Sequence[str],
    *,
    max_bases: int | None,
    calibrated: bool = True,
    by_group: bool = False,
) -> Evaluation:
    """Fit the temperature on validation, then score every test item once.

    Metrics are computed on the scores as they are stored, rounded to float16, so that they can be
    recomputed from the prediction file exactly.

    Args:
        fitted: the model.
        split: whose validation and test parts are scored.
        labels: the task's labels.
        max_bases: from how many bases on a sequence is truncated, for their count; None if none is.
        calibrated: whether to fit the temperature; it is 1 if not.
        by_group: whether intervals are of groups drawn as a whole, not of items.
    """
    temperature, validation = validate(fitted, split.validation, labels, calibrated=calibrated)
    items = list({item.id: item for part in split.tests.values() for item in part}.values())
    logits = fitted.logits([item.input for item in items])
    scores = calibrated_log_probabilities(logits, temperature)
    parts = {
        name: np.isin([item.id for item in items], [item.id for item in part])
        for name, part in split.tests.items()
    }
    truths = labels_of(items)
    tests = {}
    for name, mask in parts.items():
        tests[name] = _test_entry(
            scores[mask],
            truths[mask],
            labels,
            n_truncated=cut(split.tests[name], max_bases),
            groups=[item.group for item in compress(items, mask)] if by_group else None,
        )
    predictions = Predictions(
        ids=hash_ids(item.id for item in items),
        groups=[item.group for item in items],
        labels=truths.astype(np.int16),
        scores=scores.astype(np.float16),
        parts=parts,
    )
    return Evaluation(temperature, validation, tests, predictions, labels)


def validate(
    fitted: Fitted, items: Items, labels: Sequence[str], *, calibrated: bool
) -> tuple[float, dict[str, Any]]:
    """Return the temperature fitted on the validation `items`, and their number and metrics."""
    logits, truth = fitted.logits([item.input for item in items]), labels_of(items)
    temperature = fit_temperature(logits, truth) if calibrated else 1.0
    report = classification_report(calibrated_log_probabilities(logits, temperature), truth, labels)
    return temperature, {"n": len(truth), "metrics": dict(report.metrics)}


def _test_entry(
    scores: np.ndarray,
    truth: np.ndarray,
    labels: Sequence[str],
    *,
    n_truncated: int,
    groups: Sequence[str] | None,
) -> dict[str, Any]:
    report: ClassificationReport = classification_report(scores, truth, labels)
    intervals = (
        bootstrap_intervals(truth, scores, len(labels))
        if groups is None
        else group_intervals(truth, scores, len(labels), groups)
    )
    metrics = {}
    for name, value in report.metrics.items():
        low, high = intervals[name]
        metrics[name] = {"value": value, "low": float(low), "high": float(high)}
    return {
        "n": len(truth),
        "n_truncated": n_truncated,
        "metrics": metrics,
        "per_class": {name: asdict(entry) for name, entry in report.per_class.items()},
        "confusion": report.confusion.tolist(),
    }


def cut(items: Sequence[Any], max_bases: int | None) -> int:
    """Return how many items have more bases than are read; 0 where all are."""
    return 0 if max_bases is None else sum(len(item.sequence) > max_bases for item in items)
