"""Every metric: what it is called, which way it improves, and how it is computed of each answer.

Nothing here imports NumPy: tables show labels and directions, and start fast. Formulas are given
arrays, and return a numerator and a denominator; 0/0 is undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.core.registry import Registry

if TYPE_CHECKING:
    from rnaernie_bench.metrics.resampling import Units
    from rnaernie_bench.metrics.scoring.composites import MakeScorer, Scorer


@dataclass(frozen=True)
class Metric:
    """A metric of a record."""

    name: str
    """As records and declarations have it."""
    label: str
    """As tables and pages show it."""
    scorers: Mapping[str, MakeScorer]
    """By name of the answers (`metrics.answers`) that have it, how it is computed."""
    help: str = ""
    """What it is, in a sentence, if its label does not say so."""
    higher_is_better: bool = True
    tolerance: float = 1e-6
    """How far a record's value may be off that recomputed from its predictions."""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """Between which values it lies: its interval does as well."""
    undefined: str = "nothing is known of the items"
    """When items do not define it."""
    within_groups: bool = False
    """Whether it is computed inside groups of items, which are drawn as a whole then."""
    on_request: bool = False
    """Whether only the records of tasks that declare it have it."""
    needs: Literal["", "decisions", "order", "probabilities", "values"] = ""
    """What predictions must tell, for those that tell less (`rnaernie_bench.external`): what is
    decided, which of two items ranks higher, probabilities, or numbers in the units of the data;
    empty: all that their answer holds."""
    compare_two: Mapping[str, MakeScorer] = field(default_factory=dict)
    """By name, answers of two classes whose records lack it, but which are compared by it."""


def scored(function: str, *arguments: Any) -> MakeScorer:
    """Return what makes a scorer by a function of `metrics.scoring`, imported when it is needed.

    Args:
        function: module and function, such as ``decisions:counted``.
        arguments: what the function is called with; it returns a `MakeScorer`.
    """
    module, _, name = function.partition(":")

    def make(truth: Any, runs: Sequence[Any], whole: Units | None) -> Scorer:
        found = getattr(import_module(f"rnaernie_bench.metrics.scoring.{module}"), name)
        scorer: Scorer = found(*arguments)(truth, runs, whole)
        return scorer

    return make


