"""A fitted model, for any task: tuned on validation, then every test part scored once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import distributed
from rnaernie_bench.data.items import Dataset, Items, Split
from rnaernie_bench.data.protocols import EvaluationScheme
from rnaernie_bench.data.targets import structure_targets, targets_of
from rnaernie_bench.evaluation.relatives import nearest_training
from rnaernie_bench.learning.feature_cache import FeatureTable
from rnaernie_bench.learning.interface import FitReport
from rnaernie_bench.metrics.answers.base import Answer, Sample
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.metrics.scoring.composites import or_none
from rnaernie_bench.results.predictions import Predictions, hash_ids
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Evaluation:
    """Everything that is reported of a fitted model."""

    labels: Sequence[str]
    """The task's labels."""
    tuning: Any
    """What validation chose, see `Answer.tune`."""
    trials: int
    """Settings that were compared for it."""
    validation: Mapping[str, Any]
    """The record's field: n and metrics."""
    tests: Mapping[str, dict[str, Any]]
    """The record's field, without the predictions of each part."""
    predictions: Predictions
    sample: Sample | None
    partly: Mapping[str, dict[str, int]]
    """By part, `train` and `validation`: how many items were truncated, or not read, if any was."""
    """The test item that figures show, if they show one."""

    @property
    def selected(self) -> dict[str, Any]:
        """What validation chose, for the record."""
        return self.predictions.answer.to_record(self.tuning, self.labels)

    @property
    def predictor(self) -> dict[str, Any]:
        """What `predict` needs besides the model."""
        return self.predictions.answer.to_predictor(self.tuning, self.labels)

    def figures(self, part: str, title: str) -> Iterator[tuple[str, Figure]]:
        """Yield file names and pictures of a test part."""
        for name, figure in self.predictions.answer.figures(
            *self.predictions.part(part), self.tests[part], self.labels, title, self.sample
        ):
            yield f"{name}-{part}.png", figure


def evaluate_run(
    task: Task,
    config: RunConfig,
    dataset: Dataset,
    scheme: EvaluationScheme,
    fitted: Any,
    report: FitReport,
) -> Evaluation:
    """Return everything that is reported of a fitted model; each test part is scored once.

    All processes of a launch call this: scores are divided among them.
    """
    split = scheme.split
    return evaluate(
        fitted,
        split,
        task,
        decoder=config.task.decoder,
        max_bases=_limit(task, config, report),
        calibrated=scheme.calibrated,
        nearest=nearest_training(task, dataset, split)
        if task.answer.decodes and distributed.is_first()  # which writes the record
        else None,
    )


def validation_metrics(
    task: Task, config: RunConfig, scheme: EvaluationScheme, fitted: Any, report: FitReport
) -> dict[str, float]:
    """Return the metrics of a fitted model on the validation part, as a record has them."""
    limit = _limit(task, config, report)
    *_, validation = validate(
        fitted, scheme.split.validation, task, decoder=config.task.decoder, max_bases=limit
    )
    metrics = validation["metrics"].items()
    return {name: float("nan") if value is None else value for name, value in metrics}


def _limit(task: Task, config: RunConfig, report: FitReport) -> int | None:
    """Return from how many bases on a sequence is not read, or not whole; None if all are.

    Windows cover a sequence, and `error` refuses it.
    """
    partly = task.answer.decodes or POLICIES[config.task.length].truncates
    return report.max_bases if partly else None


