from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.config import identity as identity_module
from rnaernie_bench.config.compose import compose
from rnaernie_bench.config.identity import identity, recipe, strategy
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import paths
from rnaernie_bench.results.record import identity_of, run_id_of
from rnaernie_bench.results.store import record_paths
from rnaernie_bench.task.task import load_task

TASK = load_task("ncrna_cls")

DATA = "d63a2d12e2d8"

WEIGHTS = "0" * 64


@cache
def configured(*overrides: str) -> RunConfig:
    return compose(["task=ncrna_cls", *overrides])


def run_id(
    *overrides: str, kind: str = "encoder", weights: str | None = None, **changes: Any
) -> str:
    task = changes.get("task", TASK)
    fingerprint = changes.get("fingerprint", DATA)
    return run_id_of(identity(configured(*overrides), task, fingerprint, kind, weights))


def test_a_run_id_is_stable() -> None:
    assert run_id() == run_id()
    assert run_id("seed=3", "trainer.patience=2") == run_id("trainer.patience=2", "seed=3")
    assert run_id("strategy=lora", "strategy.alpha=1e1") == run_id(
        "strategy=lora", "strategy.alpha=10"
    )
    whole = dict(identity(configured(), TASK, DATA, "encoder", None))
    assert run_id_of(whole) == run_id_of(dict(reversed(whole.items())))


@pytest.mark.parametrize(
    "override",
    [
        "trainer.progress=false",
        "trainer.max_train_minutes=1",
        "runs_dir=/somewhere/else",
        "results_dir=elsewhere",
        "tracking=none",
        "tracking.experiment=mine",
        "launcher=local",
        "preset=demo",
        "trainer.token_budget=5760",  # the level's, named
    ],
)
def test_what_cannot_change_a_number_is_left_out(override: str) -> None:
    assert run_id(override) == run_id()


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "backbone=rnaernie-mini",
        "task.head=mean",
        "task.length=error",
        "task.train_fraction=0.5",
        "strategy=full",
        "strategy=full strategy.learning_rate=2e-4",
        "strategy.solver=adamw",
        "strategy.layer=all",
        "trainer.max_epochs=5",
        "strategy=full trainer.max_steps=5",
        "strategy=full trainer.evaluate_every=5",
        "strategy=full trainer.learning_rates=[1e-3]",
        "strategy=full trainer.average=null",
        "trainer.patience=2",
        "trainer.token_budget=100",
        "strategy=full trainer.weight_decay=0",
        "strategy=full trainer.warmup_fraction=0",
        "strategy=full trainer.max_grad_norm=2",
        "strategy=full trainer.gradient_accumulation=2",
        "strategy=full trainer.precision=bf16",
        "strategy=full trainer.fast_dropout=false",
        "backbone=rnaernie-mini backbone.num_hidden_layers=3",
    ],
)
def test_what_can_change_a_number_is_in(override: str) -> None:
    *company, last = override.split()
    assert run_id(*company, last) != run_id(*company)


def test_every_trainer_option_is_in_the_recipe_or_left_out_on_purpose() -> None:
    config = configured()
    made = recipe(config)
    named = {*made, *made["budget"], *identity_module._WITHOUT_EFFECT}
    assert set(vars(config.trainer)) <= named


def test_task_data_split_and_weights_are_in() -> None:
    assert run_id(task=replace(TASK, version=2)) != run_id()
    assert run_id(task=replace(TASK, name="other")) != run_id()
    assert run_id(fingerprint="0" * 12) != run_id()
    assert run_id("split=families", "fold=1") == run_id()  # what is meant where none is named
    assert run_id("split=published") != run_id()
    assert run_id(weights=WEIGHTS) != run_id()
    assert run_id(weights=WEIGHTS) != run_id(weights="1" * 64)


def test_fold_and_protocol_are_in() -> None:
    whole = identity(configured("split=published"), TASK, DATA, "encoder", None)
    assert whole["fold"] is None
    first = identity(configured(), TASK, DATA, "encoder", None)
    assert (first["split"], first["fold"]) == ("families", "1")
    assert whole["protocol"] == "clean"


def test_weights_are_what_they_are_wherever_they_come_from() -> None:
    hub, folder = ("backbone=rnaernie", "backbone=rnaernie|backbone.source=/models/rnaernie")
    ids = {run_id(*text.split("|"), weights=WEIGHTS) for text in (hub, folder)}
    assert len(ids) == 1


def test_a_new_recipe_version_is_a_new_run(monkeypatch: pytest.MonkeyPatch) -> None:
    before = run_id()
    monkeypatch.setattr(identity_module, "RECIPE_VERSION", identity_module.RECIPE_VERSION + 1)
    assert run_id() != before


def test_a_baseline_does_not_depend_on_strategy_or_head() -> None:
    plain = run_id("backbone=kmer", kind="baseline")
    assert run_id("backbone=kmer", "strategy=full", kind="baseline") == plain
    assert run_id("backbone=kmer", "task.head=mean", kind="baseline") == plain
    assert run_id("backbone=kmer", "backbone.max_k=3", kind="baseline") != plain
    assert run_id("backbone=kmer", "seed=1", kind="baseline") != plain
    assert strategy(configured("backbone=kmer"), "baseline") == {"name": "baseline"}
    assert strategy(configured("strategy=full"), "encoder") == {
        "name": "full",
        "learning_rate": 1e-4,
    }


EARLIER = Path(__file__).parents[1] / "results" / "recipe_1"
RECORDS = [*record_paths(paths.results_folder()), *record_paths(EARLIER)]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_committed_records_keep_their_ids(path: Path) -> None:
    """Whatever version of the recipe made them: what a record states gives its id."""
    record = json.loads(path.read_text(encoding="utf-8"))
    assert run_id_of(identity_of(record)) == record["run_id"]


def test_there_are_committed_records_of_every_strategy() -> None:
    names = {json.loads(path.read_text(encoding="utf-8"))["strategy"]["name"] for path in RECORDS}
    assert names >= {"baseline", "frozen", "full", "type_guided"}


@pytest.mark.parametrize("override", ["strategy.layer_decay=0.9", "strategy.unfreeze_every=1"])
def test_what_was_added_later_is_in_once_it_is_used(override: str) -> None:
    key, _, value = override.removeprefix("strategy.").partition("=")
    assert run_id("strategy=full", override) != run_id("strategy=full")
    told = strategy(configured("strategy=full", override), "encoder")
    assert told == {"name": "full", "learning_rate": 1e-4, key: float(value)}
