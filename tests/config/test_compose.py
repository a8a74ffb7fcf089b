from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from rnaernie_bench.config.compose import compose, expand, value_of
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.task.catalogue import BACKBONES, BaselineEntry

TASK = "task=ncrna_cls"


def message(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose([TASK, *overrides])
    return str(caught.value)


def test_the_demo_is_the_default() -> None:
    config = compose([TASK])
    assert config.preset == "demo"
    assert config.task.data == "simulated"
    assert (config.task.name, config.task.head, config.task.length) == (
        "ncrna_cls",
        "pooled",
        "truncate",
    )
    assert (config.backbone.name, config.backbone.init) == ("rnaernie-tiny", "pretrained")
    assert config.strategy.name == "frozen"
    assert config.trainer.max_epochs == 30
    assert config.seed == 0
    assert config.runs_dir == Path("runs")


def test_bench_takes_real_data() -> None:
    config = compose([TASK, "preset=bench"])
    assert config.task.data == "real"
    assert config.backbone.name == "rnaernie-tiny"
    assert (config.trainer.max_epochs, config.trainer.patience) == (1000, 10)
    assert config.trainer.learning_rates is None  # three are tried


def test_what_is_left_to_the_level_is_settled() -> None:
    budgets = {
        name: compose([f"task={name}"]).trainer.token_budget
        for name in ("ncrna_cls", "ss_contacts")
    }
    assert budgets == {"ncrna_cls": 5760, "ss_contacts": 640}
    assert compose([TASK, "trainer.token_budget=7"]).trainer.token_budget == 7


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ((), None),
        (("strategy.learning_rate=1e-3",), ()),
        (("backbone=cnn", "backbone.learning_rate=1e-3"), ()),
        (("strategy.learning_rate=1e-3", "trainer.learning_rates=[1e-3,1e-2]"), (1e-3, 1e-2)),
    ],
)
def test_a_rate_that_is_set_is_not_searched(
    settings: tuple[str, ...], rates: tuple[float, ...] | None
) -> None:
    config = compose([TASK, "preset=bench", "strategy=full", *settings])
    assert config.trainer.learning_rates == rates


def test_paper_is_the_published_recipe() -> None:
    config = compose([TASK, "preset=paper"])
    assert config.task.data == "real"
    assert config.backbone.name == "rnaernie"
    assert config.backbone.source == "multimolecule/rnaernie"
    assert (config.backbone.num_hidden_layers, config.backbone.hidden_size) == (12, 768)
    assert config.trainer.max_epochs == 100
    assert config.trainer.weight_decay == 0.01
    assert config.strategy.learning_rate == 1e-4


@pytest.mark.parametrize("reverse", [False, True])
def test_choices_on_the_command_line_beat_presets(reverse: bool) -> None:
    overrides = [TASK, "preset=paper", "backbone=kmer", "trainer=default", "task.data=simulated"]
    config = compose(overrides[::-1] if reverse else overrides)
    assert config.backbone.name == "kmer"
    assert config.trainer.max_epochs == 1000
    assert config.task.data == "simulated"
    assert compose([TASK, "trainer=paper"]).trainer.max_epochs == 100
    assert compose([TASK, "trainer.max_epochs=7"]).trainer.max_epochs == 7


def test_comma_lists_expand_into_runs() -> None:
    assert list(expand(["seed=0,1,2", "strategy=full,frozen"])) == [
        (f"seed={seed}", f"strategy={strategy}")
        for seed in (0, 1, 2)
        for strategy in ("full", "frozen")
    ]
    assert list(expand(["seed=range(0,3)"])) == [("seed=0",), ("seed=1",), ("seed=2",)]
    assert list(expand([TASK, "backbone.C=[0.1,1]"])) == [(TASK, "backbone.C=[0.1,1]")]
    assert list(expand(["backbone.C=[0.1],[1]"])) == [("backbone.C=[0.1]",), ("backbone.C=[1]",)]
    assert list(expand([])) == [()]