def evaluate(
    fitted: Any,
    split: Split,
    task: Task,
    *,
    decoder: str | None = None,
    max_bases: int | None = None,
    calibrated: bool = True,
    nearest: FeatureTable | None = None,
) -> Evaluation:
    """Tune on validation, then score every test item once.

    Metrics are computed on what is stored, so that they can be recomputed from the prediction file.

    Args:
        fitted: the model, see `learning.interface`.
        split: whose validation and test parts are scored.
        task: what is asked.
        decoder: of the run, for structures.
        max_bases: from how many bases on a sequence is not read, or truncated; None if none is.
        calibrated: whether anything is tuned on validation.
        nearest: the identity of test sequences to train, see `relatives`; None if it is not known.
    """
    answer = task.answer
    tuning, trials, validation = validate(
        fitted, split.validation, task, decoder=decoder, max_bases=max_bases, calibrated=calibrated
    )
    predictions, tests = tested(fitted, split, task, tuning, max_bases=max_bases, nearest=nearest)
    items = tuple({item.id: item for part in split.tests.values() for item in part}.values())
    sample = _sample(fitted, items, task, tuning)
    learned = {"train": split.train, "validation": split.validation}
    counted = {part: _partly_read(fitted, answer, i, max_bases) for part, i in learned.items()}
    partly = {part: counts for part, counts in counted.items() if any(counts.values())}
    return Evaluation(task.labels, tuning, trials, validation, tests, predictions, sample, partly)


def tested(
    fitted: Any,
    split: Split,
    task: Task,
    tuning: Any,
    *,
    max_bases: int | None = None,
    nearest: FeatureTable | None = None,
) -> tuple[Predictions, dict[str, dict[str, Any]]]:
    """Score every test item of a split once.

    Args:
        fitted: the model, see `learning.interface`.
        split: whose test parts are scored.
        task: what is asked.
        tuning: what validation chose.
        max_bases: as of `evaluate`.
        nearest: the same.

    Returns:
        The predictions, and by part what the record has of it.
    """
    answer = task.answer
    items = tuple({item.id: item for part in split.tests.values() for item in part}.values())
    truth, predicted = _predicted(fitted, items, task, tuning)
    ids = [item.id for item in items]
    predictions = Predictions(
        answer=answer,
        ids=hash_ids(ids),
        groups=[item.group for item in items],
        truth=truth,
        predicted=predicted,
        parts={
            name: np.isin(ids, [item.id for item in part]) for name, part in split.tests.items()
        },
    )
    identities = None if nearest is None else nearest.of([i.sequence for i in items])[:, 0]
    tests = {
        name: {
            "n": len(part),
            **_partly_read(fitted, answer, part, max_bases),
            **scored_part(
                predictions,
                name,
                task,
                None if identities is None else identities[predictions.parts[name]],
                _tells(fitted),
            ),
        }
        for name, part in split.tests.items()
    }
    return predictions, tests


def validate(
    fitted: Any,
    items: Items,
    task: Task,
    *,
    decoder: str | None = None,
    max_bases: int | None = None,
    calibrated: bool = True,
) -> tuple[Any, int, dict[str, Any]]:
    """Return what the validation `items` chose, out of how many settings, and their n and metrics.

    The arguments are those of `evaluate`.
    """
    answer = task.answer
    if not items:  # of a split in which nothing trains
        return answer.untuned(), 0, {"n": 0, "metrics": {}}
    if answer.decodes:
        tuning, trials = _tuned_decoding(fitted, items, task, decoder, max_bases)
        found = _predicted(fitted, items, task, tuning)
    else:
        targets, scores = _targets(items, task), _scores(fitted, items, answer)
        tuning, trials = answer.untuned(), 0
        if calibrated:
            # Scores may differ in their last digits between the devices of a launch.
            tuning, trials = distributed.broadcast(answer.tune(targets, scores, tuning))
        found = answer.arrays(targets, scores, tuning)
    measures = _measures(task, _tells(fitted))
    metrics = measures.values(*found, [item.group for item in items])
    return tuning, trials, {"n": len(items), "metrics": or_none(metrics)}


