from __future__ import annotations

import pytest

from rnaernie_bench.config.compose import group_choices
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.pretraining.config import compose

OUT = "out=somewhere"


def message(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose([OUT, *overrides])
    return str(caught.value)


def test_the_defaults_are_the_published_recipe():
    config = compose([OUT])
    assert (config.backbone.name, config.backbone.init) == ("rnaernie-tiny", "random")
    assert config.corpus.name == "rfam_seed"
    trainer = config.trainer
    assert (trainer.learning_rate, trainer.min_learning_rate) == (1e-4, 5e-5)
    assert (trainer.warmup_fraction, trainer.cooldown_fraction) == (0.05, 0.05)
    assert (trainer.weight_decay, trainer.dropout) == (0.01, 0.1)
    masking = config.masking
    assert (masking.rate, masking.mask, masking.random) == (0.15, 0.8, 0.1)
    assert config.motifs is None


def test_weights_are_random_whatever_the_backbone():
    assert compose([OUT, "backbone=rnaernie"]).backbone.init == "random"
    going_on = compose([OUT, "backbone.init=pretrained", "backbone.source=folder"])
    assert (going_on.backbone.init, going_on.backbone.source) == ("pretrained", "folder")


@pytest.mark.parametrize("text", ["schedule=mixed", "masking.schedule=mixed"])
def test_the_schedule_has_a_short_name(text):
    assert compose([OUT]).masking.schedule == "staged"
    assert compose([OUT, text]).masking.schedule == "mixed"


@pytest.mark.parametrize("group", ["corpus", "tracking", "backbone"])
def test_every_choice_composes(group):
    needed = {"fasta": ["corpus.files=[a.fa]"], "server": ["tracking.uri=http://localhost:5000"]}
    needed["table"] = ["corpus.files=[a.parquet]"]
    names = group_choices(group)
    if group == "backbone":
        names = [name for name in names if name.startswith("rnaernie")]
        assert len(names) == 3
    for name in names:
        config = compose([OUT, f"{group}={name}", *needed.get(name, [])])
        assert getattr(config, group).name == name


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("corpus=rfam", "corpus: there is no corpus 'rfam'; did you mean rfam_seed?"),
        ("backbone=kmer", "backbone: there is no backbone 'kmer'"),
        ("masking.rat=0.2", "masking.rat: unknown key 'masking.rat'; did you mean masking.rate "),
        ("schedule=stages", "masking.schedule: 'stages' is not allowed; did you mean staged?"),
        ("trainer.max_step=5", "trainer.max_step: unknown key"),
        ("trainer=paper", "trainer"),
        ("task=ncrna_cls", "task: unknown key 'task'"),
        ("trainer.token_budget=511", "trainer.token_budget: the value must be 512 or more"),
        ("trainer.eval_steps=70", "trainer.eval_steps: the value must be a multiple of trainer.lo"),
        ("trainer.checkpoint_steps=1", "trainer.checkpoint_steps: the value must be a multiple of"),
        ("trainer.min_learning_rate=1", "trainer.min_learning_rate: the value must be from 0 to"),
        ("trainer.cooldown_fraction=0.96", "trainer.cooldown_fraction: the value must be at most"),
        ("trainer.dropout=1", "trainer.dropout: the value must be from 0 to below 1"),
        ("motifs=[]", "motifs: the value must be a list of one file or more, or null"),
        ("tracking=server", "tracking.uri: a server needs an address"),
        ("seed=-1", "seed: the value must be from 0 to 4294967295"),
    ],
)
def test_slips_are_named(override, expected):
    assert message(override).startswith(expected)


def test_a_folder_is_needed():
    with pytest.raises(ConfigError, match="out: no folder is chosen; add out=FOLDER"):
        compose([])
