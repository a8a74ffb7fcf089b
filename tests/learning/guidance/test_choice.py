from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.backbones.vocabulary import RNA_TYPES, typed_tokenizer
from rnaernie_bench.learning.guidance.choice import Choice, as_tails, most_probable, random_types


def test_the_most_probable_types_by_hand() -> None:
    logits = np.log([[0.1, 0.5, 0.1, 0.3], [0.7, 0.1, 0.1, 0.1]])
    choice = most_probable(logits, 2, floor=0.0)
    assert choice.types.tolist() == [[1, 3], [0, 1]]  # of equals the first
    assert choice.weights == pytest.approx(np.array([[5 / 8, 3 / 8], [7 / 8, 1 / 8]]))
    assert choice.skipped == 0


def test_one_type_has_all_the_weight() -> None:
    assert most_probable(np.array([[0.0, 9.0, 3.0]]), 1, 0.5).weights.tolist() == [[1.0]]


def test_negligible_copies_are_skipped_and_the_rest_renormalised() -> None:
    choice = most_probable(np.log([[0.6, 0.3, 0.1]]), 3, floor=0.2)
    assert choice.weights == pytest.approx(np.array([[2 / 3, 1 / 3, 0.0]]))
    assert choice.skipped == 1
    tokenizer = typed_tokenizer()
    (tails,) = as_tails(choice, tokenizer)
    assert [tokenizer.convert_ids_to_tokens(tail.ids) for tail in tails] == [
        ["[IND]", f"[{RNA_TYPES[0]}]"],
        ["[IND]", f"[{RNA_TYPES[1]}]"],
    ]
    assert [tail.weight for tail in tails] == pytest.approx([2 / 3, 1 / 3])


def test_extreme_logits_stay_finite() -> None:
    choice = most_probable(np.array([[-2e4, 1e4, 0.0]]), 3, 0.01)
    assert choice.weights.tolist() == [[1.0, 0.0, 0.0]]


def test_random_types_depend_on_the_sequence_alone() -> None:
    sequences = ["ACGU", "GGCC", "AAAA"]
    five = random_types(sequences, 5)
    assert np.array_equal(random_types(sequences[::-1], 5).types[::-1], five.types)
    assert np.array_equal(random_types(sequences, 2).types, five.types[:, :2])
    assert all(len(set(row)) == 5 for row in five.types.tolist())
    assert len({tuple(row) for row in five.types.tolist()}) == 3
    assert five.weights == pytest.approx(np.full((3, 5), 0.2))
    assert five.types[0].tolist() == FIRST_OF_ACGU


FIRST_OF_ACGU = [2, 3, 5, 8, 10]
"""Drawn once; another draw would leave cached features behind and change numbers."""


def test_random_types_are_spread_over_all() -> None:
    first = random_types([f"{i:b}" for i in range(2800)], 1).types
    counts = np.bincount(first[:, 0], minlength=len(RNA_TYPES))
    assert counts.min() > 60 and counts.max() < 145  # 100 expected, deviation 10


def test_no_sequences() -> None:
    assert random_types([], 3).types.shape == (0, 3)
    assert as_tails(Choice(np.empty((0, 3), int), np.empty((0, 3))), typed_tokenizer()) == []