@pytest.mark.parametrize("text", ["+x=1", "++x=1", "~seed", "~x=1", "trainer@x=paper"])
def test_keys_cannot_be_added_or_deleted(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        list(expand([text]))
    assert str(caught.value).startswith(f"'{text}' adds, deletes or moves a key; ")


@pytest.mark.parametrize("text", ["seed", "seed={", "--seed", ""])
def test_what_is_no_setting(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a setting; settings are written key=value"):
        list(expand([text]))


@pytest.mark.parametrize("text", ["seed=interval(0,1)", "seed=glob(*)"])
def test_sweeps_without_end_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="does not list its values; write key=a,b,c"):
        list(expand([text]))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seed=banana", "seed: 'banana' is not a whole number"),
        ("seed=1.5", "seed: '1.5' is not a whole number"),
        ("seed=true", "seed: true is not a whole number"),
        ("seed=null", "seed: null is not a whole number"),
        ("seed=-1", "seed: the value must be from 0 to 4294967295"),
        ("seed=4294967296", "seed: the value must be from 0 to 4294967295"),
        ("seeed=1", "seeed: unknown key 'seeed'; did you mean seed?"),
        ("trainer.max_epoch=1", "trainer.max_epoch: unknown key 'trainer.max_epoch'; did you mean"),
        ("max_epochs=1", "max_epochs: unknown key 'max_epochs'; did you mean trainer.max_epochs"),
        ("hydra.run.dir=x", "hydra.run.dir: unknown key"),
        ("trainr=paper", "trainr: unknown key 'trainr'"),
        ("trainer=papr", "trainer: there is no trainer 'papr'; did you mean paper?"),
        ("backbone=kmerr", "backbone: there is no backbone 'kmerr'; did you mean kmer or "),
        ("preset=benchh", "preset: there is no preset 'benchh'; did you mean bench?"),
        ("sweep=nosuch", "sweep: there is no sweep 'nosuch'"),
        ("trainer.max_epochs=0", "trainer.max_epochs: the value must be 1 or more"),
        ("trainer.max_epochs=banana", "trainer.max_epochs: 'banana' is not a whole number"),
        ("trainer.max_train_minutes=0", "trainer.max_train_minutes: the value must be above 0"),
        ("trainer.max_grad_norm=inf", "trainer.max_grad_norm: 'inf' is not a number"),
        ("trainer.weight_decay=nan", "trainer.weight_decay: 'nan' is not a number"),
        ("trainer.average=1", "trainer.average: the value must be between 0 and 1, or null"),
        ("trainer.learning_rates=[0]", "trainer.learning_rates: the value must be above 0"),
        ("trainer.learning_rates=[1,1]", "trainer.learning_rates: the value must be different"),
        ("trainer.warmup_fraction=1", "trainer.warmup_fraction: the value must be from 0 to below"),
        ("trainer.precision=fp8", "trainer.precision: 'fp8' is not allowed"),
        ("trainer.fast_dropout=yes", "trainer.fast_dropout: 'yes' is not true or false"),
        ("task.train_fraction=0", "task.train_fraction: the value must be above 0 and at most 1"),
        ("task.train_fraction=1.1", "task.train_fraction: the value must be above 0"),
        ("task.length=wrap", "task.length: 'wrap' is not allowed"),
        ("task.head=poled", "task.head: 'poled' is not allowed; did you mean pooled?"),
        ("task.name=other", "task.name: 'task.name' cannot be set; choose task=NAME"),
        ("backbone.name=kmer", "backbone.name: 'backbone.name' cannot be set; choose backbone=NA"),
        ("backbone.hidden_size=100", "backbone.hidden_size: 100 is not a multiple of 6 heads"),
        ("strategy.learning_rate=0", "strategy.learning_rate: the value must be above 0"),
        ("split=publised", "split: task 'ncrna_cls' has no split 'publised'; did you mean publis"),
        ("fold=6", "fold: there is no fold '6'"),
        ("protocol=published", "protocol: 'published' is not allowed"),
        ("tracking=server", "tracking.uri: a server needs an address; add tracking.uri=http://"),
        ("runs_dir=", "runs_dir: '' is not a path"),
        ("seed=${nowhere}", "the settings cannot be composed"),
    ],
)
def test_wrong_settings_name_the_key(override: str, expected: str) -> None:
    said = message(override)
    assert said.startswith(expected)
    assert "\n" not in said


