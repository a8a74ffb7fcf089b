"""Targets: what is known, how quantities are scaled, and what counts how much."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.data.items import ContactValuesItem, PairItem, SequenceItem, TokenItem
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.metrics.targets import (
    UNLABELLED,
    class_weights,
    error_floor,
    scaling_of,
    weights_of,
)

NAN = float("nan")


def bases(*rows, errors=None):
    table = np.array(rows, dtype=np.float32)
    told = None if errors is None else np.array(errors, dtype=np.float32)
    return TokenItem("i", "A" * len(rows), table, errors=told)


def listed(unlisted):
    labels = np.array([[1, NAN]], dtype=np.float32)
    return ContactValuesItem("i", "ACG", np.array([[0, 2]], dtype=np.int32), labels, unlisted)


def test_units_of_bases_follow_each_other():
    targets = targets_of([bases([1], [NAN]), bases([0], [1], [1])], "binary")
    assert targets.sizes.tolist() == [2, 3]
    assert targets.units([1, 0]).tolist() == [2, 3, 4, 0, 1]
    assert targets.labelled[:, 0].tolist() == [True, False, True, True, True]


def test_a_class_that_is_unknown_is_the_one_that_losses_leave_out():
    targets = targets_of([bases([2], [NAN])], "multiclass")
    assert targets.values.tolist() == [2, UNLABELLED]


def test_scaled_quantities_have_mean_0_and_deviation_1_where_known():
    items = [SequenceItem(str(i), "A", (float(i), NAN if i else 7.0)) for i in range(4)]
    targets = targets_of(items, "regression")
    scaling = scaling_of(targets)
    assert scaling.shift.tolist() == [1.5, 7]
    assert scaling.scale.tolist() == pytest.approx([1.25**0.5, 1])
    scaled = scaling.apply(targets)
    assert np.nanmean(scaled.values, axis=0) == pytest.approx([0, 0], abs=1e-6)
    back = scaling.undo(scaled.values)
    assert np.array_equal(np.isnan(back), np.isnan(targets.values))
    assert back[targets.labelled] == pytest.approx(targets.values[targets.labelled], abs=1e-5)
    assert scaling_of(targets_of(items[:1], "multilabel")) is None


def test_a_noisy_value_counts_less_and_none_more_than_twice():
    targets = targets_of([bases([1], [1], [1], errors=[[1], [3], [NAN]])], "regression")
    floor = error_floor(targets)
    assert floor.tolist() == [2]
    # 2 * 4 / (1 + 4), 2 * 4 / (9 + 4), and 1 where no error is known
    assert weights_of(targets, floor)[:, 0].tolist() == pytest.approx([1.6, 8 / 13, 1])
    assert weights_of(targets_of([bases([1])], "regression"), None) is None


def test_balanced_classes_count_alike():
    three = [SequenceItem(str(i), "A", label) for i, label in enumerate([0, 0, 0, 1])]
    assert class_weights(targets_of(three, "multiclass"), 3).tolist() == pytest.approx(
        [4 / 9, 4 / 3, 1]
    )
    assert class_weights(targets_of(three, "binary"), 1).tolist() == [3]
    assert class_weights(targets_of([SequenceItem("i", "A", (1.5,))], "regression"), 1) is None


def test_an_item_counts_as_much_as_is_known_of_it():
    pairs = [PairItem("1", "A", "C", (1.0, NAN)), PairItem("2", "A", "C", (1.0, 0.0))]
    targets = targets_of(pairs, "multilabel")
    assert targets.amounts().tolist() == [1, 2]
    assert targets.amounts(np.array([[0.5, 1], [1, 2]])).tolist() == [0.5, 3]
    assert targets_of([bases([2], [NAN]), bases([1])], "multiclass").amounts().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("item", "known", "classes"),
    [
        (SequenceItem("i", "A", (1.0, NAN)), [True, False], None),
        (PairItem("i", "A", "C", 2), None, {2}),
        (bases([1, NAN], [NAN, NAN]), [True, False], {1.0}),
        (listed(0.0), [True, True], {0.0, 1.0}),  # others have none of the labels
        (listed(NAN), [True, False], None),
    ],
)
def test_what_is_known_of_an_item(item, known, classes):
    if known is not None:
        assert item.known.tolist() == known
    if classes is not None:
        assert item.classes == classes
