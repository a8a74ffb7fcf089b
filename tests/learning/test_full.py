"""Layer-wise rates and gradual unfreezing: by hand on a net of two layers, and resumed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.rnaernie import load
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning import full
from rnaernie_bench.learning.bucket_trainer import BucketTrainer
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.layers import layer_groups, rate_factors
from rnaernie_bench.learning.network import Network
from tests.kit import close
from tests.training_kit import TINY_NET, installed

NET = (*TINY_NET, "backbone.num_hidden_layers=2", "strategy=full")
LAYERS = ("embeddings.", "encoder.layer.0.", "encoder.layer.1.", "pooler.")


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("full")) as task:
        yield task


@pytest.fixture
def optimizers(monkeypatch):
    """Collect the rates a training begins and ends with, and its parameters by group."""
    seen = []
    original = BucketTrainer.create_scheduler

    def watching(self, *arguments, **named):
        names = {id(p): n for n, p in self.model.named_parameters()}
        groups = self.optimizer.param_groups
        seen.append([(g["lr"], g["weight_decay"], [names[id(p)] for p in g["params"]])
                     for g in groups])  # fmt: skip
        return original(self, *arguments, **named)

    monkeypatch.setattr(BucketTrainer, "create_scheduler", watching)
    return seen


def fit(task, folder, *overrides, log=None, score=None):
    config = task.config(*NET, "trainer.patience=50", *overrides)
    context = task.context(config, folder=folder, **({"log": log} if log else {}))
    return full.fit(context, load(config.backbone, 0), config.strategy)


def test_rates_fall_with_depth(task, tmp_path, optimizers):
    fit(task, tmp_path, "strategy.learning_rate=0.008", "strategy.layer_decay=0.5",
        "trainer.max_epochs=1")  # fmt: skip
    rates, decays = {}, {}
    for rate, decay, names in optimizers[0]:
        for name in names:
            assert name not in rates
            rates[name], decays[name] = rate, decay
    expected = {"embeddings.": 0.001, "encoder.layer.0.": 0.002, "encoder.layer.1.": 0.004,
                "pooler.": 0.008}  # fmt: skip
    for name, rate in rates.items():
        inner = name.removeprefix("backbone.")
        assert rate == next((r for start, r in expected.items() if inner.startswith(start)), 0.008)
    assert {n.split(".")[0] for n, rate in rates.items() if rate == 0.008} == {"backbone", "head"}
    assert decays["head.decoder.weight"] == 0.01
    assert decays["backbone.encoder.layer.0.attention.self.query.bias"] == 0
    assert optimizers[0][0][0] == 0.008  # what the curve of rates shows


def test_equal_rates_are_the_recipe_as_it_was(task, tmp_path, optimizers):
    fit(task, tmp_path / "a", "trainer.max_epochs=1")
    fit(task, tmp_path / "b", "trainer.max_epochs=1", "strategy.layer_decay=1.0")
    assert [len(groups) for groups in optimizers] == [2, 2]
    assert {rate for rate, *_ in optimizers[0]} == {1e-4}


class Kept:
    """A log that keeps the weights at the end of every epoch."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.weights: dict[int, dict[str, torch.Tensor]] = {}
        self.stop_after = stop_after
        self.model: nn.Module | None = None

    def __call__(self, metrics, epoch):
        if "eval_loss" in metrics:
            self.weights[epoch] = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        if self.stop_after is not None and epoch > self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture
def watched(monkeypatch):
    """Give logs the model that is being trained."""
    from rnaernie_bench.learning import fit as network

    original = network.fresh_network
    log = Kept()

    def building(context, encoder):
        fitted = original(context, encoder)
        context.log.model = fitted.model
        context.log.weights[0] = {n: p.detach().clone() for n, p in fitted.model.named_parameters()}
        return fitted

    monkeypatch.setattr(network, "fresh_network", building)
    return log


def changed(before, after):
    names = {n.removeprefix("backbone.") for n in before if not torch.equal(before[n], after[n])}
    return {start for start in (*LAYERS, "head.") if any(n.startswith(start) for n in names)}


def test_layers_are_thawed_from_the_top(task, tmp_path, watched):
    fitted, _ = fit(
        task, tmp_path, "strategy.unfreeze_every=1", "trainer.max_epochs=4", log=watched
    )
    states = [watched.weights[epoch] for epoch in range(5)]
    assert changed(states[0], states[1]) == {"head.", "pooler."}
    assert changed(states[1], states[2]) == {"head.", "pooler.", "encoder.layer.1."}
    assert changed(states[2], states[3]) == {"head.", *LAYERS} - {"embeddings."}
    assert changed(states[3], states[4]) == {"head.", *LAYERS}
    assert all(p.requires_grad for p in fitted.model.parameters())


def test_a_fraction_of_an_epoch(task, tmp_path, watched):
    fit(task, tmp_path, "strategy.unfreeze_every=0.2", "trainer.max_epochs=1", log=watched)
    assert changed(watched.weights[0], watched.weights[1]) == {"head.", *LAYERS}


def test_interrupted_while_thawing(task, tmp_path, watched, optimizers):
    options = ("strategy.unfreeze_every=1", "strategy.layer_decay=0.9", "trainer.max_epochs=4")
    undisturbed, report = fit(task, tmp_path / "a", *options, log=watched)
    with pytest.raises(KeyboardInterrupt):
        fit(task, tmp_path / "b", *options, log=Kept(stop_after=2))
    resumed, again = fit(task, tmp_path / "b", *options, log=Kept())
    assert again.best_epoch == report.best_epoch
    assert close(resumed.model.state_dict(), undisturbed.model.state_dict())


def test_a_final_norm_goes_with_the_head():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.config = type("Config", (), {"num_hidden_layers": 2})
            self.embeddings = nn.Embedding(2, 2)
            self.encoder = nn.Module()
            self.encoder.layer = nn.ModuleList([nn.Linear(2, 2, bias=False) for _ in range(2)])
            self.encoder.norm = nn.LayerNorm(2, bias=False)

    groups = layer_groups(Network(Backbone(), nn.Linear(2, 2, bias=False), SequenceInputs))
    assert groups == [
        ["backbone.encoder.norm.weight", "head.weight"],
        ["backbone.encoder.layer.1.weight"],
        ["backbone.encoder.layer.0.weight"],
        ["backbone.embeddings.weight"],
    ]
    assert [rate_factors(groups, 0.5)[names[0]] for names in groups] == [1, 0.5, 0.25, 0.125]


def test_a_backbone_without_layers_is_refused():
    backbone = nn.Linear(2, 2)
    backbone.config = type("Config", (), {"num_hidden_layers": 3})
    with pytest.raises(ConfigError, match="no list of 3 layers"):
        layer_groups(Network(backbone, nn.Linear(2, 2), SequenceInputs))


@pytest.mark.parametrize(
    "override",
    ["strategy.layer_decay=0", "strategy.layer_decay=1.1", "strategy.unfreeze_every=0"],
)
def test_values_out_of_range(task, override):
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        task.config(*NET, override)
