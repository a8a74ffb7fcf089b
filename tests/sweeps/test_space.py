from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import build
from rnaernie_bench.sweeps.options import Dimension, SweepOptions
from rnaernie_bench.sweeps.space import Base, Configurator, Space, as_overrides, open_space

RATE = {"key": "strategy.learning_rate", "type": "float", "low": 1e-4, "high": 1e-2, "log": True}
DECAY = {"key": "trainer.weight_decay", "type": "float", "low": 0.0, "high": 0.5}
CHOICE = {"key": "strategy", "type": "categorical", "choices": ["lora", "full"]}
BATCH = {
    "key": "strategy.rank", "type": "int", "low": 8, "high": 32, "step": 8,
    "when": {"strategy": "lora"},
}  # fmt: skip
LAYERS = {
    "key": "strategy.layer_decay", "type": "float", "low": 0.5, "high": 1.0,
    "when": {"strategy": ["full"]},
}  # fmt: skip


def opened(*dimensions: dict[str, Any], overrides: tuple[str, ...] = ()) -> Space:
    own = () if any(d["key"] == "strategy" for d in dimensions) else ("strategy=lora",)
    base = Base(("task=ncrna_cls", *own, *overrides))
    return open_space([build(Dimension, d) for d in dimensions], base, Configurator(base))


def options(**changes: Any) -> SweepOptions:
    given = {
        "name": "mine", "summary": "", "trials": 3, "seeds": 1, "study": None, "storage": None,
        "storage_env": None,
        "sampler": "tpe", "pruner": "none", "goals": ["main"], "heartbeat": 60, "space": [RATE],
    }  # fmt: skip
    return build(SweepOptions, given | changes, where="sweep")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"trials": 0}, "sweep.trials"),
        ({"seeds": 0}, "sweep.seeds"),
        ({"space": []}, "sweep.space"),
        ({"goals": []}, "sweep.goals"),
        ({"goals": ["main", "main"]}, "sweep.goals"),
        ({"goals": ["main", "items_per_s"], "pruner": "median"}, "sweep.pruner"),
        ({"goals": ["main", "items_per_s"], "sampler": "cmaes"}, "sweep.sampler"),
        ({"goals": ["train_s"], "pruner": "hyperband"}, "sweep.pruner"),
        ({"sampler": "annealing"}, "sweep.sampler"),
        ({"spaces": []}, "sweep.spaces"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options(**changes)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 1e-2, "high": 1e-4},
        {"low": None},
        {"low": 0.0},  # has no logarithm
        {"step": 1e-3},  # not with a logarithm
        {"log": False, "step": 1.0},  # larger than the range
        {"choices": [1, 2]},
        {"type": "int"},  # with ends that are no whole numbers
        {"type": "categorical"},
        {"type": "categorical", "low": None, "high": None, "log": False, "choices": [1]},
        {"type": "categorical", "low": None, "high": None, "log": False, "choices": [1, 1]},
        {"type": "categorical", "low": None, "high": None, "log": False, "choices": [[1], 2]},
        {"type": "normal"},
    ],
)
def test_wrong_dimensions_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        build(Dimension, RATE | changes)


@pytest.mark.parametrize(
    ("dimensions", "overrides", "message"),
    [
        ([RATE | {"key": "strategy.learning_rat"}], (), "learning_rat.*did you mean"),
        ([RATE | {"key": "optimiser.rate"}], (), "unknown key 'optimiser.rate'"),
        ([RATE | {"low": -1.0, "log": False}], (), "strategy.learning_rate.*above 0"),
        ([RATE], ("strategy.learning_rate=1e-3",), "set and searched"),
        ([RATE, RATE], (), "searched twice"),
        ([LAYERS], (), "nothing to search"),
        ([BATCH, CHOICE], (), "condition 'strategy' is searched after it"),
        ([CHOICE, BATCH | {"when": {"strategy": "frozen"}}], (), "never is frozen"),
        ([RATE | {"when": {"stratgy": "full"}}], (), "'stratgy' is no setting"),
        ([RATE], ("backbone=majority",), "no effect"),
        ([DECAY | {"key": "trainer.progress", "type": "categorical", "choices": [True, False],
                   "low": None, "high": None}], (), "no effect"),
        ([DECAY | {"key": "seed", "type": "int", "low": 0, "high": 3}], (), "the metric or"),
        ([{"key": "task.data", "type": "categorical", "choices": ["real", "simulated"]}], (),
         "the metric or"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(
    dimensions: list[dict[str, Any]], overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        opened(*dimensions, overrides=overrides)


def test_conditions_follow_what_was_chosen() -> None:
    space = opened(CHOICE, RATE, BATCH, LAYERS)
    lora = optuna.trial.FixedTrial(
        {"strategy": "lora", "strategy.learning_rate": 1e-3, "strategy.rank": 16}
    )
    assert space.suggest(lora) == lora.params
    full = optuna.trial.FixedTrial(
        {"strategy": "full", "strategy.learning_rate": 1e-3, "strategy.layer_decay": 0.5}
    )
    assert space.suggest(full) == space.settings(full.params) == full.params


def test_conditions_on_the_runs_own_settings_are_decided_at_once() -> None:
    assert list(opened(RATE, BATCH, LAYERS).dimensions) == [RATE["key"], BATCH["key"]]
    space = opened(RATE, BATCH, LAYERS, overrides=("strategy=full",))
    assert list(space.dimensions) == [RATE["key"], LAYERS["key"]]
    assert not any(dimension.when for dimension in space.dimensions.values())


def test_a_key_with_two_ranges_has_two_names() -> None:
    space = opened(CHOICE, RATE | {"when": {"strategy": "lora"}},
                   RATE | {"when": {"strategy": "full"}, "high": 1e-3})  # fmt: skip
    name = "strategy.learning_rate (full)"
    assert list(space.dimensions) == ["strategy", "strategy.learning_rate (lora)", name]
    params = {"strategy": "full", name: 5e-4}
    assert space.settings(params) == {"strategy": "full", "strategy.learning_rate": 5e-4}


def test_a_grid_has_every_combination() -> None:
    space = opened(DECAY | {"step": 0.25}, BATCH)
    grid = {"trainer.weight_decay": [0.0, 0.25, 0.5], "strategy.rank": [8, 16, 24, 32]}
    assert (space.grid(), space.size()) == (grid, 12)
    with pytest.raises(ConfigError, match="a grid needs"):
        opened(RATE).grid()
    with pytest.raises(ConfigError, match="a grid needs"):
        opened(CHOICE, BATCH).grid()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strategy.solver": "adamw", "strategy.learning_rate": 1.2345678901234567e-05},
        {"strategy": "full", "strategy.layer_decay": 0.7, "strategy.unfreeze_every": None},
        {"backbone": "cnn", "backbone.channels": 32, "trainer.fast_dropout": False},
    ],
)
def test_settings_are_those_of_the_command_line(settings: dict[str, Any]) -> None:
    base = Base(("task=ncrna_cls", "seed=3"))
    composed = compose([*base.overrides, *as_overrides(settings)])
    assert Configurator(base)(settings) == base.config(settings) == composed


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), min_size=1))
def test_any_text_can_be_a_choice(text: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    [override] = as_overrides({"tracking.experiment": text})
    assert OverridesParser.create().parse_override(override).value() == text