def _tuned_decoding(
    fitted: Any, items: Items, task: Task, decoder: str | None, max_bases: int | None
) -> tuple[Any, int]:
    """Return how probabilities are decoded: as the model says, or as suits what is read of `items`.

    All processes of a launch decode them: which threshold is best follows from all together.
    """
    if fitted.decoding is not None:
        return fitted.decoding, 0
    answer = task.answer
    read = [item for item in items if max_bases is None or len(item.sequence) <= max_bases]
    targets, scores = _targets(read, task), _scores(fitted, read, answer)
    return distributed.broadcast(answer.tune(targets, scores, answer.untuned(decoder)))


def _targets(items: Sequence[Any], task: Task) -> Any:
    return structure_targets(items) if task.answer.decodes else targets_of(items, task.problem)


def _scores(fitted: Any, items: Sequence[Any], answer: Answer) -> Any:
    return getattr(fitted, answer.asks)([item.input for item in items])


def _predicted(
    fitted: Any, items: Sequence[Any], task: Task, tuning: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and predictions of items.

    Logits are divided among the processes of a launch by the fitted model; structures are decoded
    and counted here, every process its share.
    """
    answer = task.answer
    share, shares = slice(None), distributed.count() if answer.decodes else 1
    if shares > 1:
        share = slice(distributed.number(), None, shares)
    own = items[share]
    found = answer.arrays(_targets(own, task), _scores(fitted, own, answer), tuning)
    if shares == 1:
        return found
    whole: tuple[np.ndarray, ...] = tuple(np.empty(len(items), a.dtype) for a in found)
    for first, arrays in enumerate(distributed.gather(found)):
        for into, values in zip(whole, arrays, strict=True):
            into[first::shares] = values
    return whole[0], whole[1]


def _partly_read(
    fitted: Any, answer: Answer, items: Items, max_bases: int | None
) -> dict[str, int]:
    """Return how many items were truncated, or not read."""
    limit = float("inf") if max_bases is None else max_bases
    too_long = getattr(fitted, "too_long", lambda sequence: len(sequence) > limit)
    long = 0 if max_bases is None else sum(too_long(item.input) for item in items)
    return {"n_truncated": 0, "n_unread": long} if answer.decodes else {"n_truncated": long}


def scored_part(
    predictions: Predictions,
    part: str,
    task: Task,
    identities: np.ndarray | None,
    tells: frozenset[str] | None = None,
) -> dict[str, Any]:
    """Return metrics with intervals, and what else the record has of a test part.

    Args:
        predictions: of all parts.
        part: which one.
        task: what is asked.
        identities: of its items to train; None if they are not known.
        tells: what predictions tell, of those that tell less than the answer holds: metrics that
            need something else (`metrics.registry.Metric.needs`) are left out.
    """
    answer, (truth, predicted) = predictions.answer, predictions.part(part)
    measures = _measures(task, tells)
    told = measures.metrics
    metrics = measures.figures(truth, predicted, predictions.groups_of(part))
    beside: dict[str, Any] = {}
    if tells is None or "decisions" in tells or not answer.decides:
        beside = answer.entries(truth, predicted, task.labels, metrics=told, identities=identities)
    scored = {label: task.labels.index(label) for label in task.scored}
    return {"metrics": metrics, **({"scored": scored} if scored else {}), **beside}


def _tells(fitted: Any) -> frozenset[str] | None:
    """Return what the scores of a model tell, where they are in no unit of the data."""
    return getattr(fitted, "tells", None)


def _measures(task: Task, tells: frozenset[str] | None) -> Measures:
    """Return how predictions are measured that tell no more than this."""
    told = tuple(m for m in task.measured if tells is None or METRICS.get(m).needs in tells)
    return replace(task.measures, metrics=told)


def _sample(fitted: Any, items: Items, task: Task, tuning: Any) -> Sample | None:
    """Return the item that figures show, if they show one."""
    place = task.answer.sample_of([item.sequence for item in items])
    if place is None:
        return None
    item = [items[place]]
    scores = _scores(fitted, item, task.answer)
    return task.answer.sample(_targets(item, task), scores, tuning)