def test_options_of_the_chosen_backbone_are_checked() -> None:
    assert message("backbone=kmer", "backbone.max_k=99").startswith("backbone.max_k: 1 <= min_k")
    assert message("backbone=kmer", "backbone.C=1").startswith("backbone.C: '1' is not a list")
    assert message("backbone=kmer", "backbone.hidden_size=3").startswith(
        "backbone.hidden_size: unknown key"
    )
    assert message("backbone=cnn", "backbone.dropout=1").startswith("backbone.dropout: ")
    assert compose([TASK, "backbone=kmer", "backbone.C=[2]"]).backbone.C == (2.0,)


def test_each_of_several_choices_is_checked() -> None:
    assert message("preset=foo", "preset=bench").startswith("preset: there is no preset 'foo'")
    assert compose([TASK, "seed=1", "seed=2"]).seed == 2


def test_a_task_is_needed() -> None:
    with pytest.raises(ConfigError, match="task: no task is chosen; add task=NAME, one of degr"):
        compose([])
    with pytest.raises(ConfigError, match=r"there is no task 'ncrn_cls'; did you mean ncrna_cls?"):
        compose(["task=ncrn_cls"])


def test_a_suite_is_not_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = compose([TASK])
    with pytest.raises(ConfigError, match="`rnaernie-bench suite` carries suites out"):
        dataclasses.replace(config, suite={"name": "core"})


def test_settings_do_not_change() -> None:
    config = compose([TASK])
    for part, name in ((config, "seed"), (config.trainer, "patience"), (config.backbone, "init")):
        with pytest.raises(FrozenInstanceError):
            setattr(part, name, 1)


def test_composing_leaves_no_trace() -> None:
    from hydra.core.global_hydra import GlobalHydra

    first = compose([TASK, "seed=1"])
    message("seed=banana")
    message("trainer=papr")
    assert compose([TASK, "seed=1"]) == first
    assert compose([TASK]).seed == 0
    assert not GlobalHydra.instance().is_initialized()


def test_composing_inside_another_hydra_application() -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(config_dir=str(Path(__file__).parent), version_base="1.3"):
        assert compose([TASK]).seed == 0
        assert GlobalHydra.instance().is_initialized()


def test_as_dict_holds_plain_values() -> None:
    import json

    raw = as_dict(compose([TASK, "backbone=kmer", "backbone.C=[0.03,0.1,0.3]"]))
    assert json.loads(json.dumps(raw)) == raw
    assert raw["runs_dir"] == "runs"
    assert isinstance(raw["backbone"]["C"], list)


@dataclass(frozen=True)
class PluginOptions:
    name: str
    width: int
    rates: tuple[float, ...] = (0.1, 0.2)


@pytest.fixture
def plugin() -> Iterator[None]:
    """Register a backbone that has no file in configs/."""
    entry = BaselineEntry(PluginOptions, "a:b", "a:c", "of another package")
    BACKBONES.register("other")(entry)
    yield
    del BACKBONES._targets["other"]


def test_a_plugin_needs_no_file(plugin: None) -> None:
    config = compose([TASK, "backbone=other", "backbone.width=3"])
    assert config.backbone == PluginOptions("other", 3)
    assert compose([TASK, "backbone=other", "backbone.width=3", "backbone.rates=[1]"]).backbone == (
        PluginOptions("other", 3, (1.0,))
    )
    assert "backbone.width" in message("backbone=other")
    assert message("backbone=other", "backbone.width=x").startswith("backbone.width: 'x' is not")
    assert message("backbone=othr").startswith("backbone: there is no backbone 'othr'; did you m")


def test_paths_need_no_quotes() -> None:
    for path in ("läufe", "run%20s", "a b", "#1?", "it's"):
        [chosen] = expand([f"runs_dir={path}"])
        assert compose(["task=ncrna_cls", *chosen]).runs_dir == Path(path)
        assert value_of("runs_dir", [f"runs_dir={path}"]) == path
    assert value_of("runs_dir", ['runs_dir="run%20s"']) == "run%20s"
    with pytest.raises(ConfigError, match="texts with other marks in quotes"):
        list(expand(["tracking.experiment=läufe"]))
