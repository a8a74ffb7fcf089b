from __future__ import annotations

import json
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.learning.feature_cache import StateTable
from rnaernie_bench.learning.pair_fit import FittedPairs, states_of
from rnaernie_bench.learning.pair_inputs import JointTokens, PairExamples
from rnaernie_bench.learning.pair_network import load_pair_model, save_pair_model
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import Targets
from tests.pair_kit import PAIRS, tiny_pairs


@pytest.mark.parametrize("problem", ["binary", "regression"])
@pytest.mark.parametrize("head", ["interaction", "segments", "conv_lstm"])
@pytest.mark.parametrize("encoding", ["towers", "joint"])
def test_a_saved_model_scores_as_before(
    tmp_path: Path, head: str, encoding: str, problem: Problem
) -> None:
    width = 1 if problem == "binary" else 2
    fitted = tiny_pairs(head, encoding, num_labels=width, problem=problem)  # type: ignore[arg-type]
    logits = fitted.logits(PAIRS)
    assert (logits.shape, logits.dtype) == ((3, width), np.float32)
    save_pair_model(fitted.model, fitted.reader.tokenizer, tmp_path, head=head, published=False)
    model, tokenizer = load_pair_model(tmp_path)
    again = FittedPairs(model, fitted.reader, lambda folder: None)
    np.testing.assert_allclose(again.logits(PAIRS), logits, rtol=1e-5, atol=1e-6)
    assert len(tokenizer) == len(fitted.reader.tokenizer)
    assert model.head.config.problem_type == problem


def test_models_from_before_there_were_other_problems_load(tmp_path: Path) -> None:
    fitted = tiny_pairs("segments")
    tokenizer = fitted.reader.tokenizer
    save_pair_model(fitted.model, tokenizer, tmp_path, head="segments", published=False)
    declared = json.loads((tmp_path / "head.json").read_text())
    assert (declared.pop("problem"), declared.pop("outputs")) == ("binary", 1)
    (tmp_path / "head.json").write_text(json.dumps(declared))
    model, _ = load_pair_model(tmp_path)
    assert (model.head.config.problem_type, model.head.config.num_labels) == ("binary", 1)


@pytest.mark.parametrize(
    ("problem", "values", "expected"),
    [
        ("multiclass", [1, 0, -100], lambda z: (z.logsumexp(1)[:2] - z[[0, 1], [1, 0]]).mean()),
        ("regression", [[1, nan], [nan, nan], [0, 3]],
         lambda z: ((z[0, 0] - 1) ** 2 + z[2, 0] ** 2 + (z[2, 1] - 3) ** 2) / 3),
        ("multilabel", [[1, nan], [nan, nan], [0, nan]],
         lambda z: (softplus(-z[0, 0]) + softplus(z[2, 0])) / 2),
    ],
)  # fmt: skip
def test_what_is_unknown_counts_nothing(
    problem: Problem, values: list[Any], expected: Callable[[Tensor], Tensor]
) -> None:
    fitted = tiny_pairs("segments", num_labels=2, problem=problem)
    whole = np.array(values, dtype=np.int64 if problem == "multiclass" else np.float32)
    targets = Targets(problem, whole, np.ones(3, dtype=np.int64))
    examples = PairExamples(fitted.reader.inputs(PAIRS, "towers"), targets)
    amounts = examples.amounts
    assert amounts is None if problem == "multiclass" else amounts is not None and amounts[1] == 0
    with torch.inference_mode():
        found = fitted.model(**examples.batch([0, 1, 2], 0))
    torch.testing.assert_close(found["loss"], expected(found["logits"]))


