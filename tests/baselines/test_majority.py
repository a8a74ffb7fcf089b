"""The majority class: add-one frequencies of train, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.baselines import majority
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def fit(task, per_class):
    items = task.split().train
    train = [item for label, n in enumerate(per_class) for item in _of(items, label)[:n]]
    config = task.config("backbone=majority")
    return majority.fit(task.context(config, train=train), config.backbone)


def _of(items, label):
    return [item for item in items if item.label == label]


def test_frequencies_by_hand(task):
    model, report = fit(task, [4, 2, 0])
    expected = np.log([5 / 9, 3 / 9, 1 / 9])
    logits = model.logits(["ACGU", "G"])
    assert logits.shape == (2, 3) and logits.dtype == np.float32
    assert np.allclose(logits, [expected, expected])
    assert (report.parameters, report.converged, report.trials) == (3, True, 1)


def test_restored_frequencies_are_the_same(task, tmp_path):
    model, _ = fit(task, [1, 5, 2])
    model.save(tmp_path)
    assert np.allclose(majority.restore(tmp_path).logits(["A"]), model.logits(["A"]))
