"""Kinds of answers: metrics as scikit-learn and scipy have them, resamples, files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from rnaernie_bench.metrics.answers import KINDS, answer_intervals, evaluate_answers, kind_of
from rnaernie_bench.metrics.resampling import grouped
from rnaernie_bench.results.measured import Measured, from_table, to_table

RNG = np.random.default_rng(0)
N, COLUMNS = 60, 3


def decisions(columns):
    truth = RNG.integers(0, 2, (N, columns)).astype(np.float32)
    odds = RNG.normal(truth * 2 - 1, 1.5).round(1).astype(np.float16)
    kind = KINDS["binary" if columns == 1 else "multilabel"]
    answers = np.zeros(N, kind.dtype(columns))
    answers[answers.dtype.names[0]], answers["decided"] = odds, odds >= 0.5
    return kind, truth, answers


def quantities():
    truth = RNG.normal(5, 2, (N, COLUMNS)).astype(np.float32)
    answers = np.zeros(N, KINDS["regression"].dtype(COLUMNS))
    answers["value"] = truth + RNG.normal(0, 1, (N, COLUMNS))
    return KINDS["regression"], truth, answers


def test_binary_metrics_are_those_of_scikit_learn():
    kind, truth, answers = decisions(1)
    y, odds, decided = truth[:, 0], answers["odds"][:, 0].astype(float), answers["decided"][:, 0]
    probability = 1 / (1 + np.exp(-odds))
    found = evaluate_answers(kind, truth, answers)
    assert list(found) == list(kind.metrics)
    expected = {
        "accuracy": metrics.accuracy_score(y, decided),
        "precision": metrics.precision_score(y, decided),
        "recall": metrics.recall_score(y, decided),
        "f1": metrics.f1_score(y, decided),
        "mcc": metrics.matthews_corrcoef(y, decided),
        "auroc": metrics.roc_auc_score(y, odds),
        "auprc": metrics.average_precision_score(y, odds),
        "brier": metrics.brier_score_loss(y, probability),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_labels_that_are_unknown_count_nothing():
    kind, truth, answers = decisions(COLUMNS)
    truth[::3, 1] = np.nan
    odds, known = answers["column_odds"].astype(float), ~np.isnan(truth)
    found = evaluate_answers(kind, truth, answers)

    def mean(score, values):
        columns = range(COLUMNS)
        return np.mean([score(truth[known[:, j], j], values[known[:, j], j]) for j in columns])

    assert found["macro_auroc"] == pytest.approx(mean(metrics.roc_auc_score, odds))
    assert found["macro_auprc"] == pytest.approx(mean(metrics.average_precision_score, odds))
    assert found["macro_f1"] == pytest.approx(mean(metrics.f1_score, answers["decided"]))
    assert found["macro_mcc"] == pytest.approx(mean(metrics.matthews_corrcoef, answers["decided"]))


def test_quantities_are_judged_as_scipy_and_scikit_learn_do():
    kind, truth, answers = quantities()
    truth[:5, 0] = np.nan
    found, known, values = (
        evaluate_answers(kind, truth, answers),
        ~np.isnan(truth),
        answers["value"],
    )
    pairs = [(truth[known[:, j], j], values[known[:, j], j]) for j in range(COLUMNS)]
    both = truth[known], values[known]
    expected = {
        "pearson": np.mean([stats.pearsonr(*pair).statistic for pair in pairs]),
        "spearman": np.mean([stats.spearmanr(*pair).statistic for pair in pairs]),
        "r2": np.mean([metrics.r2_score(*pair) for pair in pairs]),
        "rmse": metrics.root_mean_squared_error(*both),
        "mcrmse": np.mean([metrics.root_mean_squared_error(*pair) for pair in pairs]),
        "mae": metrics.mean_absolute_error(*both),
    }
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_constant_has_no_correlation():
    kind, truth, answers = quantities()
    answers["value"] = 0.1
    found = evaluate_answers(kind, truth, answers)
    assert [found["pearson"], found["spearman"]] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("made", [lambda: decisions(1), lambda: decisions(COLUMNS), quantities])
def test_a_resample_is_scored_like_the_items_it_draws(made):
    kind, truth, answers = made()
    drawn = RNG.integers(0, N, N)
    weights = np.bincount(drawn, minlength=N)[None]
    groups = [str(i) for i in range(N)]
    for metric in kind.metrics:
        if metric == "spearman":  # keeps the ranks of all items
            continue
        scorer = kind.scorer(metric, truth, [answers, answers], grouped(groups))
        order = np.array([groups.index(name) for name in np.unique(groups)])  # of the units
        expected = evaluate_answers(kind, truth[drawn], answers[drawn])[metric]
        assert scorer.score({1: weights[:, order]})[0] == pytest.approx(expected), metric
        moved = np.ones((1, N), dtype=np.int64)
        assert scorer.exchange(0, 1)(moved)[0] == pytest.approx(0)


def test_intervals_hold_the_value_and_follow_groups():
    kind, truth, answers = decisions(1)
    values = evaluate_answers(kind, truth, answers)
    by_item = answer_intervals(kind, truth, answers, None, n_resamples=200)
    by_group = answer_intervals(kind, truth, answers, ["a"] * (N - 1) + ["b"], n_resamples=200)
    for name, value in values.items():
        if name != "ece":  # folds at 0: resamples are off to one side
            assert by_item[name][0] <= value <= by_item[name][1]
    assert by_item["auroc"] != by_group["auroc"]


@pytest.mark.parametrize("made", [lambda: decisions(1), lambda: decisions(COLUMNS), quantities])
def test_files_give_back_what_they_were_given(made):
    kind, truth, answers = made()
    columns = truth.shape[1]
    ids = np.arange(N, dtype=np.uint64)
    parts = {"all": np.ones(N, bool), "half": np.arange(N) % 2 == 0}
    before = Measured(kind, columns, ids, ["g"] * N, truth, answers, parts)
    after = from_table(to_table(before))
    assert after.kind is kind
    assert after.answers.tobytes() == answers.tobytes()
    assert np.array_equal(after.truth, truth)
    assert kind_of(after.answers) is kind
    assert after.part("half")[0].shape == (N // 2, columns)


def test_arrays_that_do_not_fit_are_refused():
    kind, truth, answers = decisions(1)
    ids = np.zeros(N, dtype=np.uint64)
    with pytest.raises(ValueError, match="twice"):
        Measured(kind, 1, ids, [""] * N, truth, answers, {})
    with pytest.raises(ValueError, match="not of the kind"):
        Measured(KINDS["regression"], 1, ids, [""] * N, truth, answers, {})