def test_classes_count_as_they_are_weighed() -> None:
    fitted = tiny_pairs("segments", num_labels=3, problem="multiclass")
    targets = Targets("multiclass", np.array([0, 2, 2]), np.ones(3, dtype=np.int64))
    examples = PairExamples(fitted.reader.inputs(PAIRS, "towers"), targets)
    fitted.model.class_weights = torch.tensor([4.0, 1.0, 1.0])
    with torch.inference_mode():
        found = fitted.model(**examples.batch([0, 1, 2], 0))
    logits = found["logits"]
    each = logits.logsumexp(1) - logits[[0, 1, 2], [0, 2, 2]]
    torch.testing.assert_close(found["loss"], (4 * each[0] + each[1] + each[2]) / 6)


def test_a_score_does_not_depend_on_the_other_pairs() -> None:
    for encoding in ("towers", "joint"):
        fitted = tiny_pairs(encoding=encoding)  # type: ignore[arg-type]
        alone = np.concatenate([fitted.logits([pair]) for pair in PAIRS])
        np.testing.assert_allclose(fitted.logits(PAIRS), alone, rtol=1e-4, atol=1e-5)


def test_states_from_a_table_give_the_same_scores_and_nothing_is_encoded() -> None:
    fitted = tiny_pairs()
    expected = fitted.logits(PAIRS)
    sequences = sorted({sequence for pair in PAIRS for sequence in pair})
    states = dict(states_of(fitted.model, fitted.reader, sequences))
    rows = np.concatenate([states[i] for i in range(len(sequences))])
    starts = np.cumsum([0, *map(len, sequences)])[:-1].tolist()
    table = StateTable(rows, dict(zip(sequences, starts, strict=True)), 0.0, True)
    known = FittedPairs(fitted.model, fitted.reader, lambda folder: None, table)
    fitted.model.states = None  # type: ignore[assignment, method-assign]
    np.testing.assert_allclose(known.logits(PAIRS), expected, rtol=1e-5, atol=1e-6)


def test_training_and_scoring_are_one_function() -> None:
    for encoding in ("towers", "joint"):
        fitted = tiny_pairs(encoding=encoding)  # type: ignore[arg-type]
        labels = np.array([[1], [0], [1]], dtype=np.float32)
        targets = Targets("binary", labels, np.ones(3, dtype=np.int64))
        examples = PairExamples(fitted.reader.inputs(PAIRS, encoding), targets)
        with torch.inference_mode():
            found = fitted.model(**examples.batch([2, 0, 1], 0))
        np.testing.assert_allclose(
            found["logits"].numpy(), fitted.logits(PAIRS)[[2, 0, 1]], rtol=1e-4, atol=1e-5
        )
        truth = torch.tensor([[1.0], [1.0], [0.0]])
        expected = torch.nn.functional.binary_cross_entropy_with_logits(found["logits"], truth)
        torch.testing.assert_close(found["loss"], expected)


def test_a_batch_of_towers_holds_each_sequence_once() -> None:
    batch = tiny_pairs().reader.inputs(PAIRS, "towers").gather([0, 1, 2])
    assert [len(batch[partner]["input_ids"]) for partner in ("first", "second")] == [2, 2]
    assert batch["first"]["index"].tolist() == [0, 1, 0]
    assert batch["second"]["index"].tolist() == [0, 0, 1]


def test_joint_inputs_have_a_mark_between_the_partners() -> None:
    reader = tiny_pairs().reader
    batch = JointTokens([("AC", "GUU")], reader.tokenizer, 40).gather([0])
    assert batch["input_ids"].tolist() == [[1, 6, 7, 2, 8, 9, 9, 2]]
    assert batch["letters"].tolist() == [[0, 1, 2, 0, 3, 4, 4, 0]]


def test_what_does_not_fit_is_refused() -> None:
    pairs = [("A" * 10, "C" * 20), ("A" * 20, "C" * 20)]
    tiny_pairs(max_bases=20).logits(pairs)
    with pytest.raises(DataError, match="pair 2: both sequences have 40 bases, 39 fit"):
        tiny_pairs(encoding="joint", max_bases=40).logits(pairs)
    with pytest.raises(DataError, match="pair 1: a sequence has 20 bases, 19 fit"):
        tiny_pairs(max_bases=19).logits(pairs)
