"""How good a fitted model is, whatever its task asks: on validation, or on every test part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.data.items import Dataset
from rnaernie_bench.data.protocols import Scheme
from rnaernie_bench.learning.interface import FitReport
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.levels import has_classes
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from rnaernie_bench.evaluation.classes import Evaluation
    from rnaernie_bench.evaluation.structures import ContactEvaluation
    from rnaernie_bench.evaluation.values import MeasuredEvaluation

    AnyEvaluation: TypeAlias = Evaluation | ContactEvaluation | MeasuredEvaluation


def judge(
    task: Task,
    config: RunConfig,
    dataset: Dataset,
    followed: Scheme,
    fitted: Any,
    report: FitReport,
) -> AnyEvaluation:
    """Return everything that is reported of a fitted model; each test part is scored once."""
    split = followed.split
    if task.decodes:
        from rnaernie_bench.evaluation.relatives import nearest_training
        from rnaernie_bench.evaluation.structures import evaluate_contacts

        assert config.task.decoder is not None
        return evaluate_contacts(
            fitted,
            split,
            config.task.decoder,
            max_bases=report.max_bases,
            nearest=nearest_training(task, dataset, split),
        )
    # Only what is truncated is read in part: windows cover a sequence, `error` refuses it.
    max_bases = report.max_bases if POLICIES[config.task.length].truncates else None
    if has_classes(task.level, task.problem):
        from rnaernie_bench.evaluation.classes import evaluate

        return evaluate(
            fitted,
            split,
            task.labels,
            max_bases=max_bases,
            calibrated=followed.calibrated,
            # Those of sequences are of items, as in all records so far.
            by_group=task.level == "pair" and task.resampling == "group",
        )
    from rnaernie_bench.evaluation.values import evaluate_measured

    return evaluate_measured(
        fitted, split, task, max_bases=max_bases, calibrated=followed.calibrated
    )


def validation_metrics(
    task: Task, config: RunConfig, followed: Scheme, fitted: Any, report: FitReport
) -> dict[str, float]:
    """Return the metrics of a fitted model on the validation part, as a record has them."""
    items = followed.split.validation
    if task.decodes:
        from rnaernie_bench.evaluation.structures import validate_contacts

        assert config.task.decoder is not None
        validation = validate_contacts(
            fitted, items, config.task.decoder, max_bases=report.max_bases
        )[-1]
    elif has_classes(task.level, task.problem):
        from rnaernie_bench.evaluation.classes import validate

        _, validation = validate(fitted, items, task.labels, calibrated=True)
    else:
        from rnaernie_bench.evaluation.values import validate_measured

        _, validation = validate_measured(fitted, items, task, calibrated=True)
    return {name: float(value) for name, value in validation["metrics"].items()}
