"""What does not define a metric: each metric of each answer on its degenerate cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.measuring import WORST, Measures, figure, goodness, to_choose_by
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.metrics.targets import Targets
from tests.answer_kit import NAMES, arrays, counts

NAN = float("nan")
NO, YES = -3.0, 3.0


def values(name: str, truth: Any, scores: Any, sizes: list[int] | None = None) -> dict[str, Any]:
    """Return the record's metrics of predictions, given the truth of units and their scores."""
    answer = ANSWERS[name]
    table = np.array(truth, dtype=np.float32)
    lengths = np.array(sizes or [1] * len(table))
    targets = Targets.of(answer.problem, table.reshape(len(table), -1), lengths)
    given = np.array(scores, dtype=np.float32)
    arrays = answer.arrays(targets, given.reshape(len(table), -1), answer.untuned())
    asked = {"binary": ("within_group_auroc",), "regression": ("top_auroc", "ndcg")}
    metrics = answer.metrics + asked.get(name, ())
    return Measures(answer, metrics).figures(*arrays, ["a"] * len(lengths))


def log(*classes: int, of: int = 3) -> Any:
    """Return log-probabilities that are all but certain of some classes."""
    return np.log(np.eye(of) * 0.97 + 0.01)[list(classes)]


ALL_NEGATIVE = values("binary", [0, 0, 0], [NO, YES, NO])
NONE_PREDICTED = values("binary", [0, 1, 1], [NO, NO, NO])
# Two labels: the second has no positive in one case, and is unknown in the other.
WITHOUT = values("multilabel", [[0, 0], [1, 0], [1, 0]], [[NO, NO], [YES, YES], [NO, NO]])
UNKNOWN = values("multilabel", [[0, NAN], [1, NAN], [1, NAN]], [[NO, NO], [YES, YES], [NO, NO]])
CONSTANT = values("regression", [[1.0, 2.0], [2.0, 2.0], [4.0, 2.0]], [[1.0, 1], [2.0, 3], [4, 2]])
GUESSED = values("regression", [1.0, 2.0, 4.0], [0.1, 0.1, 0.1])
ALL_EQUAL = values("regression", [2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
HALF_KNOWN = values("regression", [[1.0, NAN], [2.0, NAN]], [[2.0, 1], [4.0, 1]])
ONE_CLASS = values("multiclass", [1, 1, 1], log(1, 1, 0))
ONE_ANSWER = values("multiclass", [0, 1, 1], log(1, 1, 1))
BASES = values("token_binary", [0, 1, 0, 0], [NO, YES, NO, YES], sizes=[2, 2])
NO_BASE = values("token_binary", [0, 0, 0, 0], [NO, NO, NO, NO], sizes=[2, 2])
LEVELS = values("token_regression", [1, 2, 5, 5], [1, 3, 2, 4], sizes=[2, 2])
FLAT = values("token_regression", [1, 2, 5, 5], [1, 1, 1, 1], sizes=[2, 2])
BASE_LABELS = values(
    "token_multilabel", [[0, 0], [1, 0], [1, 0], [0, 0]],
    [[NO, NO], [YES, NO], [NO, YES], [NO, NO]], sizes=[2, 2],
)  # fmt: skip
BASE_CLASSES = values("token_multiclass", [1, 1, 1, 1], log(1, 1, 0, 0), sizes=[2, 2])


def of_structures(*rows: tuple[int, int, int]) -> dict[str, Any]:
    """Return the record's metrics of structures: predicted, reference and right pairs."""
    answer, found = ANSWERS["structure"], counts(*rows)
    return Measures(answer, answer.metrics).figures(found["reference"], found)


EMPTY = of_structures((0, 0, 0), (0, 0, 0))
PARTLY = of_structures((4, 4, 4), (0, 4, 0), (0, 0, 0))

CASES = [
    ("all negative", ALL_NEGATIVE, {
        "accuracy": 2 / 3, "precision": None, "recall": None, "f1": None, "mcc": None,
        "auroc": None, "auprc": None, "within_group_auroc": None,
    }),
    ("none predicted", NONE_PREDICTED, {
        "accuracy": 1 / 3, "precision": None, "recall": 0, "f1": 0, "mcc": None, "auroc": 0.5,
        "auprc": 2 / 3, "within_group_auroc": 0.5,
    }),
    ("a label without positives", WITHOUT, {
        "macro_f1": 2 / 3, "macro_mcc": 0.5, "macro_auroc": 0.75, "macro_auprc": 5 / 6,
    }),
    ("an unknown label", UNKNOWN, {
        "macro_f1": 2 / 3, "macro_mcc": 0.5, "macro_auroc": 0.75, "macro_auprc": 5 / 6,
    }),
    ("a constant column", CONSTANT, {
        "pearson": 1, "spearman": 1, "r2": 1, "mcrmse": (2 / 3) ** 0.5 / 2, "mae": 1 / 3,
        "rmse": (1 / 3) ** 0.5, "top_auroc": 1, "ndcg": 1,
    }),
    ("a constant prediction", GUESSED, {
        "pearson": None, "spearman": None, "mae": 6.7 / 3, "r2": 1 - 19.63 / (14 / 3),
        "top_auroc": 0.5, "ndcg": 4 / 9,  # gains of 0, 1/3 and 1 share the first rank
    }),
    ("equal values", ALL_EQUAL, {
        "pearson": None, "spearman": None, "r2": None, "top_auroc": None, "ndcg": None,
        "mae": 2 / 3,
    }),
    ("an unknown column", HALF_KNOWN, {
        "pearson": 1, "spearman": 1, "mcrmse": 2.5**0.5, "rmse": 2.5**0.5, "mae": 1.5, "r2": -9,
    }),
    ("one class", ONE_CLASS, {
        "accuracy": 2 / 3, "macro_recall": 2 / 3, "macro_precision": 1, "macro_f1": 0.8,
        "mcc": None, "ece": abs(2 - 3 * 0.97 / 1) / 3,
    }),
    ("one answer", ONE_ANSWER, {
        "accuracy": 2 / 3, "macro_recall": 1 / 2, "macro_precision": 1 / 3, "macro_f1": 0.4,
        "mcc": None,
    }),
    ("bases of one class in an item", BASES, {
        "auroc": 1, "auprc": 1, "recall": 1, "precision": 0.5, "f1": 2 / 3, "accuracy": 0.75,
    }),
    ("no positive base", NO_BASE, {
        "auroc": None, "auprc": None, "recall": None, "precision": None, "f1": None, "mcc": None,
        "accuracy": 1,
    }),
    ("an item of equal bases", LEVELS, {
        "pearson": 1, "spearman": 1, "mae": 1.25, "rmse": 2.75**0.5, "mcrmse": 2.75**0.5,
    }),
    ("equal predictions of bases", FLAT, {"pearson": None, "spearman": None, "mae": 2.25}),
    ("a label without positive bases", BASE_LABELS, {
        "macro_f1": 2 / 3, "macro_mcc": 3**-0.5, "macro_auroc": 0.75, "macro_auprc": 0.75,
    }),
    ("bases of one class", BASE_CLASSES, {
        "accuracy": 0.5, "macro_recall": 0.5, "macro_precision": 1, "macro_f1": 2 / 3, "mcc": None,
    }),
    ("no pairs", EMPTY, dict.fromkeys(ANSWERS["structure"].metrics)),
    ("some without pairs", PARTLY, {
        "f1": 0.5, "precision": 0.5, "recall": 0.5, "shifted_f1": 0.5, "mcc": 0.5,
        "pooled_f1": 2 / 3,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_undefined_is_told_and_never_a_number(
    found: dict[str, Any], expected: dict[str, float | None]
) -> None:
    for metric, value in expected.items():
        entry = found[metric]
        if value is None:
            assert entry["value"] is entry["low"] is entry["high"] is None, metric
            assert entry["undefined"] == METRICS.get(metric).undefined, metric
        else:
            assert entry["value"] == pytest.approx(value, abs=2e-2 if metric == "ece" else 1e-3)
            assert "undefined" not in entry, metric


def test_every_metric_has_a_case() -> None:
    defined_always = {"accuracy", "brier", "ece", "mae", "rmse", "mcrmse"}
    tried = {metric for _, _, expected in CASES for metric in expected}
    assert tried | defined_always >= set(METRICS)


@pytest.mark.parametrize(
    ("found", "metric", "parts"),
    [
        (WITHOUT, "macro_auroc", (1, 1)), (WITHOUT, "macro_f1", (1, 1)),
        (UNKNOWN, "macro_auroc", (1, 1)), (CONSTANT, "spearman", (1, 1)),
        (HALF_KNOWN, "mcrmse", (1, 1)), (ONE_CLASS, "macro_f1", (1, 2)),
        (BASES, "auroc", (1, 1)), (LEVELS, "pearson", (1, 1)), (PARTLY, "f1", (2, 1)),
        (EMPTY, "f1", (0, 2)), (ALL_NEGATIVE, "within_group_auroc", (0, 1)),
        (NONE_PREDICTED, "within_group_auroc", (1, 0)), (ALL_NEGATIVE, "auroc", None),
        (GUESSED, "mae", None), (CONSTANT, "mcrmse", None),
    ],
)  # fmt: skip
def test_means_tell_how_many_parts_they_leave_out(
    found: dict[str, Any], metric: str, parts: tuple[int, int] | None
) -> None:
    entry = found[metric]
    assert (parts is None) == ("left_out" not in entry)
    assert parts is None or (entry["n"], entry["left_out"]) == parts


def test_auroc_within_groups_by_hand() -> None:
    """Group a: 1 of 2 pairs in order; b: both of 2; c has one label; weighted by pairs, 3 / 4."""
    answer = ANSWERS["binary"]
    truth = np.array([[1.0], [0], [0], [1], [1], [0], [1]])
    odds = np.array([[0.0], [-1], [1], [5], [6], [4], [9]], np.float32)
    targets = Targets.of("binary", truth.astype(np.float32), np.ones(7, int))
    arrays = answer.arrays(targets, odds, answer.untuned())
    found = Measures(answer, ("within_group_auroc",)).figures(*arrays, list("aaabbbc"))
    entry = found["within_group_auroc"]
    assert entry["value"] == pytest.approx(0.75)
    assert (entry["n"], entry["left_out"], entry["n_items"]) == (2, 1, 6)
    # Without a all is in order: an interval of three groups, of which one says nothing.
    assert entry["low"] < 0.75 < entry["high"]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_known_without_one_item_has_no_interval(name: str) -> None:
    answer, truth, predicted = arrays(name)
    for metric in answer.metrics:
        entry = figure(metric, answer.scorer(metric, truth[:1], [predicted[:1]]))
        assert entry["low"] is None and entry["high"] is None, metric


def test_what_is_undefined_is_never_chosen() -> None:
    assert goodness("auroc", 0.01) > goodness("auroc", NAN)
    assert goodness("mcrmse", 1e9) > goodness("mcrmse", NAN)
    assert goodness("mcrmse", 0.1) > goodness("mcrmse", 0.2)
    figures = {"auroc": NAN, "f1": NAN, "loss": 0.5}
    assert to_choose_by(figures, "auroc") == {"auroc": -WORST, "loss": 0.5}
    assert to_choose_by({"mae": NAN}, "mae") == {"mae": WORST}


def test_validation_that_cannot_define_a_metric_is_known_beforehand() -> None:
    measures = Measures(ANSWERS["binary"], ("auroc", "accuracy"))
    targets = Targets.of("binary", np.zeros((3, 1), np.float32), np.ones(3, int), groups=["a"] * 3)
    assert measures.undefined_by("auroc", targets) == "one of the two classes does not occur"
    assert measures.undefined_by("accuracy", targets) is None
    for name in ("binary", "multilabel", "token_binary", "token_multilabel", "multiclass"):
        answer = ANSWERS[name]
        table = np.array([[0], [1], [0], [1]] if name != "multiclass" else [[0], [1], [2], [1]])
        fine = Targets.of(answer.problem, table.astype(np.float32), np.array([2, 2]))
        if not name.startswith("token"):
            fine = Targets.of(answer.problem, table.astype(np.float32), np.ones(4, int))
        for metric in answer.metrics:
            assert Measures(answer, (metric,)).undefined_by(metric, fine) is None, (name, metric)
    quantities = Measures(ANSWERS["regression"], ("spearman",))
    known = Targets.of("regression", np.array([[1.0], [2.0]], np.float32), np.ones(2, int))
    assert quantities.undefined_by("spearman", known) is None
    equal = Targets.of("regression", np.array([[1.0], [1.0]], np.float32), np.ones(2, int))
    assert quantities.undefined_by("spearman", equal) is not None
