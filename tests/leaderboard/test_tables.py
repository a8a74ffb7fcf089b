"""Tables by hand: what is one row, what may share a table, what is noted."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.rendering import FORMATS, render
from rnaernie_bench.leaderboard.tables import TaskInfo, build

TASKS = {
    "ncrna_cls": TaskInfo("ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy", "mcc"))
}
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None, "parameters": 900},
    "head": None,
    "strategy": {"name": "baseline"},
}


def rows(records: list[dict[str, Any]]) -> list[Any]:
    return list(build(records, tasks=TASKS)[0].rows)


def test_seeds_are_averaged(make_record: Any) -> None:
    figures = [(0.4, 10.0), (0.5, 20.0), (0.6, 30.0)]
    [row] = rows(
        [make_record(f1, seed=seed, cost={"train_s": s}) for seed, (f1, s) in enumerate(figures)]
    )
    cell = row.metrics["macro_f1"]
    assert (cell.mean, cell.sd) == pytest.approx((0.5, 0.1))
    half = 4.302653 * (0.1**2 / 3 + (0.1 / 1.959964) ** 2) ** 0.5  # of seeds and of items
    assert (cell.low, cell.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    assert row.seeds == (0, 1, 2)
    assert (row.train_s, row.items_per_s, row.peak_gpu_mb) == (20, 100, None)
    assert (row.backbone, row.kind, row.parameters) == (
        "rnaernie-tiny (random)",
        "encoder",
        1900000,
    )


def test_one_seed_has_no_spread(make_record: Any) -> None:
    [row] = rows([make_record(0.5)])
    cell = row.metrics["macro_f1"]
    assert (cell.mean, cell.sd, cell.low, cell.high) == pytest.approx((0.5, None, 0.4, 0.6))


def test_an_earlier_version_comes_after_and_is_shown_by_the_metric_that_chose_then(
    make_record: Any,
) -> None:
    today = make_record(0.5, task={"version": 10})
    before = make_record(0.9, task={"version": 9}, selection={"metric": "accuracy"})
    info = replace(TASKS["ncrna_cls"], version=10, caveats=("Of today.",))
    tables = build([before, today], tasks={"ncrna_cls": info})
    assert [table.key.task for table in tables] == ["ncrna_cls@10"] * 2 + ["ncrna_cls@9"] * 2
    assert [table.metrics[0] for table in tables] == ["macro_f1"] * 2 + ["accuracy"] * 2
    assert tables[0].task == info
    assert tables[2].task.caveats == ("Version 10 of the task replaces this one.",)


def test_a_run_given_twice_counts_once(make_record: Any) -> None:
    record = make_record()
    [row] = rows([record, record])
    assert row.seeds == (0,)


def test_weights_drawn_by_the_seed_are_one_row(make_record: Any) -> None:
    hashes = [{"weights_sha256": str(seed) * 64} for seed in range(2)]
    [row] = rows([make_record(seed=seed, backbone=b) for seed, b in enumerate(hashes)])
    assert row.seeds == (0, 1)
    assert row.notes == ""


def test_rows_are_sorted_best_first_baselines_among_them(make_record: Any) -> None:
    records = [make_record(0.5), make_record(0.7, **KMER), make_record(0.6, head="token")]
    assert [row.kind for row in rows(records)] == ["baseline", "encoder", "encoder"]
    first = rows(records)[0]
    assert (first.backbone, first.strategy) == ("kmer", "baseline")
    smaller = {"ncrna_cls": TaskInfo("ncRNA classes", "macro_f1", False, "full")}
    means = [row.metrics["macro_f1"].mean for row in build(records, tasks=smaller)[0].rows]
    assert means == [0.5, 0.6, 0.7]


@pytest.mark.parametrize(
    "changes",
    [
        {"task": {"version": 2}},
        {"dataset": {"fingerprint": "b" * 64}},
        {"split": {"name": "random"}},
        {"split": {"fold": "srp"}},
        {"protocol": "as_published"},
    ],
)
def test_what_may_not_be_compared_never_shares_a_table(
    make_record: Any, changes: dict[str, Any]
) -> None:
    tables = build([make_record(0.5), make_record(0.9, **changes)], tasks=TASKS)
    assert len(tables) == 4
    assert len({table.key for table in tables}) == 4
    assert all(len(table.rows) == 1 for table in tables)


def test_the_default_part_and_real_data_come_first(make_record: Any) -> None:
    simulated = make_record(dataset={"simulated": True, "fingerprint": "0" * 64})
    tables = build([simulated, make_record()], tasks=TASKS)
    assert [(table.simulated, table.key.part) for table in tables] == [
        (False, "deduplicated"),
        (False, "full"),
        (True, "deduplicated"),
        (True, "full"),
    ]
    assert tables[0].metrics == ("macro_f1", "accuracy")
    assert tables[0].n == 4


def test_the_default_split_comes_first(make_record: Any) -> None:
    records = [make_record(split={"name": name}) for name in ("folds", "published")]
    tasks = {name: replace(task, default_split="published") for name, task in TASKS.items()}
    assert [table.key.split for table in build(records, tasks=tasks)][::2] == ["published", "folds"]


@pytest.mark.parametrize(
    ("one", "other", "notes"),
    [
        (
            {"recipe": {"budget": {"max_epochs": 5}}},
            {},
            ("max_epochs=5", "max_epochs=20"),
        ),
        ({"recipe": {"budget": {"patience": None}}}, {}, ("patience=none", "patience=3")),
        (
            {"recipe": {"train_fraction": 0.1}},
            {"recipe": {"train_fraction": 1.0}},
            ("train_fraction=0.1", "train_fraction=1.0"),
        ),
        ({"recipe": {"learning_rate": 0.1}}, {}, ("learning_rate=0.1", "learning_rate=0.001")),
        ({"strategy": {"k": 3}}, {}, ("k=3", "k=none")),
        ({"backbone": {"options": {"layers": 4}}}, {}, ("layers=4", "layers=none")),
        ({"head": "mean"}, {}, ("head=mean", "head=sequence")),
        (
            {"backbone": {"init": "pretrained", "weights_sha256": "12345678ab" + "0" * 54}},
            {"backbone": {"init": "pretrained", "weights_sha256": "f" * 64}},
            ("weights_sha256=12345678", "weights_sha256=ffffffff"),
        ),
    ],
)
def test_rows_that_look_alike_are_told_apart(
    make_record: Any, one: dict[str, Any], other: dict[str, Any], notes: tuple[str, str]
) -> None:
    best, worst = rows([make_record(0.9, **one), make_record(0.1, **other)])
    assert (best.notes, worst.notes) == notes


def test_rows_that_look_different_are_not_cluttered(make_record: Any) -> None:
    frozen = make_record(0.9, strategy={"name": "frozen"}, recipe={"learning_rate": 0.1})
    guided = make_record(0.8, strategy={"name": "type_guided", "base": "full", "k": 3})
    first, second, third = rows([frozen, make_record(0.1), guided])
    assert (first.notes, second.notes, third.notes) == ("", "", "")
    assert second.strategy == "type_guided on full"


def test_the_shared_budget_is_stated_once(make_record: Any) -> None:
    unbudgeted = make_record(0.9, **KMER)
    unbudgeted["recipe"] = {"budget": {}, "converged": None}
    records = [
        make_record(0.5, recipe={"budget": {"max_train_minutes": 7.5, "max_epochs": None}}),
        unbudgeted,
    ]
    [table, _] = build(records, tasks=TASKS)
    assert table.budget == "max_train_minutes=7.5, patience=3"
    assert [row.notes for row in table.rows] == ["", ""]


def test_runs_ended_by_the_budget_are_noted(make_record: Any) -> None:
    ends = ("steps", "converged", "interrupted")
    [row] = rows([make_record(seed=s, selection={"ended_by": end}) for s, end in enumerate(ends)])
    assert row.notes == "2 of 3 ended by the budget"
    assert row.flaws == (row.notes,)


def test_trained_rows_of_an_earlier_recipe_are_noted(make_record: Any) -> None:
    optimum = {**KMER, "selection": {"ended_by": "optimum"}}
    old = {"recipe_version": 1}
    kmer, net, today = rows(
        [make_record(0.9, **optimum, **old), make_record(0.8, **old), make_record(0.5)]
    )
    assert (kmer.flaws, kmer.seeded) == ((), False)
    assert (net.flaws, net.seeded) == (("recipe 1",), True)
    assert (kmer.notes, net.notes) == ("recipe 1", "recipe 1")
    assert today.flaws == ()
    by_name = build([make_record(0.8, **old), make_record(0.5)], tasks=TASKS)[0].by_name
    assert [row.metrics["macro_f1"].mean for row in by_name.values()] == [0.5]


@pytest.mark.parametrize(("init", "seeded"), [("pretrained", False), ("random", True)])
def test_seeds_move_an_exact_solution_where_they_draw_its_features(
    make_record: Any, init: str, seeded: bool
) -> None:
    solved = {"backbone": {"init": init}, "selection": {"ended_by": "optimum"}}
    assert [row.seeded for row in rows([make_record(**solved)])] == [seeded]


def test_of_rows_of_one_name_the_best_on_validation_stands_for_it(make_record: Any) -> None:
    records = [
        make_record(test, head=head, validation={"metrics": {"macro_f1": validation}})
        for head, test, validation in (("mean", 0.9, 0.5), ("token", 0.7, 0.8))
    ]
    [row] = build(records, tasks=TASKS)[0].by_name.values()
    assert row.metrics["macro_f1"].mean == 0.7


def test_an_undefined_main_metric_stands_last_with_its_reason(make_record: Any) -> None:
    records = [make_record(seed=seed) for seed in (0, 1)] + [make_record(0.1, head="mean")]
    for test in records[0]["tests"].values():
        test["metrics"]["macro_f1"] = {
            "value": None, "low": None, "high": None, "undefined": "there is one class",
        }  # fmt: skip
    table, _ = build(records, tasks=TASKS)
    assert [row.seeds for row in table.rows] == [(0,), (0, 1)]
    assert table.compared == table.rows[:1]
    told = "undefined: there is one class, 1 of 2 runs"
    assert table.rows[1].metrics["macro_f1"].undefined == told
    text = render([table], "md")
    assert f"- A dash: macro_f1 of rnaernie-tiny (random) is {told}." in text
    assert "NaN" not in render([table], "json")


def test_runs_that_differ_in_nothing_recorded_are_noted(make_record: Any) -> None:
    [row] = rows([make_record(run_id="0" * 12), make_record(run_id="1" * 12)])
    assert row.notes.startswith("equal seeds")


def test_a_metric_that_a_seed_lacks_is_left_out(make_record: Any) -> None:
    records = [make_record(seed=seed) for seed in range(2)]
    del records[0]["tests"]["full"]["metrics"]["accuracy"]
    deduplicated, full = build(records, tasks=TASKS)
    assert set(deduplicated.rows[0].metrics) == {"macro_f1", "accuracy"}
    assert set(full.rows[0].metrics) == {"macro_f1"}


def test_an_unknown_task_is_named(make_record: Any) -> None:
    with pytest.raises(ResultError, match="task 'ncrna_cls', which is not known here; name its"):
        build([make_record()], tasks={})


def test_a_record_without_the_main_metric_is_named(make_record: Any) -> None:
    record = make_record()
    del record["tests"]["full"]["metrics"]["macro_f1"]
    with pytest.raises(ResultError, match=f"{record['run_id']}: has no macro_f1 on full"):
        build([record], tasks=TASKS)


@pytest.mark.parametrize("field", ["task", "tests", "backbone", "recipe"])
def test_a_malformed_record_is_named(make_record: Any, field: str) -> None:
    record = make_record()
    del record[field]
    with pytest.raises(ResultError, match=f"{record['run_id']}: malformed near '{field}'"):
        build([record], tasks=TASKS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_order_of_records_does_not_matter(make_record: Any, format: str) -> None:
    records = [
        make_record(0.5, seed=seed, strategy={"name": name}, recipe={"learning_rate": rate})
        for seed in range(2)
        for name in ("full", "frozen")
        for rate in (0.1, 0.01)
    ]
    expected = render(build(records, tasks=TASKS), format)
    for seed in range(5):
        random.Random(seed).shuffle(records)
        assert render(build(records, tasks=TASKS), format) == expected


@pytest.mark.parametrize(
    "path",
    [
        "seed", "backbone.init", "backbone.parameters", "strategy.name", "recipe", "cost.train_s",
        "selection.trials", "dataset.simulated", "tests.full.n", "tests.full.predictions",
        "tests.full.metrics.accuracy.value", "tests.full.metrics.macro_f1.low",
    ],
)  # fmt: skip
def test_a_record_that_lacks_a_field_is_named(make_record: Any, path: str) -> None:
    record = make_record()
    *folders, name = path.split(".")
    place = record
    for folder in folders:
        place = place[folder]
    del place[name]
    with pytest.raises(ResultError, match=f"record {record['run_id']}: malformed near '{name}'"):
        rows([record])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "much"])
def test_a_figure_that_is_no_number_is_named(make_record: Any, value: object) -> None:
    record = make_record()
    record["tests"]["full"]["metrics"]["accuracy"]["value"] = value
    with pytest.raises(ResultError, match=f"record {record['run_id']}: malformed near"):
        rows([record])


def test_trials_are_averaged(make_record: Any) -> None:
    [row] = rows([make_record(seed=s, selection={"trials": n}) for s, n in enumerate((10, 20))])
    assert row.trials == 15
