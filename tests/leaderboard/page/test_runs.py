"""What is told of the runs of a row, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnaernie_bench.leaderboard.page import runs
from rnaernie_bench.leaderboard.page.answers import Answers, no_answers
from rnaernie_bench.leaderboard.page.runs import RunView
from rnaernie_bench.leaderboard.page.templating import Templates
from rnaernie_bench.leaderboard.tables import build
from tests.leaderboard.page.conftest import TASKS

CLASS = {"precision": 0.5, "recall": 0.25, "f1": 0.3, "support": 2000}


@pytest.fixture
def two(make_record: Any) -> list[dict[str, Any]]:
    """Give two seeds of a row; on `full`, of two classes."""
    made = []
    for seed, precision in enumerate((0.5, 1.0)):
        full = {"per_class": {"A": {**CLASS, "precision": precision}, "B": CLASS}}
        made.append(
            make_record(
                0.4 + 0.2 * seed,
                seed=seed,
                tests={"full": full},
                selection={"metric": "macro_f1", "trials": 3 + seed, "best_epoch": 7 * seed},
                cost={"train_s": 60.0 + 120 * seed},
                environment={"device": "cpu", "torch": f"2.{seed}"},
                git_commit="f" * 40 if seed else None,
            )
        )
    return made


def view_of(records: list[dict[str, Any]], read: Any = no_answers) -> RunView:
    [row] = build(records, tasks=TASKS)[0].rows
    return runs.run_view(row, {r["run_id"]: r for r in records}, read, "macro_f1", {})


def test_the_headline_is_that_of_the_row(two: list[dict[str, Any]]) -> None:
    found = view_of(two)
    assert found.task == "ncrna_cls@1, split published, protocol clean"
    page = Templates().render("run_page.html.jinja", runs=[found], home="index.html")
    for name, value in {
        "parameters": "1.9 M",
        "training": "2 min",  # the mean of one and three
        "throughput": "100 items/s",
        "peak memory": "500 MB",
        "trials": "4",  # the most of any run
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert 'aria-label="Runs of rnaernie-tiny (random) · full"' in page
    assert f"<code>rnaernie-bench results reproduce {two[0]['run_id']}</code>" in page
    assert '<tr><th scope="row">strategy.base</th><td>none</td></tr>' in page
    # Mean .5; standard deviation .1414, t(1) = 12.706: wider than the bounds of macro F1.
    figures = "<td>0.500</td><td>[0.000, 1.000]</td>"
    assert f'<th scope="row">macro F1</th>{figures}' in page


def test_validation_is_drawn_over_steps(two: list[dict[str, Any]]) -> None:
    assert view_of(two).curves is None
    two[0]["validation"]["curve"] = {"steps": [0, 50], "values": [0.0, 1.0]}
    two[1]["validation"]["curve"] = {"steps": [100], "values": [0.5]}
    found = view_of(two).curves
    assert found
    # From 4 to 356 across and from 116 up to 4.
    assert found.paths == ("M4.0 116.0L180.0 4.0", "M356.0 60.0")
    assert found.caption.startswith("macro F1 on validation over 100 optimiser steps")
    page = Templates().render("run_page.html.jinja", runs=[view_of(two)], home="index.html")
    assert '<path d="M4.0 116.0L180.0 4.0"/>' in page


def test_a_line_a_run(two: list[dict[str, Any]]) -> None:
    found = view_of(two)
    assert found.seeds_header == (
        "run", "seed", "macro F1, full", "macro F1, deduplicated", "train", "best_epoch",
        "ended_by", "temperature", "weights",
    )  # fmt: skip
    assert found.seeds == (
        (two[0]["run_id"], "0", "0.400", "0.400", "1 min", "0", "converged", "1.5", "–"),
        (two[1]["run_id"], "1", "0.600", "0.600", "3 min", "7", "converged", "1.5", "–"),
    )


def test_what_differs_between_runs_is_listed(two: list[dict[str, Any]]) -> None:
    provenance = dict(view_of(two).provenance)
    assert provenance["torch"] == "2.0, 2.1"
    assert provenance["device"] == "cpu"
    assert provenance["git commit"] == f"unknown, {'f' * 40}"
    assert provenance["training items"] == "10"
    assert provenance["predictions"] == f"predictions.parquet ({'c' * 12})"


def test_settings_are_those_asked_for(two: list[dict[str, Any]]) -> None:
    settings = view_of(two).settings
    assert settings["recipe.budget.max_epochs"] == 20
    assert settings.keys().isdisjoint({"recipe.converged", "seed", "backbone.parameters"})


def test_a_fold_is_named(two: list[dict[str, Any]]) -> None:
    for record in two:
        record["split"]["fold"] = "tRNA"
    assert view_of(two).task == "ncrna_cls@1, split published, fold tRNA, protocol clean"


def test_metrics_and_classes_are_means_over_runs(two: list[dict[str, Any]]) -> None:
    full, deduplicated = view_of(two).parts
    assert (full.name, full.n, full.truncated) == ("full", 4, 0)
    assert full.metrics["macro_f1"] is not None
    assert full.metrics["macro_f1"].mean == pytest.approx(0.5)
    assert full.classes == {
        "A": (2000, pytest.approx((0.75, 0.25, 0.3))),
        "B": (2000, pytest.approx((0.5, 0.25, 0.3))),
    }
    assert deduplicated.classes == {}
    two[1]["tests"]["full"]["metrics"]["macro_f1"]["low"] = None
    del two[1]["tests"]["full"]["metrics"]["accuracy"]
    metrics = view_of(two).parts[0].metrics
    assert metrics["macro_f1"] is not None and metrics["macro_f1"].low is None
    assert metrics["accuracy"] is None


def test_the_hardest_families_come_first(
    two: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "LEAST_ITEMS", 2)
    monkeypatch.setattr(runs, "HARDEST", 2)
    groups = np.array(["x", "x", "y", "y", "z", "z", "small", ""])
    parts = {"full": np.ones(8, bool), "deduplicated": np.zeros(8, bool)}
    answers = dict(
        zip(
            (record["run_id"] for record in two),
            (
                Answers(groups, np.array([1.0, 1, 1, 0, 1, 0, 0, 0]), parts),
                Answers(groups, np.array([1.0, 1, 1, 0, 0, 0, 0, 0]), parts),
            ),
            strict=True,
        )
    )
    full, deduplicated = view_of(two, answers.get).parts
    assert full.families is not None
    assert full.families.title == "Accuracy in the hardest families"
    assert full.families.columns == (("z", "2"), ("y", "2"))
    assert full.families.rows == (("accuracy", "", (0.25, 0.5)),)
    assert deduplicated.families is None  # no item is in it
    answers.popitem()
    assert view_of(two, answers.get).parts[0].families is None  # not of all runs


def test_weights_are_told_by_their_hash(two: list[dict[str, Any]]) -> None:
    for record in two:
        record["backbone"] |= {"init": "pretrained", "weights_sha256": "abc" * 20}
    assert {line[-1] for line in view_of(two).seeds} == {"abcabcabcabc"}