def _accuracy(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    return tp + tn, tp + fp + fn + tn


def _precision(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    return tp, (tp + fp) * (tp + fn > 0)


def _recall(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    return tp, tp + fn


def _f1(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    return 2 * tp, (2 * tp + fp + fn) * (tp + fn > 0)


def mcc(tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
    """Return Matthews correlation as numerator and denominator, from counts of decisions."""
    return tp * tn - fp * fn, ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5


def _decided(*answers: str, by: Callable[..., tuple[Any, Any]]) -> dict[str, MakeScorer]:
    """Return scorers of yes-or-no answers: the mean over columns of a formula of counts."""
    modules = {"binary": "decisions", "multilabel": "decisions"}
    return {name: scored(f"{modules.get(name, 'units')}:counted", by) for name in answers}


def _classified(metric: str) -> dict[str, MakeScorer]:
    """Return scorers of classes: from the confusion of items, or of all bases together."""
    return {
        "multiclass": scored("classes:counted", metric),
        "token_multiclass": scored("units:confused", metric),
    }


def _ranked(curve: str, *answers: str) -> dict[str, MakeScorer]:
    """Return scorers of the area under a curve: over items, or the mean over items of bases."""
    of_items = scored("decisions:curve", curve)
    of_bases = scored("units:mean_where_defined", curve)
    return {name: of_bases if name.startswith("token") else of_items for name in answers}


def _measured(metric: str, *, of_bases: bool = True) -> dict[str, MakeScorer]:
    """Return scorers of quantities of items and of bases."""
    bases = {"token_regression": scored("units:measured", metric)} if of_bases else {}
    return {"regression": scored("quantities:measured", metric), **bases}


def _structural(metric: str) -> dict[str, MakeScorer]:
    return {"structure": scored("structures:ratio", metric)}


_ONE, _SEVERAL = ("binary", "token_binary"), ("multilabel", "token_multilabel")
_ODDS = ("binary", "multilabel")

_SHARE, _CORRELATION, _ERROR = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)
_ONE_CLASS = "one of the two classes does not occur"
_NO_POSITIVE = "there is no positive"
_ONE_SIDED = "the truth or the predictions are all of one class"
_CONSTANT = "the truth or the predictions are constant"

BUILT_IN: tuple[Metric, ...] = (
    Metric(
        "accuracy", "accuracy", {**_classified("accuracy"), **_decided(*_ONE, by=_accuracy)},
        bounds=_SHARE, needs="decisions",
    ),
    Metric(
        "macro_precision", "macro precision", _classified("macro_precision"),
        "precision, every class counting the same", bounds=_SHARE, needs="decisions",
    ),
    Metric(
        "macro_recall", "macro recall", _classified("macro_recall"),
        "recall, every class counting the same", bounds=_SHARE, needs="decisions",
    ),
    Metric(
        "macro_f1", "macro F1", {**_classified("macro_f1"), **_decided(*_SEVERAL, by=_f1)},
        "F1, every class counting the same", bounds=_SHARE,
        undefined="no label has a positive", needs="decisions",
    ),
    Metric(
        "macro_mcc", "macro MCC", _decided(*_SEVERAL, by=mcc), bounds=_CORRELATION,
        undefined=f"of each label, {_ONE_SIDED}", needs="decisions",
    ),
    Metric(
        "macro_auroc", "macro AUROC", _ranked("auroc", *_SEVERAL), bounds=_SHARE,
        undefined="no label has both classes", needs="order",
    ),
    Metric(
        "macro_auprc", "macro AUPRC", _ranked("auprc", *_SEVERAL), bounds=_SHARE,
        undefined="no label has both classes", needs="order",
    ),
    Metric(
        "f1", "F1", {**_decided(*_ONE, by=_f1), **_structural("f1")}, bounds=_SHARE,
        undefined=_NO_POSITIVE, needs="decisions",
    ),
    Metric(
        "precision", "precision",
        {**_decided(*_ONE, by=_precision), **_structural("precision")}, bounds=_SHARE,
        undefined="there is no positive, or none is predicted", needs="decisions",
    ),
    Metric(
        "recall", "recall", {**_decided(*_ONE, by=_recall), **_structural("recall")},
        bounds=_SHARE, undefined=_NO_POSITIVE, needs="decisions",
    ),
    Metric(
        "mcc", "MCC", {**_classified("mcc"), **_decided(*_ONE, by=mcc), **_structural("mcc")},
        "Matthews correlation coefficient", bounds=_CORRELATION, undefined=_ONE_SIDED,
        needs="decisions",
        tolerance=1e-4,  # a sum over all items, which may have been taken in single precision
    ),
    Metric(
        "shifted_f1", "shifted F1", _structural("shifted_f1"),
        "F1 where one end of a pair may be off by one base", bounds=_SHARE,
        undefined=_NO_POSITIVE, needs="decisions",
    ),
    Metric(
        "pooled_f1", "pooled F1", _structural("pooled_f1"),
        "F1 of the pairs of all sequences together: long ones count more", bounds=_SHARE,
        undefined=_NO_POSITIVE, needs="decisions",
    ),
    Metric(
        "auroc", "AUROC", _ranked("auroc", *_ONE), bounds=_SHARE, undefined=_ONE_CLASS,
        compare_two={"multiclass": scored("classes:auroc")}, needs="order",
    ),
    Metric(
        "within_group_auroc", "AUROC within groups", {"binary": scored("groups:auroc")},
        "how often a positive ranks above a negative of the same group, such as the targets of one "
        "miRNA; groups of one label are left out",
        bounds=_SHARE, undefined="no group has both labels", within_groups=True, needs="order",
    ),
    Metric(
        "auprc", "AUPRC", _ranked("auprc", *_ONE), "average precision", bounds=_SHARE,
        undefined=_ONE_CLASS, needs="order",
    ),
    Metric(
        "brier", "Brier score", {name: scored("decisions:brier") for name in _ODDS},
        "mean squared error of probabilities: lower is better", higher_is_better=False,
        bounds=_SHARE, needs="probabilities",
    ),
    Metric(
        "ece", "ECE",
        {"multiclass": scored("classes:calibration"),
         **{name: scored("decisions:calibration") for name in _ODDS}},
        "expected calibration error: lower is better", higher_is_better=False, bounds=_SHARE,
        needs="probabilities",
        tolerance=2e-3,  # the last bits of a probability move it over the edge of a bin
    ),
    Metric(
        "spearman", "Spearman", _measured("spearman"), bounds=_CORRELATION, undefined=_CONSTANT,
        needs="order",
    ),
    Metric(
        "pearson", "Pearson", _measured("pearson"), bounds=_CORRELATION, undefined=_CONSTANT,
        needs="order",
    ),
    Metric(
        "r2", "R²", _measured("r2", of_bases=False), bounds=(-math.inf, 1.0),
        undefined="the truth is constant", needs="values",
    ),
    Metric(
        "rmse", "RMSE", _measured("rmse"),
        "root mean squared error: lower is better", higher_is_better=False, bounds=_ERROR,
        needs="values",
    ),
    Metric(
        "mcrmse", "MCRMSE", _measured("mcrmse"),
        "root mean squared error, the mean over columns: lower is better", higher_is_better=False,
        bounds=_ERROR,
        needs="values",
    ),
    Metric(
        "mae", "MAE", _measured("mae"),
        "mean absolute error: lower is better", higher_is_better=False, bounds=_ERROR,
        needs="values",
    ),
    Metric(
        "top_auroc", "AUROC of the top tenth", {"regression": scored("tops:auroc")},
        "how often an item of the highest tenth of values ranks above one that is not",
        bounds=_SHARE, undefined=_CONSTANT, on_request=True, needs="order",
    ),
    Metric(
        "ndcg", "NDCG of the top tenth", {"regression": scored("tops:ndcg")},
        "discounted gain of the tenth that is ranked first, over that of the best ranking",
        bounds=_SHARE, undefined=_CONSTANT, on_request=True, needs="order",
    ),
)  # fmt: skip
"""In the order of records and tables."""

METRICS: Registry[Metric] = Registry(
    "metric",
    {metric.name: metric for metric in BUILT_IN},
    group="rnaernie_bench.metrics",
    types=(Metric,),
)
"""Metrics by name. Those of other packages are computed for tasks that declare them."""


def has(answer: str, metric: str) -> bool:
    """Return whether the records of an answer can have a metric, both by name."""
    return metric in METRICS and answer in METRICS.get(metric).scorers


def metrics_of(answer: str, declared: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the metrics of an answer's records: all built-in ones, and those that a task declares.

    Metrics within groups, and those on request, are among the latter.

    Args:
        answer: its name.
        declared: names; those of other answers are left out.
    """
    asked = (m for m in BUILT_IN if not (m.within_groups or m.on_request))
    built_in = [m.name for m in asked if answer in m.scorers]
    return tuple(dict.fromkeys([*built_in, *(name for name in declared if has(answer, name))]))


def comparable(answer: str, columns: int) -> tuple[str, ...]:
    """Return the built-in metrics that runs can be compared by.

    Args:
        answer: name of what they answer.
        columns: classes or labels.
    """
    two = [metric.name for metric in BUILT_IN if columns == 2 and answer in metric.compare_two]
    return (*metrics_of(answer), *two)
