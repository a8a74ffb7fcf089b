"""What items teach: errors of measurement weigh values only where that is asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rnaernie_bench.data.items import TokenItem
from rnaernie_bench.learning.objective import lesson
from rnaernie_bench.metrics.answers import ANSWERS


def context(**options):
    labels = np.array([[1.0], [3.0]], dtype=np.float32)
    errors = np.array([[1.0], [3.0]], dtype=np.float32)
    items = (TokenItem("i", "AC", labels, errors=errors),)
    asked = SimpleNamespace(**{"class_weights": "none", "error_weights": "none", **options})
    answer = ANSWERS["token_regression"]
    task = SimpleNamespace(
        problem="regression", answer=answer, measured=answer.metrics, labels=("x",)
    )
    return SimpleNamespace(
        task=task, config=SimpleNamespace(task=asked), train=items, validation=items
    )


def test_values_count_alike_unless_errors_are_to_weigh_them():
    plain, weighted = lesson(context()), lesson(context(error_weights="inverse"))
    assert plain.train_weights is None
    assert weighted.train_weights[:, 0].tolist() == pytest.approx([8 / 5, 8 / 13])


def test_scores_are_judged_in_the_units_of_the_data():
    taught = lesson(context())
    assert taught.train.values[:, 0].tolist() == [-1, 1]
    assert taught.score(np.array([[-1.0], [1.0]], dtype=np.float32))["rmse"] == 0
    off = taught.score(np.array([[0.0], [0.0]], dtype=np.float32))
    assert off["rmse"] == pytest.approx(1)
