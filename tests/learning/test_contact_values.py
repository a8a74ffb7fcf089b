"""Heads on pairs of bases with several outputs: their losses, their scores, what is saved."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from rnaernie_bench.data.encoding import encode
from rnaernie_bench.heads.contact import of_pairs
from rnaernie_bench.learning.contact_inputs import TokenInputs
from rnaernie_bench.learning.contact_network import (
    ContactModel,
    HeadOnStates,
    load_contact_model,
    save_contact_model,
)
from rnaernie_bench.learning.contact_values import pair_scores, values_loss
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.task.catalogue import HEADS

LABELS = {
    "multiclass": ["none", "canonical", "wobble"],
    "multilabel": ["strong", "purines"],
    "regression": ["bonds", "rings"],
}
NAN = float("nan")


def named_heads():
    return [name for name, entry in HEADS.working() if entry.level == "contact"]


class Config:
    hidden_size, num_hidden_layers, num_attention_heads = 6, 2, 2


@pytest.mark.parametrize("name", named_heads())
def test_each_output_is_that_of_a_head_with_this_output_alone(name):
    head = build_head(name, Config(), 3, "regression").eval()
    alone = build_head(name, Config(), 1, "binary").eval()
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 5, 6, generator=generator)
    maps = torch.rand(2, 4, 5, 5, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    logits = head(states, mask, maps)
    assert logits.shape == (2, 3, 5, 5)
    assert torch.equal(logits, logits.mT)
    for output in range(3):
        weights = dict(head.state_dict())
        for key in ("decoder.weight", "decoder.bias"):
            weights[key] = weights[key][[output]]
        alone.load_state_dict(weights)
        assert torch.allclose(alone(states, mask, maps), logits[:, output], atol=1e-6)
    units = of_pairs(logits, mask)
    expected = [logits[0, :, i, j] for i, j in combinations(range(5), 2)]
    expected += [logits[1, :, i, j] for i, j in combinations(range(3), 2)]
    assert torch.equal(units, torch.stack(expected))


def test_classes_start_from_the_first_and_quantities_from_anywhere():
    prior = -4.59512
    bias = {
        problem: build_head("bilinear", Config(), 3, problem).decoder.bias.tolist()
        for problem in LABELS
    }
    assert bias["multiclass"] == pytest.approx([0, prior, prior], abs=1e-5)
    assert bias["multilabel"] == pytest.approx([prior] * 3, abs=1e-5)
    assert max(map(abs, bias["regression"])) < 1


def test_votes_and_unknown_pairs_count_as_they_are_told():
    logits = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]], [[[0.0, 3.0], [3.0, 0.0]]]])

    class Constant(torch.nn.Module):
        def forward(self, states, mask):
            return logits

    model = HeadOnStates(Constant(), lambda *a: values_loss(*a, problem="regression"))
    mask, votes = torch.ones(2, 2, dtype=torch.bool), torch.tensor([[0.25, 0.75]])
    found = model(torch.zeros(2, 2, 1), mask, votes, torch.tensor([[2.0]]))
    assert found["logits"].tolist() == [[[[0.0, 2.5], [2.5, 0.0]]]]
    assert found["loss"].item() == pytest.approx(0.25)
    assert model(torch.zeros(2, 2, 1), mask, votes, torch.tensor([[NAN]]))["loss"].item() == 0


@pytest.fixture(scope="module")
def encoder():
    from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load

    return load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0)


def test_scores_do_not_depend_on_batches(encoder):
    sequences = ["GGGAAACCC", "AC", "ACGUA"]
    head = build_head("bilinear", encoder.model.config, 2, "multilabel")
    model = ContactModel(encoder.model, head).eval()
    ids = encode(sequences, encoder.tokenizer, policy="error", max_bases=508)
    inputs = TokenInputs(ids, encoder.tokenizer.pad_token_id, sequences)
    found = [
        pair_scores(
            lambda **batch: model(**batch)["logits"], inputs, token_budget=budget, device="cpu"
        )
        for budget in (1, 1000)
    ]
    assert found[0].shape == (36 + 1 + 10, 2)
    assert np.allclose(*found, atol=1e-6)


@pytest.mark.parametrize("problem", LABELS)
def test_the_bilinear_head_is_saved_as_multimolecules_own(encoder, tmp_path, problem):
    from multimolecule import RnaErnieForContactPrediction, RnaTokenizer

    labels = LABELS[problem]
    head = build_head("bilinear", encoder.model.config, len(labels), problem)
    model = ContactModel(encoder.model, head).eval()
    save_contact_model(
        model, encoder.tokenizer, tmp_path, head="bilinear", problem=problem, labels=labels
    )
    theirs = RnaErnieForContactPrediction.from_pretrained(tmp_path).eval()
    assert {n: w.shape for n, w in theirs.contact_head.named_parameters()} == {
        n: w.shape for n, w in head.named_parameters()
    }
    assert theirs.config.id2label == dict(enumerate(labels))
    assert theirs.config.head.problem_type == problem
    batch = RnaTokenizer.from_pretrained(tmp_path)(["GGGAAACCC"], return_tensors="pt")
    again, _ = load_contact_model(tmp_path)
    mask = torch.ones(1, 9, dtype=torch.bool)
    with torch.inference_mode():
        expected = theirs(**batch).logits
        found = [m(**batch, mask=mask)["logits"].movedim(1, -1) for m in (model, again)]
    expected = getattr(expected, "tensor", expected)
    assert expected.shape == (1, 9, 9, len(labels))
    assert torch.allclose(found[0], expected, atol=1e-5)
    assert torch.equal(*found)
