"""The facts of metrics in one place, and a metric that another package brings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.leaderboard.page.wording import metric_help, metric_label
from rnaernie_bench.leaderboard.rendering import render
from rnaernie_bench.leaderboard.tables import TaskInfo, build
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.registry import BUILT_IN, METRICS, Metric, has, metrics_of, scored
from rnaernie_bench.task.declaration import Metric as MainMetric
from rnaernie_bench.task.task import read_task
from rnaernie_bench.testing import try_out
from tests.answer_kit import arrays
from tests.kit import make_task

SPECIFICITY = Metric(
    "specificity",
    "specificity",
    {"binary": scored("decisions:counted", lambda tp, fp, fn, tn: (tn, tn + fp))},
    "recall of the negative class",
)


def test_each_answer_has_its_metrics() -> None:
    assert metrics_of("multiclass") == (
        "accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "ece",
    )  # fmt: skip
    assert metrics_of("structure") == (
        "f1", "precision", "recall", "mcc", "shifted_f1", "pooled_f1",
    )  # fmt: skip
    assert set(metrics_of("binary")) == {
        "accuracy", "precision", "recall", "f1", "mcc", "auroc", "auprc", "brier", "ece",
    }  # fmt: skip
    assert all(answer.metrics for answer in ANSWERS.values())
    assert {name for metric in BUILT_IN for name in metric.scorers} == set(ANSWERS)
    assert ANSWERS["multiclass"].comparable(2)[-1] == "auroc"
    assert "auroc" not in ANSWERS["multiclass"].comparable(3)


def test_errors_are_better_when_lower_and_say_so() -> None:
    lower = {metric.name for metric in BUILT_IN if not metric.higher_is_better}
    assert lower == {"ece", "brier", "rmse", "mcrmse", "mae"}
    assert all("lower is better" in METRICS.get(name).help for name in lower)
    assert (metric_label("macro_f1"), metric_label("inf")) == ("macro F1", "INF")
    assert (metric_label("of_my_own"), metric_help("of_my_own")) == ("of my own", "")


def test_a_task_may_leave_the_direction_out_but_not_get_it_wrong() -> None:
    assert MainMetric("mcrmse").higher_is_better is False
    assert MainMetric("macro_f1", higher_is_better=True).higher_is_better is True
    with pytest.raises(ConfigError, match="of 'mae', lower is better; correct it, or leave it out"):
        MainMetric("mae", higher_is_better=True)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that brings `SPECIFICITY`."""
    entry = EntryPoint("specificity", f"{__name__}:SPECIFICITY", "rnaernie_bench.metrics")
    monkeypatch.setattr(METRICS, "_plugins", {"specificity": entry})
    yield
    METRICS._targets.pop("specificity", None)


@pytest.mark.usefixtures("plugin")
def test_a_metric_of_another_package_is_computed_where_it_is_declared() -> None:
    answer, truth, predicted = arrays("binary")
    assert "specificity" not in metrics_of("binary")
    names = metrics_of("binary", ["auroc", "specificity"])
    assert names == (*metrics_of("binary"), "specificity")
    assert has("binary", "specificity") and not has("regression", "specificity")
    figure = Measures(answer, names).figures(truth, predicted)["specificity"]
    found = figure["value"]
    decided, negative = predicted["decided"] == 0, truth == 0
    assert found == pytest.approx(np.mean(decided[negative]))
    assert figure["low"] < found < figure["high"]
    assert metric_label("specificity") == "specificity"


@pytest.mark.usefixtures("plugin")
def test_a_task_declares_it_a_run_has_it_and_a_table_shows_it(tmp_path: Path) -> None:
    make_task(tmp_path, "sequence", "binary", metrics=["specificity"])
    tasks = tmp_path / "tasks"
    task = read_task(tasks / "made" / "task.yaml")
    record = try_out(tmp_path, task="made", backbone="majority", task_path=[tasks]).record
    [test] = record["tests"].values()
    figure = test["metrics"]["specificity"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert record["validation"]["metrics"]["specificity"] in (0, 1)  # all are of one class
    assert record["validation"]["metrics"]["mcc"] is None
    info = TaskInfo("Made", "auroc", True, "all", task.metrics)
    [table] = build([record], tasks={"made": info})
    assert table.metrics == ("auroc", "specificity")
    assert "specificity" in render([table], "md")
    (tmp_path / "wrong").mkdir()
    make_task(tmp_path / "wrong", "sequence", "binary", metrics=["specifity"])
    with pytest.raises(ConfigError, match="'specifity' is not allowed; did you mean specificity"):
        read_task(tmp_path / "wrong" / "tasks" / "made" / "task.yaml")
