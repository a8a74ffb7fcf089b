"""Sequence heads: MultiMolecule's own on the pooler output, and the mean of the bases."""

from __future__ import annotations

import pytest
import torch
from multimolecule import RnaErnieConfig, RnaErnieModel
from multimolecule.modules import SequencePredictionHead

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.heads import mean, pooled
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head

SEQUENCES = ["ACGUACGUACGU", "GGC", "UUUUAA"]


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    config = RnaErnieConfig(
        vocab_size=57,
        num_hidden_layers=1,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return RnaErnieModel(config).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return typed_tokenizer()


@pytest.fixture(scope="module")
def batch(tokenizer):
    return tokenizer(SEQUENCES, padding=True, return_tensors="pt")


def test_pooled_head_is_that_of_multimolecule(backbone, batch):
    ours = pooled.build(backbone.config, 3, "multiclass").eval()
    theirs = SequencePredictionHead(backbone.config, head_config(3, "multiclass")).eval()
    theirs.load_state_dict(ours.state_dict())
    outputs, labels = backbone(**batch), torch.tensor([0, 2, 1])
    mine = Network(backbone, ours, SequenceInputs)(**batch)
    assert torch.allclose(mine["logits"], theirs(outputs, labels).logits, atol=1e-6)


def test_mean_is_over_the_bases_alone(backbone, tokenizer):
    head = mean.build(backbone.config, 3, "multiclass")
    ids = tokenizer(["AC", "G"], padding=True, return_tensors="pt")["input_ids"]
    assert ids.shape == (2, 4)  # <cls> A C <eos>, <cls> G <eos> <pad>
    states = torch.tensor(
        [
            [[100.0, 1], [1, 2], [3, 6], [100, 1]],
            [[100.0, 1], [5, 7], [100, 1], [100, 1]],
        ]
    )
    features = head.features({"last_hidden_state": states}, {"input_ids": ids})
    assert features.tolist() == [[2, 4], [5, 7]]


def test_mean_head_serves_multimolecules_call(backbone, batch):
    head = mean.build(backbone.config, 3, "multiclass").eval()
    outputs = backbone(**batch)
    logits = head(outputs, input_ids=batch["input_ids"]).logits
    assert torch.allclose(
        logits, Network(backbone, head, SequenceInputs)(**batch)["logits"], atol=1e-6
    )


@pytest.mark.parametrize("name", ["pooled", "mean"])
def test_company_in_a_batch_does_not_matter(backbone, tokenizer, batch, name):
    torch.manual_seed(1)
    model = Network(
        backbone, build_head(name, backbone.config, 3, "multiclass"), SequenceInputs
    ).eval()
    together = model(**batch)["logits"]
    for row, sequence in zip(together, SEQUENCES, strict=True):
        alone = model(**tokenizer([sequence], return_tensors="pt"))["logits"][0]
        assert torch.allclose(row, alone, atol=1e-6)


@pytest.mark.parametrize("name", ["pooled", "mean"])
def test_dropout_stands_before_the_linear_layer(backbone, batch, name):
    head = build_head(name, backbone.config, 3, "multiclass")
    assert head.config.dropout == 0.1
    features = torch.ones(4000, 16)
    torch.nn.init.ones_(head.decoder.weight)
    torch.nn.init.zeros_(head.decoder.bias)
    kept = head.train().predict(features, {}).mean().item()
    assert kept == pytest.approx(16, rel=0.01)  # scaled by 1 / 0.9, so that the mean stays
    assert len(head.predict(features, {}).unique()) > 2
    assert head.eval().predict(features, {}).unique().tolist() == [16]
