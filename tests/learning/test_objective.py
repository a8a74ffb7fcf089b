"""What items teach at each level: weights reach the loss, scores are judged in the data's units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import ContactItem, ContactValuesItem, PairItem, TokenItem
from rnaernie_bench.data.items import SequenceItem as Sequence
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.fit import objective_of
from rnaernie_bench.learning.inputs import ContactInputs, SequenceInputs, TokenInputs
from rnaernie_bench.learning.objective import objective
from rnaernie_bench.learning.pair_inputs import PairInputs
from rnaernie_bench.learning.structures import contact_loss, contact_targets, negatives_per_pair
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.measuring import Measures
from tests.network_kit import HEAD_NAMES, tiny_network

NONE = np.empty((0, 2), dtype=np.int64)
PLACES = np.array([[0, 1]])
F = np.float32


def context(level: str, problem: str, items: Any, labels: Any, **options: Any) -> Any:
    """Return what a fit is given, as far as objectives read it."""
    answer = ANSWERS[LEVELS.get(level).answers[problem]]  # type: ignore[index]
    metric = answer.metrics[0] if problem != "regression" else "mae"
    usual = {"class_weights": "none", "error_weights": "none", "positive_weight": None,
             "focal_gamma": 0.0}  # fmt: skip
    return SimpleNamespace(
        task=SimpleNamespace(
            problem=problem,
            level=level,
            labels=labels,
            answer=answer,
            measures=Measures(answer, answer.metrics),
            main_metric=SimpleNamespace(name=metric),
        ),
        config=SimpleNamespace(task=SimpleNamespace(**{**usual, **options})),
        train=items,
        validation=items,
        dataset=SimpleNamespace(name="made"),
    )


MULTICLASS = {
    "sequence": (SequenceInputs, [Sequence("a", "AC", 0), Sequence("b", "G", 2),
                                  Sequence("c", "U", 2)]),
    "token": (TokenInputs, [TokenItem("a", "ACG", np.array([[0], [2], [2]], F))]),
    "contact": (ContactInputs, [ContactValuesItem("a", "ACG", PLACES, np.array([[0]], F), 2)]),
    "pair": (PairInputs, [PairItem("1", "AC", "G", 0), PairItem("2", "AC", "U", 2),
                          PairItem("3", "U", "U", 2)]),
}  # fmt: skip
"""Level -> inputs and items of three units, of the classes 0, 2 and 2 of three."""


@pytest.mark.parametrize("level", MULTICLASS)
def test_balanced_classes_count_alike_in_the_loss(level: str) -> None:
    kind, items = MULTICLASS[level]
    rows = torch.tensor([[2.0, 0, 1], [0, 1, 0], [1, 0, 3]])
    batch = {"labels": torch.tensor([0, 2, 2]), "mask": torch.ones(1, 3, dtype=torch.bool)}
    logits = rows
    if level == "contact":  # the pairs 01, 02 and 12
        logits = torch.zeros(1, 3, 3, 3)
        logits[0, :, [0, 0, 1], [1, 2, 2]] = rows.T
    each = functional.cross_entropy(rows, batch["labels"], reduction="none")
    plain = objective(context(level, "multiclass", items, "abc"), kind)
    balanced = objective(context(level, "multiclass", items, "abc", class_weights="balanced"), kind)
    torch.testing.assert_close(plain.loss(logits, batch), each.mean())
    # weights 3 / (3 * 1) and 3 / (3 * 2): the one of the first class counts as the two others
    expected = (each[0] + each[1] / 2 + each[2] / 2) / 2
    torch.testing.assert_close(balanced.loss(logits, batch), expected)


def test_balanced_columns_have_as_many_negatives_as_positives() -> None:
    items = [TokenItem("a", "ACGU", np.array([[1, 0], [0, 0], [0, 1], [0, np.nan]], F))]
    learned = objective(context("token", "multilabel", items, "xy", class_weights="balanced"))
    truth = learned.train.truth.batch([0])
    logits = torch.tensor([[1.0, -1], [2, 0], [0, 1], [-1, 0]])
    terms = functional.softplus(logits) - truth["labels"].nan_to_num() * logits
    weights = torch.tensor([[3.0, 1], [1, 1], [1, 2], [1, 0]])
    torch.testing.assert_close(learned.loss(logits, truth), (terms * weights).sum() / 7)


ERRORS = np.array([[1.0], [3.0]], F)


def with_errors(**options: Any) -> Any:
    items = (TokenItem("i", "AC", np.array([[1.0], [3.0]], F), errors=ERRORS),)
    return context("token", "regression", items, ("x",), **options)


def test_errors_weigh_values_only_where_they_are_to() -> None:
    plain, weighted = (
        objective(with_errors(**some)) for some in ({}, {"error_weights": "inverse"})
    )
    assert plain.train.truth.weights is None
    weights = weighted.train.truth.weights
    assert weights[:, 0].tolist() == pytest.approx([8 / 5, 8 / 13])
    assert weighted.train.truth.loss_weights.tolist() == pytest.approx([8 / 5 + 8 / 13])
    batch, scores = weighted.train.truth.batch([0]), torch.tensor([[0.0], [0.0]])
    assert float(plain.loss(scores, plain.train.truth.batch([0]))) == pytest.approx(1)
    scores = torch.tensor([[-1.0], [2.0]])  # right, and off by one deviation
    expected = 8 / 13 / (8 / 5 + 8 / 13)
    assert float(weighted.loss(scores, batch)) == pytest.approx(expected)


def test_scores_are_judged_in_the_units_of_the_data() -> None:
    learned = objective(with_errors())
    assert learned.train.truth.targets.values[:, 0].tolist() == [-1, 1]
    assert learned.score(np.array([[-1.0], [1.0]], F))["rmse"] == 0
    off = learned.score(np.array([[0.0], [0.0]], F))
    assert off["rmse"] == pytest.approx(1)


STRUCTURES = (
    ContactItem("a", "GGAAAACC", np.array([[0, 7], [1, 6]])),
    ContactItem("b", "GAAAAC", NONE),
    ContactItem("c", "G" + "A" * 20 + "C", np.array([[0, 21]])),
)


def structures(**options: Any) -> Any:
    found = context("contact", "binary", STRUCTURES, (), **options)
    return objective_of(found, tiny_network("bilinear", policy="unpaired", max_bases=8).reader,
                        ContactInputs)  # fmt: skip


def test_the_weight_of_base_pairs_and_the_focus_reach_the_loss() -> None:
    batch = {"mask": torch.ones(1, 8, dtype=torch.bool),
             "labels": contact_targets([STRUCTURES[0].pairs], [8])}  # fmt: skip
    logits = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0))
    logits = logits + logits.mT
    found = {}
    for name, options in {
        "plain": {}, "weighed": {"positive_weight": 3.0}, "focal": {"focal_gamma": 2.0},
        "balanced": {"class_weights": "balanced"},
    }.items():  # fmt: skip
        found[name] = float(structures(**options).loss(logits, batch))
    loss = {"logits": logits, "targets": batch["labels"], "mask": batch["mask"]}
    assert found["plain"] == pytest.approx(float(contact_loss(**loss)))
    assert found["weighed"] == pytest.approx(float(contact_loss(**loss, positive_weight=3)))
    assert found["focal"] == pytest.approx(float(contact_loss(**loss, focal_gamma=2)))
    # G0 and G1 can pair with C6 and C7, G0 of the second with C5; two are base pairs
    assert negatives_per_pair(STRUCTURES[:2]) == 3 / 2
    assert found["balanced"] == pytest.approx(float(contact_loss(**loss, positive_weight=1.5)))
    assert len(set(found.values())) == 4


def test_structures_that_are_left_out_teach_nothing() -> None:
    learned = structures()
    assert [item.id for item in learned.train.items] == ["a", "b"]
    assert learned.train.truth.loss_weights is None


def test_structures_are_refused_without_a_pair_or_with_two_weights() -> None:
    with pytest.raises(ConfigError, match="weighed by how rare they are already"):
        structures(class_weights="balanced", positive_weight=2.0)
    found = context("contact", "binary", STRUCTURES[1:2], ())
    with pytest.raises(DataError, match="no sequence of the train part has a base pair"):
        objective_of(found, tiny_network("bilinear").reader, ContactInputs)


@pytest.mark.parametrize("budget", [14, 1000])
@pytest.mark.parametrize("level", HEAD_NAMES)
def test_validation_does_not_depend_on_batches(level: str, budget: int, tmp_path: Path) -> None:
    head = HEAD_NAMES[level][0]
    if level == "contact":
        fitted, found = tiny_network(head, max_bases=40), None
        found = context(level, "binary", STRUCTURES, ())
    else:
        fitted = tiny_network(head, "multiclass")
        found = context(level, "multiclass", MULTICLASS[level][1], "abc")
    learned = objective_of(found, fitted.reader, fitted.model.kind)
    part = learned.validation
    inputs = fitted.model.kind.read([item.input for item in part.items], fitted.reader)
    examples = Examples(inputs, part.truth)
    fitted.model.loss = learned.loss
    values = learned.validate(
        examples, lambda batch: fitted.model(**batch)["logits"], token_budget=budget,
        device=torch.device("cpu"),
    )  # fmt: skip
    with torch.inference_mode():
        each = [float(fitted.model(**examples.batch([i]))["loss"]) for i in range(len(examples))]
    assert values["loss"] == pytest.approx(np.mean(each), abs=1e-5)
    assert values.keys() > {"loss", "f1" if level == "contact" else "macro_f1"}


@pytest.mark.parametrize("level", ["sequence", "pair"])
def test_unknown_values_count_nothing_at_any_level(level: str) -> None:
    nan = float("nan")
    labels = [(1.0, nan), (nan, nan), (0.0, 3.0)]
    items: list[Any] = [PairItem(str(i), "AC", "G", label) for i, label in enumerate(labels)]
    if level == "sequence":
        items = [Sequence(str(i), "AC", label) for i, label in enumerate(labels)]
    learned = objective(context(level, "regression", items, "xy"))
    learned = replace(learned, scaling=None)
    batch = {"labels": torch.tensor(labels)}
    scores = torch.arange(6.0).reshape(3, 2)
    assert float(learned.loss(scores, batch)) == pytest.approx((1 + 16 + 4) / 3)
    assert learned.train.truth.loss_weights.tolist() == [1, 0, 2]


def test_validation_that_does_not_define_what_chooses_is_refused() -> None:
    items = [Sequence("a", "AC", (1.0,)), Sequence("b", "AG", (1.0,))]
    found = context("sequence", "regression", items, "x")
    found.task.main_metric.name = "spearman"
    with pytest.raises(DataError, match=r"data set made: spearman is undefined on the validation"):
        objective(found)
