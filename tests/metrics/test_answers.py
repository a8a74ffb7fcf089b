"""Every answer: metrics as other libraries have them, resamples, intervals, tuning, entries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.structure import breakdown
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.resampling import grouped, jackknife
from rnaernie_bench.metrics.scoring.confusion import confusion_matrix
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.metrics.tuning import Tuning
from tests.answer_kit import NAMES, NAN, N, arrays, counts, evaluate, scores, targets


def by_decisions(truth, odds, decided):
    """Return what scikit-learn says of yes or no."""
    return {
        "accuracy": metrics.accuracy_score(truth, decided),
        "precision": metrics.precision_score(truth, decided),
        "recall": metrics.recall_score(truth, decided),
        "f1": metrics.f1_score(truth, decided),
        "mcc": metrics.matthews_corrcoef(truth, decided),
        "auroc": metrics.roc_auc_score(truth, odds),
        "auprc": metrics.average_precision_score(truth, odds),
        "brier": metrics.brier_score_loss(truth, 1 / (1 + np.exp(-odds))),
    }


def by_quantities(pairs):
    """Return what scipy and scikit-learn say of columns of truth and values."""
    truth, values = (np.concatenate(both) for both in zip(*pairs, strict=True))
    squared = [metrics.root_mean_squared_error(*pair) for pair in pairs]
    return {
        "pearson": np.mean([stats.pearsonr(*pair).statistic for pair in pairs]),
        "spearman": np.mean([stats.spearmanr(*pair).statistic for pair in pairs]),
        "r2": np.mean([metrics.r2_score(*pair) for pair in pairs]),
        "rmse": metrics.root_mean_squared_error(truth, values),
        "mcrmse": np.mean(squared),
        "mae": metrics.mean_absolute_error(truth, values),
    }


def test_binary_metrics_are_those_of_scikit_learn():
    answer, truth, predicted = arrays("binary")
    odds, decided = predicted["odds"][:, 0].astype(float), predicted["decided"][:, 0]
    found = evaluate(answer, truth, predicted)
    assert tuple(found) == answer.metrics
    expected = by_decisions(truth[:, 0], odds, decided)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_correlations_do_not_depend_on_where_values_lie():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=500).astype(np.float32)
    near = (generator.normal(size=500) * 3e-6 - 1.7917).astype(np.float32)  # all but constant
    answer = ANSWERS["regression"]
    predicted = np.zeros(500, answer.dtype(1))
    predicted["value"] = near[:, None]
    wanted = stats.pearsonr(truth.astype(float), near.astype(float)).statistic
    assert evaluate(answer, truth[:, None], predicted)["pearson"] == pytest.approx(wanted, abs=1e-9)


def test_labels_that_are_unknown_count_nothing():
    answer, truth, predicted = arrays("multilabel", unknown=True)
    odds, known = predicted["column_odds"].astype(float), ~np.isnan(truth)
    columns = [
        by_decisions(truth[inside, j], odds[inside, j], predicted["decided"][inside, j])
        for j, inside in enumerate(known.T)
    ]
    found = evaluate(answer, truth, predicted)
    for name in ("f1", "mcc", "auroc", "auprc"):
        expected = np.mean([column[name] for column in columns])
        assert found[f"macro_{name}"] == pytest.approx(expected)
    assert answer.entries(truth, predicted, "abc")["per_column"]["b"]["macro_f1"] == (
        pytest.approx(columns[1]["f1"])
    )


def test_quantities_are_judged_as_scipy_and_scikit_learn_do():
    answer, truth, predicted = arrays("regression", unknown=True)
    known = ~np.isnan(truth)
    pairs = [(truth[k, j], predicted["value"][k, j]) for j, k in enumerate(known.T)]
    assert evaluate(answer, truth, predicted) == pytest.approx(by_quantities(pairs), rel=1e-5)


def of_bases(name, unknown=True):
    """Return answer, targets, scores and, by item, where its known units stand in each column."""
    answer = ANSWERS[name]
    truth = targets(answer, unknown=unknown)
    starts = np.cumsum(truth.sizes) - truth.sizes
    known = truth.labelled.reshape(len(truth.values), -1)
    inside = [
        [start + np.flatnonzero(column[start : start + size]) for column in known.T]
        for start, size in zip(starts, truth.sizes, strict=True)
    ]
    return answer, truth, scores(answer, truth), inside


def test_decisions_on_bases_are_pooled_and_areas_averaged():
    answer, truth, given, inside = of_bases("token_binary")
    found = Measures(answer, answer.metrics).of_scores(truth, given)
    values, odds = truth.values[:, 0], given[:, 0].astype(np.float16).astype(float)
    known = ~np.isnan(values)
    pooled = by_decisions(values[known], odds[known], odds[known] >= 0)
    for name in ("accuracy", "precision", "recall", "f1", "mcc"):
        assert found[name] == pytest.approx(pooled[name])
    curves = metrics.roc_auc_score, metrics.average_precision_score
    both = [units for [units] in inside if len(set(values[units])) == 2]
    areas = [[curve(values[units], odds[units]) for curve in curves] for units in both]
    assert [found["auroc"], found["auprc"]] == pytest.approx(np.mean(areas, axis=0), abs=1e-3)


def test_quantities_of_bases_have_errors_by_column():
    answer, truth, given, inside = of_bases("token_regression")
    found = Measures(answer, answer.metrics).of_scores(truth, given)
    known = truth.labelled
    pairs = [(truth.values[k, j], given[k, j]) for j, k in enumerate(known.T)]
    expected = by_quantities(pairs)
    for name in ("mcrmse", "rmse", "mae"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)
    each = [
        stats.pearsonr(truth.values[units, j], given[units, j]).statistic
        for item in inside
        for j, units in enumerate(item)
        if len(units) > 1
    ]
    assert found["pearson"] == pytest.approx(np.mean(each), abs=1e-3)


def test_classes_of_bases_are_pooled():
    truth = Targets("multiclass", np.array([0, 2, 1, -100]), np.array([4]))
    given = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    found = Measures(ANSWERS["token_multiclass"], ("accuracy", "macro_f1")).of_scores(truth, given)
    assert found["accuracy"] == pytest.approx(2 / 3)
    expected = metrics.f1_score([0, 2, 1], [0, 1, 1], average="macro")
    assert found["macro_f1"] == pytest.approx(expected)


def test_metrics_of_structures_are_means_over_sequences_and_pooled() -> None:
    answer, found = ANSWERS["structure"], counts((4, 4, 4), (0, 4, 0), (0, 0, 0))
    values = evaluate(answer, found["reference"], found)
    assert tuple(values) == answer.metrics
    # Of two sequences: one is undefined.
    assert values["f1"] == values["precision"] == values["recall"] == 0.5
    assert values["pooled_f1"] == pytest.approx(2 * 4 / (4 + 8))
    assert answer.right(found["reference"], found) == pytest.approx([1, 0, np.nan], nan_ok=True)


def test_kinds_of_pairs_and_bands_of_identity_by_hand() -> None:
    """One sequence with a crossing pair of two, which is missed; one without a pair; one right."""
    found = counts((4, 6, 3), (0, 0, 0), (2, 2, 2))
    found["nested_reference"][0] = 4
    told = breakdown(found, np.array([0.0, 0.85, 0.8], dtype=np.float32))
    assert told["pairs"] == {
        "nested": {"n": 2, "f1": (0.75 + 1) / 2, "pooled_f1": 5 / 6},
        "pseudoknotted": {"n": 1, "f1": 0.0, "pooled_f1": 0.0},
    }
    first = pytest.approx(2 * 3 / 10)
    assert told["identity"] == {
        "< 0.6": {"n": 1, "f1": first, "pooled_f1": first},
        "0.8 to < 0.9": {"n": 1, "f1": 1.0, "pooled_f1": 1.0},
    }
    assert breakdown(found[1:2], None) == {
        "pairs": {kind: {"n": 0, "f1": None, "pooled_f1": None} for kind in told["pairs"]}
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_resample_is_scored_like_the_items_it_draws(name):
    answer, truth, predicted = arrays(name, unknown=True)
    other = arrays(name, seed=5, unknown=True)[2]
    rng = np.random.default_rng(2)
    drawn = rng.integers(0, N, N)
    items = [str(i) for i in range(N)]
    order = np.array([items.index(group) for group in np.unique(items)])  # of the units
    weights = np.bincount(drawn, minlength=N)[None][:, order]
    moved = rng.integers(0, 2, (4, N))
    for metric in answer.metrics:
        scorer = answer.scorer(metric, truth, [predicted, other], grouped(items))
        if (name, metric) != ("regression", "spearman"):  # which keeps the ranks of all items
            expected = evaluate(answer, truth[drawn], other[drawn], metric)[metric]
            assert scorer.score({1: weights})[0] == pytest.approx(expected), metric
        both = {0: 1 - moved, 1: moved}, {0: moved, 1: 1 - moved}
        difference = scorer.score(both[0]) - scorer.score(both[1])
        assert scorer.exchange(0, 1)(moved) == pytest.approx(difference, abs=1e-12), metric
        # Without groups, items that all runs treat alike are drawn as one kind.
        of_kinds = answer.scorer(metric, truth, [predicted, other])
        whole = of_kinds.score({1: of_kinds.units.copies[None]})[0]
        assert whole == pytest.approx(evaluate(answer, truth, other, metric)[metric]), metric


@pytest.mark.parametrize("name", NAMES)
def test_intervals_hold_the_value_and_are_wider_for_groups(name):
    answer, truth, predicted = arrays(name)
    items = Measures(answer, answer.metrics).figures(truth, predicted)
    relatives = [str(i % 6) for i in range(N)]
    groups = Measures(answer, answer.metrics, by="group").figures(truth, predicted, relatives)
    assert list(items) == list(groups) == list(answer.metrics)
    for metric, figure in items.items():
        assert figure["value"] == pytest.approx(groups[metric]["value"]), metric
        assert figure["low"] <= figure["value"] <= figure["high"], metric
        ends = [(each[metric]["low"], each[metric]["high"]) for each in (items, groups)]
        assert ends[0] != ends[1], metric


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_without_a_unit_is_that_of_the_others(name):
    """Closed forms of the jackknife against weights: of items, and of groups of three."""
    answer, truth, predicted = arrays(name, unknown=True)
    for groups in ([str(i) for i in range(N)], [str(i // 3) for i in range(N)]):
        for metric in answer.metrics:
            scorer = answer.scorer(metric, truth, [predicted], grouped(groups))
            expected = jackknife(scorer.units, lambda w, s=scorer: s.score({0: w}))
            assert scorer.without_each(0) == pytest.approx(expected, abs=1e-9), metric


def test_some_columns_are_scored_alone():
    for name in ("multilabel", "regression", "token_multilabel", "token_regression"):
        answer, truth, predicted = arrays(name, unknown=True)
        both = Measures(answer, answer.metrics, (0, 2)).values(truth, predicted)
        first, _, third = answer.entries(truth, predicted, "abc")["per_column"].values()
        for metric in {"macro_auroc", "macro_f1", "mcrmse", "pearson"} & set(both):
            if not name.startswith("token") or metric in ("mcrmse", "macro_f1"):
                assert both[metric] == pytest.approx((first[metric] + third[metric]) / 2), metric


@pytest.mark.parametrize(
    ("name", "least"), [("binary", 1), ("multilabel", 1), ("token_binary", 0.9)]
)
def test_thresholds_part_the_classes(name, least):
    answer = ANSWERS[name]
    truth = targets(answer)
    given = (truth.values * 4 + 3).astype(np.float32)  # positives 7, negatives 3
    tuning, trials = answer.tune(truth, given, answer.untuned())
    assert trials == 0
    for threshold in tuning.thresholds:
        assert 3 / tuning.temperature < threshold < 7 / tuning.temperature
    assert len(tuning.thresholds) == given.shape[1]
    found = evaluate(answer, *answer.arrays(truth, given, tuning))
    assert next(iter(found.values())) >= least
    recorded = answer.to_record(tuning, ["no", "yes"] if answer.problem == "binary" else "abc")
    named = ["threshold"] if answer.problem == "binary" else [f"threshold_{x}" for x in "abc"]
    assert list(recorded) == ["temperature", *named]
    saved = answer.to_predictor(tuning, "abc")
    assert answer.from_predictor(saved) == tuning


def test_what_is_not_tuned_stays_as_it_was():
    for name in ("regression", "token_regression", "token_multiclass"):
        answer = ANSWERS[name]
        truth = targets(answer)
        assert answer.tune(truth, scores(answer, truth), Tuning()) == (Tuning(), 0)
        assert answer.to_record(Tuning(), "abc") == {}


def test_a_decoder_is_tuned_and_saved():
    answer = ANSWERS["structure"]
    truth = targets(answer)
    tuning, trials = answer.tune(truth, scores(answer, truth), answer.untuned("greedy"))
    assert trials > 1
    assert list(answer.to_record(tuning, [])) == [
        "decoder", "threshold", "gamma", "mixing", "slope", "offset"
    ]  # fmt: skip
    assert answer.from_predictor(answer.to_predictor(tuning, [])) == tuning
    unread = answer.arrays(truth, [], tuning)[1]  # the model reads nothing
    assert unread["predicted"].sum() == 0
    place = answer.sample_of(truth.sequences)
    assert place == 0
    alone = type(truth)([truth.sequences[1]], [truth.pairs[1]])
    assert answer.sample(alone, [], tuning).predicted.shape == (0, 2)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "structure"])
def test_scores_that_are_no_numbers_are_refused(name):
    answer = ANSWERS[name]
    truth = targets(answer)
    given = scores(answer, truth)
    given[0] = NAN
    with pytest.raises(BenchError, match=f"1 of {len(given)} scores are NaN"):
        answer.arrays(truth, given, Tuning())


def test_classes_by_name_and_probability():
    labels = ["no", "yes"]
    answer, given = ANSWERS["binary"], np.array([[-2.0], [3.0]], np.float32)
    numbers, decided = answer.interpret(given, labels, Tuning(2.0, (1.0,)))
    assert answer.columns(labels) == ("p:yes",)
    assert numbers[:, 0] == pytest.approx(1 / (1 + np.exp([1.0, -1.5])), abs=1e-3)
    assert decided.tolist() == ["no", "yes"]
    answer, given = ANSWERS["multilabel"], np.array([[1.0, -1.0], [2.0, 2.0]], np.float32)
    assert answer.interpret(given, labels, Tuning())[1].tolist() == ["no", "no,yes"]
    answer, given = ANSWERS["token_multiclass"], np.log([[0.2, 0.8]])
    numbers, decided = answer.interpret(given, labels, Tuning())
    assert numbers.tolist() == [pytest.approx([0.2, 0.8])]
    assert (answer.columns(labels), decided.tolist()) == (("p:no", "p:yes"), ["yes"])
    answer, given = ANSWERS["regression"], np.array([[0.25]], np.float32)
    assert answer.interpret(given, ["efficacy"], Tuning())[1].tolist() == [""]
    assert answer.columns(["efficacy"]) == ("efficacy",)


def test_confusion_and_classes_of_two():
    answer, truth, predicted = arrays("binary")
    found = answer.entries(truth, predicted, ["no", "yes"])
    decided = predicted["decided"][:, 0].astype(int)
    assert found["confusion"] == confusion_matrix(truth[:, 0].astype(int), decided, 2).tolist()
    assert found["per_class"]["yes"]["f1"] == pytest.approx(metrics.f1_score(truth[:, 0], decided))
    assert found["per_class"]["no"]["support"] == int((truth == 0).sum())


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_drawn_of_answers_that_have_some(name):
    answer, truth, predicted = arrays(name)
    labels = ["no", "yes"] if answer.problem == "binary" else ["a", "b", "c"]
    entry = answer.entries(truth, predicted, labels)
    sample = None
    if answer.decodes:
        whole = targets(answer)
        one = type(whole)(whole.sequences[:1], whole.pairs[:1])
        sample = answer.sample(one, scores(answer, one), answer.untuned("greedy"))
    drawn = dict(answer.figures(truth, predicted, entry, labels, "title", sample))
    expected = {
        "multiclass": {"confusion"},
        "binary": {"confusion", "calibration"},
        "regression": {"scatter"},
        "structure": {"contacts"},
    }
    assert set(drawn) == expected.get(name, set())


@pytest.mark.parametrize(
    "wrong", [counts((4, 4, 5)), counts((1226, 4, 4)), counts((2, 4, 3)), counts((4, 4, -1))]
)
def test_counts_that_contradict_each_other_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pairs are right|more pairs than"):
        ANSWERS["structure"].check(wrong["reference"], wrong)


@pytest.mark.parametrize("name", ["binary", "token_binary"])
def test_true_scores_decide_as_the_truth_is(name: str) -> None:
    answer, truth = ANSWERS[name], np.array([[0.0], [1.0]], dtype=np.float32)
    known = Targets.of(answer.problem, truth, np.array([2] if name == "token_binary" else [1, 1]))
    assert (answer.oracle(known) > 0).tolist() == [[False], [True]]
    assert Measures(answer, ("mcc",)).undefined_by("mcc", known) is None
