"""Low-rank adapters: what learns, what stays, and that merging changes nothing but the names."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import multimolecule
import numpy as np
import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.fast_dropout import FastDropout
from rnaernie_bench.backbones.rnaernie import load
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning import lora
from rnaernie_bench.learning.network import load_network
from tests.kit import close
from tests.training_kit import TINY_NET, installed

NET = (*TINY_NET, "strategy=lora", "strategy.rank=2", "strategy.learning_rate=0.02",
       "trainer.patience=50", "trainer.max_epochs=3")  # fmt: skip
OPTIONS = lora.LoraOptions("lora", 0.02, 2, 16.0, 0.1, None)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("lora")) as task:
        yield task


def fit(task, folder, *overrides, pooler_seed=None, **changes):
    config = task.config(*NET, *overrides)
    encoder = replace(load(config.backbone, 0), pooler_seed=pooler_seed)
    context = task.context(config, folder=folder, **changes)
    return encoder, *lora.fit(context, encoder, config.strategy)


@pytest.fixture(scope="module")
def run(task, tmp_path_factory):
    """One fit, looked at before and after its adapters are merged."""
    seen: dict[str, Any] = {}
    sequences = [item.sequence for item in task.split().validation]
    original_merge, original_add = lora.merge_adapters, lora.add_adapters

    def adding(backbone, options):
        seen["before"] = {n: v.clone() for n, v in backbone.state_dict().items()}
        return original_add(backbone, options)

    def merging(adapters):
        seen["trained"] = {n: v.clone() for n, v in adapters.model.state_dict().items()}
        seen["trainable"] = {n for n, p in adapters.model.named_parameters() if p.requires_grad}
        seen["dropouts"] = {type(m) for n, m in adapters.model.named_modules()
                            if "lora_dropout." in n}  # fmt: skip
        seen["logits"] = logits(adapters.model)
        original_merge(adapters)

    def logits(backbone):
        return seen["network"].logits(sequences)

    from rnaernie_bench.learning import fit as network

    original_head = network.fresh_network

    def building(context, encoder):
        seen["network"] = original_head(context, encoder)
        seen["head"] = {n: v.clone() for n, v in seen["network"].model.head.state_dict().items()}
        return seen["network"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "fresh_network", building)
        patch.setattr(lora, "add_adapters", adding)
        patch.setattr(lora, "merge_adapters", merging)
        encoder, fitted, report = fit(task, tmp_path_factory.mktemp("run"))
    return SimpleNamespace(**seen, encoder=encoder, fitted=fitted, report=report,
                           merged=fitted.logits(sequences), sequences=sequences)  # fmt: skip


def plain(name):
    """Return the name that a weight under an adapter had before."""
    return name.replace("base_layer.", "")


def test_only_adapters_and_head_learn(run):
    base = {plain(name): value for name, value in run.trained.items() if "lora_" not in name}
    assert base.keys() == run.before.keys()
    assert all(torch.equal(base[name], value) for name, value in run.before.items())
    adapters = {name: value for name, value in run.trained.items() if "lora_" in name}
    assert run.trainable == set(adapters)
    assert all(value.any() for value in adapters.values())  # B began at zero: gradients flow
    head = run.fitted.model.head.state_dict()
    assert not any(torch.equal(head[name], value) for name, value in run.head.items())


def test_adapters_have_the_cheap_dropout_too(run):
    assert run.dropouts == {nn.Dropout if torch.accelerator.is_available() else FastDropout}


def test_attention_has_adapters_of_the_rank(run):
    shapes = {n: tuple(v.shape) for n, v in run.trained.items() if "lora_" in n}
    attention = "encoder.layer.0.attention"
    layers = [f"{attention}.self.{x}" for x in ("query", "key", "value")]
    assert shapes == {
        f"{layer}.lora_{side}.default.weight": shape
        for layer in [*layers, f"{attention}.output.dense"]
        for side, shape in (("A", (2, 16)), ("B", (16, 2)))
    }
    head = 16 * 3 + 3
    assert run.report.details["trainable_parameters"] == 4 * 2 * 2 * 16 + head
    plain_net = sum(value.numel() for value in run.before.values()) + head
    assert run.report.parameters == plain_net


def test_merging_changes_no_score(run):
    assert np.allclose(run.merged, run.logits, atol=1e-5)
    merged = run.encoder.model.state_dict()
    assert merged.keys() == run.before.keys()
    changed = {name for name, value in merged.items() if not torch.equal(value, run.before[name])}
    assert changed == {plain(n).split(".lora_")[0] + ".weight" for n in run.trained if "lora_" in n}
    name = "encoder.layer.0.attention.self.query"
    a, b = (run.trained[f"{name}.lora_{side}.default.weight"] for side in "AB")
    expected = run.before[f"{name}.weight"] + 16 / 2 * b @ a
    assert torch.allclose(merged[f"{name}.weight"], expected, atol=1e-6)
    assert all(p.requires_grad for p in run.fitted.model.parameters())


def test_what_is_saved_is_a_plain_model(run, tmp_path):
    run.fitted.save(tmp_path)
    model, _, _ = load_network(tmp_path)
    loaded = replace(run.fitted, model=model)
    assert np.allclose(loaded.logits(run.sequences), run.merged, atol=1e-6)
    assert not list(tmp_path.glob("adapter*"))
    whole = multimolecule.RnaErnieForSequencePrediction.from_pretrained(tmp_path)
    assert type(whole.model.encoder.layer[0].attention.self.query) is nn.Linear


def test_an_interrupted_run_ends_as_if_nothing_had_happened(task, run, tmp_path):
    def interrupt(metrics, epoch):
        if epoch > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(task, tmp_path, log=interrupt)
    assert list((tmp_path / "checkpoints").glob("checkpoint-*"))
    _, resumed, report = fit(task, tmp_path)
    assert report.best_epoch == run.report.best_epoch
    assert close(resumed.model.state_dict(), run.fitted.model.state_dict())


def test_a_pooler_that_no_checkpoint_holds_learns_like_the_head(task, tmp_path, monkeypatch):
    trainable = []

    def stop(context, network, *arguments):
        trainable.extend(n for n, p in network.model.named_parameters() if p.requires_grad)
        raise KeyboardInterrupt

    monkeypatch.setattr("rnaernie_bench.learning.fit.train_network", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(task, tmp_path, pooler_seed=0)
    rest = {n for n in trainable if "lora_" not in n}
    assert rest == {"backbone.pooler.dense.weight", "backbone.pooler.dense.bias",
                    "head.decoder.weight", "head.decoder.bias"}  # fmt: skip


@pytest.mark.parametrize("name", ["RnaFm", "RnaMsm", "RiNALMo", "ErnieRna"])
def test_other_encoders_have_attention_to_adapt(name):
    config = getattr(multimolecule, f"{name}Config")(
        num_hidden_layers=2, hidden_size=8, num_attention_heads=2, intermediate_size=8
    )
    backbone = getattr(multimolecule, f"{name}Model")(config)
    lora.add_adapters(backbone, OPTIONS)
    names = {n.split(".lora_A")[0] for n, _ in backbone.named_parameters() if ".lora_A" in n}
    assert len(names) >= 2 * 4  # query, key, value and output of two layers
    assert all("attention" in n for n in names)


def test_named_layers_alone():
    backbone = load_tiny()
    lora.add_adapters(backbone, replace(OPTIONS, targets=("intermediate.dense",)))
    names = {n for n, p in backbone.named_parameters() if p.requires_grad}
    layer = "encoder.layer.0.intermediate.dense.lora_{}.default.weight"
    assert names == {layer.format("A"), layer.format("B")}


def test_no_layer_of_that_name():
    with pytest.raises(ConfigError, match="is called atention, or, such") as caught:
        lora.add_adapters(load_tiny(), replace(OPTIONS, targets=("atention", "or, such")))
    assert "encoder.layer.0.attention.self.query" in str(caught.value)


def test_without_peft(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConfigError, match=r"rnaernie-bench\[lora\]"):
        lora.add_adapters(load_tiny(), OPTIONS)


def load_tiny():
    from rnaernie_bench.backbones.rnaernie import RnaErnieOptions

    return load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0).model


@pytest.mark.parametrize(
    "override",
    ["strategy.rank=0", "strategy.alpha=0", "strategy.dropout=1", "strategy.learning_rate=0",
     "strategy.targets=[]"],
)  # fmt: skip
def test_values_out_of_range(task, override):
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        task.config(*NET, override)
