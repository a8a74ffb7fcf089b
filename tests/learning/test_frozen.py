"""The frozen strategy: features from the cache, and a head that reads plain features."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.rnaernie import load
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning import frozen, probe
from rnaernie_bench.learning.saved import load_network
from tests.training_kit import TINY_NET, installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def fit(task, *overrides, seed=0, **changes):
    config = task.config(*TINY_NET, "strategy=frozen", "trainer.max_epochs=5", *overrides)
    context = task.context(config, **changes)
    return frozen.fit(context, load(config.backbone, seed), config.strategy)


def test_a_second_run_computes_no_features(task, embedded):
    _, first = fit(task)
    assert embedded == [30, 12, 12]  # part by part
    fitted, second = fit(task)
    assert len(embedded) == 3
    assert (first.details["embedding_cached"], second.details["embedding_cached"]) == (False, True)
    assert second.details["embedding_s"] == 0
    fitted.logits([item.sequence for part in task.split().tests.values() for item in part])
    assert len(embedded) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"overrides": ("task.head=mean",)},
        {"overrides": ("task.head=window", "task.flank=2"), "first": ("task.head=window",)},
        {"overrides": ("task.length=error",)},
        {"overrides": ("backbone.num_attention_heads=4",)},  # equal weights, another network
        {"seed": 1},
    ],
)
def test_another_question_is_computed_anew(task, embedded, other):
    fit(task, *other.get("first", ()))
    fit(task, *other.get("overrides", ()), seed=other.get("seed", 0))
    assert len(embedded) == 6


def test_other_data_is_computed_anew(task, embedded):
    fit(task)
    part = [(header, sequence + "A") for header, sequence in task.parts["train"]]
    task.write({"train": "".join(f">{h}\n{s}\n" for h, s in part).encode()})
    fit(task)
    assert len(embedded) == 6


def test_a_subset_of_train_reads_the_same_features(task, embedded):
    fit(task)
    fit(task, train=task.split().train[:9])
    assert len(embedded) == 3


@pytest.mark.parametrize(
    # Of few dimensions, some hardly vary, so that standardising magnifies rounding.
    ("head", "tolerance"), [("pooled", 1e-3), ("mean", 1e-3), ("attention_pooling", 1e-4)]
)  # fmt: skip
def test_unseen_sequences_agree_with_the_table(task, head, tolerance):
    fitted, _ = fit(task, f"task.head={head}")
    known = [item.sequence for item in task.split().validation]
    from_table = fitted.logits(known)
    through_the_net = replace(fitted, kept=None).logits(known)
    assert np.allclose(from_table, through_the_net, atol=tolerance)
    mixed = fitted.logits([*known, "ACGUACGU"])
    assert np.allclose(mixed[:-1], from_table, atol=tolerance)


def test_features_of_train_do_not_depend_on_the_tests(task):
    def states(fitted):
        return fitted.kept.tables[0].of([item.sequence for item in task.split().train])

    dataset = task.dataset()
    without = replace(dataset, parts={k: v for k, v in dataset.parts.items() if k != "test"})
    assert (states(fit(task)[0]) == states(fit(task, dataset=without)[0])).all()  # to the last bit


def test_the_regression_learns_and_the_backbone_does_not(task):
    config = task.config(*TINY_NET, "strategy=frozen")
    encoder = load(config.backbone, 0)
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    curves = []
    context = task.context(config, log=lambda metrics, trial: curves.append((trial, metrics)))
    fitted, report = frozen.fit(context, encoder, config.strategy)
    after = encoder.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    items = task.split().validation
    predicted = fitted.logits([item.sequence for item in items]).argmax(1)
    assert np.mean(predicted == [item.label for item in items]) >= 0.9
    assert [trial for trial, _ in curves] == list(range(1, report.trials + 1))
    best = max(metrics["eval_macro_f1"] for _, metrics in curves)
    assert best == pytest.approx(curves[-1][1]["eval_macro_f1"], abs=0.2)
    assert (report.ended_by, report.converged) == ("optimum", True)
    chosen = report.selected
    assert chosen["solver"] == "closed_form" and chosen["pooling"] in ("mean", "moments", "cls")
    assert chosen["layers"] in ("0", "1", "0 1")
    assert chosen["C_lowest"] <= chosen["C"] <= chosen["C_highest"]


@pytest.mark.parametrize(
    ("head", "layer", "columns"),
    [("mean", "0", 16), ("mean", "all", 32), ("moments", "1", 48), ("window", "all", 96)],
)
def test_a_layer_that_is_given_is_read_and_saved(task, tmp_path, head, layer, columns):
    flank = ("task.flank=1",) if head == "window" else ()
    fitted, report = fit(task, f"task.head={head}", f"strategy.layer={layer}", *flank)
    assert report.selected["layers"] == {"all": "0 1"}.get(layer, layer)
    assert fitted.model.head.decoder.weight.shape == (3, columns)
    (tmp_path / "model").mkdir()
    fitted.save(tmp_path / "model")
    said = json.loads((tmp_path / "model" / "head.json").read_text())
    assert said["head"] == head and said.get("layers") == {"0": [0], "all": [0, 1]}.get(layer)
    reader = fitted.reader
    saved = {"max_bases": reader.max_bases, "length": reader.policy, "token_budget": 400}
    known = [item.sequence for item in task.split().validation]
    found = load_network(tmp_path / "model", saved).logits(known)
    assert np.allclose(found, fitted.logits(known), atol=1e-3)


def test_a_layer_that_is_not_there(task):
    with pytest.raises(ConfigError, match=r"no layer 2.*from 0, the embeddings, to 1"):
        fit(task, "strategy.layer=2")
    with pytest.raises(ConfigError, match="'top' is not allowed"):
        fit(task, "strategy.layer=top")


def test_what_takes_much_is_compared_on_a_sample_or_trained(task, embedded, monkeypatch):
    monkeypatch.setattr(probe, "COMPARED", 15)
    _, report = fit(task, "task.head=mean")
    assert report.selected["solver"] == "closed_form" and embedded == [30, 12, 12]
    # Of 48 sequences, 16 numbers fit, those of both layers do not.
    monkeypatch.setattr(probe, "MOST_BYTES", 5000)
    fitted, report = fit(task, "task.head=mean", seed=1)
    assert embedded[3:] == [15, 12, 30, 12, 12] and report.selected["layers"] in ("0", "1")
    assert fitted.model.head.decoder.weight.shape == (3, 16)
    monkeypatch.setattr(probe, "MOST_BYTES", 0)
    assert fit(task, "task.head=mean", seed=2)[1].selected["solver"] == "adamw"


def test_the_recipe_trains_heads_on_request(task):
    _, report = fit(task, "strategy.solver=adamw", "strategy.learning_rate=0.01")
    assert report.selected["solver"] == "adamw" and report.ended_by != "optimum"
    with pytest.raises(ConfigError, match="layer"):
        task.config(*TINY_NET, "strategy=frozen", "strategy.solver=adamw", "strategy.layer=1")
    with pytest.raises(ConfigError, match="solver=adamw trains them"):
        task.config(*TINY_NET, "strategy=frozen", "strategy.learning_rate=0.01")


def test_equal_seeds_give_equal_logits(task):
    sequences = [item.sequence for item in task.split().validation]
    assert np.allclose(fit(task)[0].logits(sequences), fit(task)[0].logits(sequences), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("positions", r"tiny/\w+\.fasta, record '.*': the sequence has \d+ positions, the head"),
        ("window", r"record '.*': the sequence has \d+ positions before its centre"),
    ],
)
def test_sequences_that_a_head_cannot_read_are_refused(task, head, message):
    flank = ("task.flank=15",) if head == "window" else ()
    with pytest.raises(DataError, match=message) as caught:
        fit(task, f"task.head={head}", *flank)
    assert "\n" not in str(caught.value)
