"""From scores to answers: thresholds by validation, and sums over bases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.data.items import SequenceItem, TokenItem
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.metrics.tuning import Tuning, answer, metrics_of, tune

RNG = np.random.default_rng(1)
NAN = float("nan")


def test_the_threshold_parts_the_classes():
    items = [SequenceItem(str(i), "A", int(i >= 6)) for i in range(10)]
    scores = np.arange(10, dtype=np.float32)[:, None]  # positives score 6 and more
    tuning = tune(targets_of(items, "binary"), scores)
    [threshold] = tuning.thresholds
    assert 5 / tuning.temperature < threshold < 6 / tuning.temperature
    found = metrics_of("sequence", targets_of(items, "binary"), scores, tuning)
    assert (found["accuracy"], found["mcc"]) == (1, 1)
    assert tune(targets_of([SequenceItem("i", "A", (1.0,))], "regression"), scores) == Tuning()


def test_scores_that_are_no_numbers_are_refused():
    items = [SequenceItem("i", "A", 1)]
    with pytest.raises(BenchError, match="1 of 1 scores are NaN"):
        answer("sequence", targets_of(items, "binary"), np.array([[NAN]]), Tuning())


def bases(columns, count=5):
    items, scores = [], []
    for index in range(count):
        length = int(RNG.integers(8, 14))
        labels = RNG.integers(0, 2, (length, columns)).astype(np.float32)
        labels[0] = NAN
        items.append(TokenItem(str(index), "A" * length, labels))
        scores.append(RNG.normal(size=(length, columns)).astype(np.float32))
    return items, scores


def test_decisions_on_bases_are_pooled_and_areas_averaged():
    items, scores = bases(1)
    found = metrics_of("token", targets_of(items, "binary"), np.concatenate(scores))
    truth = [item.labels[1:, 0] for item in items]
    odds = [rows[1:, 0].astype(np.float16) for rows in scores]
    together = np.concatenate(truth), np.concatenate(odds) >= 0
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(*together))
    assert found["f1"] == pytest.approx(metrics.f1_score(*together))
    areas = [metrics.roc_auc_score(t, o) for t, o in zip(truth, odds, strict=True)]
    assert found["auroc"] == pytest.approx(np.mean(areas), abs=1e-3)
    precisions = [metrics.average_precision_score(t, o) for t, o in zip(truth, odds, strict=True)]
    assert found["auprc"] == pytest.approx(np.mean(precisions), abs=1e-3)


def test_quantities_of_bases_have_errors_by_column():
    items, scores = bases(2)
    found = metrics_of("token", targets_of(items, "regression"), np.concatenate(scores))
    truth, said = (
        np.concatenate([rows[1:] for rows in blocks])
        for blocks in ([item.labels for item in items], scores)
    )
    by_column = np.sqrt(((truth - said) ** 2).mean(axis=0))
    assert found["mcrmse"] == pytest.approx(by_column.mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(truth - said).mean(), rel=1e-5)
    each = [
        stats.pearsonr(item.labels[1:, j], rows[1:, j]).statistic
        for item, rows in zip(items, scores, strict=True)
        for j in range(2)
        if np.ptp(item.labels[1:, j])
    ]
    assert found["pearson"] == pytest.approx(np.mean(each), abs=1e-3)


def test_classes_of_bases_are_pooled():
    labels = np.array([[0], [2], [1], [NAN]], dtype=np.float32)
    targets = targets_of([TokenItem("i", "ACGU", labels)], "multiclass")
    scores = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    found = metrics_of("token", targets, scores)
    assert found["accuracy"] == pytest.approx(2 / 3)
    expected = metrics.f1_score([0, 2, 1], [0, 1, 1], average="macro")
    assert found["macro_f1"] == pytest.approx(expected)
