"""The token head is MultiMolecule's own, loads there without us, and sees bases alone."""

from __future__ import annotations

import pytest
import torch
from multimolecule import RnaErnieConfig, RnaErnieModel
from multimolecule.modules import TokenPredictionHead

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.learning.inputs import TokenInputs
from rnaernie_bench.learning.network import Network, build_head


class Config:
    """What heads ask of the configuration of a backbone."""

    hidden_size, vocab_size, head = 1, 57, None
    bos_token_id, pad_token_id, eos_token_id = 1, 0, 2


SEQUENCES = ["ACGUACGUACGU", "GGC", "UUUUAA"]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = RnaErnieConfig(
        vocab_size=57,
        num_hidden_layers=1,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=32,
    )
    backbone = RnaErnieModel(config)
    return Network(backbone, build_head("token", config, 2, "multilabel"), TokenInputs).eval()


@pytest.fixture(scope="module")
def batch():
    return typed_tokenizer()(SEQUENCES, padding=True, return_tensors="pt")


def test_scores_are_those_of_multimolecule(network, batch):
    theirs = TokenPredictionHead(network.backbone.config, head_config(2, "multilabel")).eval()
    theirs.load_state_dict(network.head.state_dict())
    with torch.inference_mode():
        ours = network(**batch)["logits"]
        outputs = network.backbone(**batch)
        other = theirs(outputs, batch["attention_mask"], batch["input_ids"]).logits
    lengths = [len(sequence) for sequence in SEQUENCES]
    assert len(ours) == sum(lengths)
    expected = torch.cat([other[row, :length] for row, length in enumerate(lengths)])
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_a_type_at_the_tail_is_no_base(network):
    tokenizer = typed_tokenizer()
    bases = tokenizer("ACGU")["input_ids"]
    typed = [*bases[:-1], 50, bases[-1]]  # a token of the type vocabulary before <eos>
    ids = torch.tensor([typed])
    with torch.inference_mode():
        assert len(network(input_ids=ids, attention_mask=torch.ones_like(ids))["logits"]) == 4


def test_a_window_holds_the_neighbours_of_the_same_sequence():
    head = build_head("token_window", Config(), 1, "regression", {"flank": 1})
    states = torch.tensor([[1.0], [2], [3], [7]])  # of three bases, and of one
    mask = torch.tensor([[True, True, True], [True, False, False]])
    rows = head.rows(states, {"mask": mask})
    assert rows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0], [0, 7, 0]]
    assert head.decoder.in_features == 3


def test_a_convolution_sees_neighbours_and_no_padding():
    torch.manual_seed(0)
    head = build_head("token_convolution", Config(), 1, "regression", {"flank": 1}).eval()
    states = torch.randn(7, 1)
    alone = head.predict(states[:6], {"mask": torch.ones(1, 6, dtype=torch.bool)})
    mask = torch.tensor([[True] * 6, [True] + [False] * 5])
    together = head.predict(states, {"mask": mask})
    torch.testing.assert_close(together[:6], alone)
    changed = states[:6].clone()
    changed[5] += 1
    moved = head.predict(changed, {"mask": mask[:1]}) - alone
    assert moved.abs().gt(1e-6).flatten().tolist() == [False] * 3 + [True] * 3  # two convolutions
