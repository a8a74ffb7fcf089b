"""Sequence heads: MultiMolecule's own on the pooler output, and the mean of the bases."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from multimolecule import RnaErnieConfig, RnaErnieModel
from multimolecule.modules import SequencePredictionHead

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.heads import attention_pooling, mean, mean_max, pooled, positions, window
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head

SMALL = {"hidden_size": 2, "vocab_size": 57, "bos_token_id": 1, "pad_token_id": 0,
         "eos_token_id": 2, "head": None}  # fmt: skip
"""What heads ask of the configuration of a backbone."""
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


def states_of(ids):
    """Return two features of each token: where it stands, and its square."""
    place = torch.arange(ids.shape[1], dtype=torch.float).expand(ids.shape)
    return {"last_hidden_state": torch.stack([place, place**2], dim=-1)}


def test_mean_and_maximum_are_over_the_bases_alone(tokenizer):
    head = mean_max.build(SimpleNamespace(**SMALL), 3, "multiclass")
    ids = tokenizer(["ACG", "G"], padding=True, return_tensors="pt")["input_ids"]
    features = head.features(states_of(ids), {"input_ids": ids})  # <cls> has place 0
    expected = torch.tensor([[2, (1 + 4 + 9) / 3, 3, 9], [1, 1, 1, 1]])
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize(
    ("sequence", "places"),
    [("ACGUA", [2, 3, 4]), ("ACGUAC", [3, 4, 5]), ("ACG", [1, 2, 3])],
    ids=["odd", "even", "short"],
)
def test_the_window_is_around_the_centre(tokenizer, sequence, places):
    """Bases have the places 1, 2, ... behind <cls>; of six, the centre is the fourth."""
    head = window.build(SimpleNamespace(**SMALL), 3, "multiclass", flank=1)
    batch = tokenizer([sequence, "A" * 9], padding=True, return_tensors="pt")
    features = head.features(states_of(batch["input_ids"]), batch)
    assert features[0].tolist() == [value for place in places for value in (place, place**2)]
    assert head.decoder.in_features == 6
    assert head.refuses(len(sequence)) is None


def test_a_window_does_not_reach_beyond_the_ends():
    head = window.build(SimpleNamespace(**SMALL), 3, "multiclass", flank=2)
    assert [bool(head.refuses(states)) for states in (3, 4, 5, 6)] == [True, True, False, False]
    assert "2 positions before its centre and 1 behind" in head.refuses(4)


def test_positions_have_weights_of_their_own(tokenizer):
    head = positions.build(SimpleNamespace(**SMALL), 1, "regression", length=3)
    batch = tokenizer(["ACG", "GGC"], padding=True, return_tensors="pt")
    features = head.features(states_of(batch["input_ids"]), batch)
    assert features.tolist() == [[1, 1, 2, 4, 3, 9]] * 2
    assert (head.refuses(3), bool(head.refuses(4))) == (None, True)


def test_attention_weighs_the_bases(tokenizer):
    head = attention_pooling.build(SimpleNamespace(**SMALL), 1, "regression").eval()
    with torch.no_grad():
        head.decoder.weight.fill_(1.0)
        head.decoder.bias.zero_()
        head.attention.weight.zero_()  # all bases alike: the mean
        states, mask = (
            torch.tensor([[[1.0, 0], [3, 0], [9, 9]]]),
            torch.tensor([[True, True, False]]),
        )
        assert head.predict(states, {"mask": mask}).tolist() == [[2.0]]
        head.hidden.weight.fill_(10.0)
        head.hidden.bias.zero_()
        head.attention.weight.fill_(100.0)
        states = torch.tensor([[[-1.0, 0], [3, 0], [9, 9]]])  # tanh is -1 and 1: the second alone
        assert head.predict(states, {"mask": mask}).tolist() == [[3.0]]


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
