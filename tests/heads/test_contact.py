"""Contact heads: symmetric, blind to padding; MultiMolecule's function in one product."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from multimolecule import PreTrainedConfig
from multimolecule.modules import HeadConfig
from multimolecule.modules.heads import ContactPredictionHead

from rnaernie_bench.heads.attention import AttentionHead, AttentionOptions
from rnaernie_bench.heads.bases.contact import (
    IMPOSSIBLE,
    PRIOR,
    can_pair,
    letters_of,
    mirrored,
    of_pairs,
)
from rnaernie_bench.heads.bilinear import BilinearHead, BilinearOptions
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.learning.structures import IGNORED, contact_loss, contact_targets
from rnaernie_bench.task.catalogue import HEADS
from tests.heads.contact_kit import HIDDEN, Config, a_batch, filled, head_named, scored

NAMES = ["bilinear", "attention", "resnet", "resnet2d"]


def multimolecules(ours: BilinearHead, hidden: int = HIDDEN) -> ContactPredictionHead:
    """Return MultiMolecule's head with the weights of `ours`, loaded by their names."""
    config = PreTrainedConfig(
        hidden_size=hidden, bos_token_id=1, eos_token_id=2, pad_token_id=0, num_labels=1
    )
    theirs = ContactPredictionHead(config, HeadConfig(num_labels=1, problem_type="binary"))
    theirs.load_state_dict(ours.state_dict())
    return theirs.eval()


def test_bilinear_by_hand():
    head = BilinearHead(Config(hidden_size=2))
    with torch.no_grad():
        head.decoder.weight.copy_(torch.tensor([[2.0, -1.0]]))
        head.decoder.bias.fill_(0.5)
    states = torch.tensor([[[1.0, 2.0], [3.0, 1.0]]])
    logits = scored(head, states, torch.ones(1, 2, dtype=torch.bool))
    # 2 * 1 * 1 - 2 * 2 + .5, 2 * 1 * 3 - 2 * 1 + .5, 2 * 3 * 3 - 1 * 1 + .5
    assert logits.tolist() == [[[-1.5, 4.5], [4.5, 17.5]]]


@pytest.mark.parametrize("bases", [[5], [7, 4, 1]])
def test_bilinear_is_multimolecules_head(bases):
    """Logits, loss and gradients on shared weights, from states with <cls>, <eos> and <pad>."""
    ours = head_named("bilinear")
    theirs = multimolecules(ours)
    longest = max(bases)
    ids = torch.zeros(len(bases), longest + 2, dtype=torch.long)
    for row, length in zip(ids, bases, strict=True):
        row[: length + 2] = torch.tensor([1, *[6] * length, 2])
    states = torch.randn(*ids.shape, HIDDEN)
    mine, yours = states.clone().requires_grad_(), states.clone().requires_grad_()
    generator = np.random.default_rng(0)
    truth = generator.integers(2, size=(len(bases), longest, longest))
    truth = torch.from_numpy(np.maximum(truth, truth.transpose(0, 2, 1)))
    mask = ids[:, 1:-1] == 6
    kept = ours.features({"last_hidden_state": mine}, {"mask": mask})
    inside = mask[:, None] & mask[:, :, None]
    truth = truth.masked_fill(~inside, IGNORED)  # which theirs leaves out as well

    reference = theirs({"last_hidden_state": yours}, (ids != 0).int(), ids, truth)
    expected = reference.logits.tensor.squeeze(-1)
    logits = scored(ours, kept, mask)
    assert torch.allclose(logits[inside], expected[inside], atol=1e-5)

    loss = contact_loss(logits, truth, mask, min_distance=0, average="pairs")
    assert loss.item() == pytest.approx(reference.loss.item(), abs=1e-5)
    loss.backward()
    reference.loss.backward()
    assert torch.allclose(mine.grad, yours.grad, atol=1e-5)
    for key, weight in ours.named_parameters():
        assert torch.allclose(weight.grad, theirs.get_parameter(key).grad, atol=1e-5), key
    assert mine.grad[:, 0].abs().max() == 0  # <cls> has no part in it


def test_attention_by_hand():
    """One map of two bases: symmetric mean [[.2, .5], [.5, .8]], row sums .7 and 1.3, total 2."""
    maps = torch.tensor([[[[0.2, 0.6], [0.4, 0.8]]]])
    mask, states = torch.ones(1, 2, dtype=torch.bool), torch.zeros(1, 2, 1)
    for apc, expected in [
        (False, [[0.2, 0.5], [0.5, 0.8]]),
        (True, [[0.2 - 0.245, 0.5 - 0.455], [0.5 - 0.455, 0.8 - 0.845]]),
    ]:
        head = AttentionHead(Config(1, 1, 1), AttentionOptions(apc=apc))
        with torch.no_grad():
            head.decoder.weight.fill_(10.0)
            head.decoder.bias.fill_(1.0)
        logits = scored(head, states, mask, maps)
        assert torch.allclose(logits, 10 * torch.tensor([expected]) + 1, atol=1e-5)


def test_attention_weighs_each_map_after_correcting_it():
    head = head_named("attention")
    states, mask, maps = a_batch([5, 3])
    maps = maps * mask[:, None, :, None]
    even = (maps + maps.mT) / 2
    rows, total = even.sum(-1, keepdim=True), even.sum((-1, -2), keepdim=True)
    corrected = even - rows * rows.mT / total
    expected = (corrected * head.decoder.weight.view(1, -1, 1, 1)).sum(1) + head.decoder.bias
    assert torch.allclose(scored(head, states, mask, maps), expected, atol=1e-6)


@pytest.mark.parametrize("name", [*NAMES, "earlier"])
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    padded=st.integers(0, 3),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_symmetric_and_blind_to_padding(name, lengths, padded, seed):
    """Bit for bit symmetric; each sequence as if alone; rubbish at padding, and no gradient."""
    head = filled(head_named(name, seed))
    states, mask, maps = a_batch(lengths, seed, padded)
    states = states.masked_fill(~mask.unsqueeze(-1), 1e30).requires_grad_()
    maps = maps.masked_fill(~(mask[:, None, None] & mask[:, None, :, None]), 1e30)
    logits = scored(head, states, mask, maps.requires_grad_())
    assert torch.equal(logits, logits.mT)
    assert logits.isfinite().all()
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        alone = scored(
            head, states[one, :length], mask[one, :length], maps[one, :, :length, :length]
        )
        assert torch.allclose(logits[row, :length, :length], alone[0], atol=1e-5)
    logits.sum().backward()
    if states.grad is not None:
        assert (states.grad[~mask] == 0).all()
    if maps.grad is not None:
        assert (maps.grad.transpose(1, -1)[~mask] == 0).all()


@pytest.mark.parametrize(
    "name, steps, rate",
    [
        ("bilinear", 150, 0.05),
        ("attention", 150, 0.05),
        ("resnet", 45, 0.03),
        ("resnet2d", 45, 0.03),
    ],
)
def test_heads_start_from_the_prior_and_learn(name, steps, rate):
    """See `hairpins`; what is too close to pair is not trained on."""
    head = head_named(name).train()
    states, mask, maps, targets = hairpins()
    with torch.no_grad():
        first = scored(head, torch.zeros_like(states), mask, torch.zeros_like(maps))[0, 0, 1]
    assert torch.sigmoid(first).item() == pytest.approx(PRIOR, rel=0.7)
    optimizer = torch.optim.Adam(head.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = contact_loss(scored(head, states, mask, maps), targets, mask, positive_weight=2.0)
        loss.backward()
        optimizer.step()
    found = scored(head.eval(), states, mask, maps) > 0
    assert torch.equal((found & (targets >= 0)).triu(4), (targets > 0).triu(4))


def hairpins():
    """Return states, mask, maps and targets of 8 sequences of 10 to 13 bases with 3 pairs each.

    A state holds a letter of its pair (one axis for both partners); the last map attends to
    partners, others to anything.
    """
    generator = torch.Generator().manual_seed(0)
    lengths = [10, 11, 12, 13] * 2
    states, mask, maps = a_batch(lengths)
    pairs = [np.array([[i, n - 1 - i] for i in range(3)]) for n in lengths]
    targets = contact_targets(pairs, lengths)
    for row, chosen in enumerate(pairs):
        states[row] = 0.1 * torch.randn(states[row].shape, generator=generator)
        for axis, (i, j) in enumerate(chosen):
            states[row, [i, j], axis] += 1
            maps[row, -1, [i, j], [j, i]] += 1
    return states, mask, maps, targets


def test_letters_and_the_bases_that_can_pair():
    letters = letters_of(["GAAAACN", "GAAAU"])
    assert letters.tolist() == [[2, 0, 0, 0, 0, 1, 4], [2, 0, 0, 0, 3, 4, 4]]
    found = {tuple(place) for place in can_pair(letters).nonzero().tolist()}
    # A1 and U4 of the second are too close; N pairs with nothing
    assert found == {(0, 0, 5), (0, 5, 0), (1, 0, 4), (1, 4, 0)}


def test_bases_that_cannot_pair_get_no_probability():
    states, mask, maps = a_batch([7, 5])
    batch = {"mask": mask, "letters": letters_of(["GAAAACN", "GAAAU"])}
    for name in NAMES:
        head = build_head(name, Config(), 1, "binary", HEADS.get(name).fresh).eval()
        logits = head.predict(maps if head.reads_attentions else states, batch)
        assert torch.equal(logits != IMPOSSIBLE, can_pair(batch["letters"]))


def test_special_tokens_are_no_features():
    outputs = {  # <cls> A C G <eos>; <cls> A <eos> <pad> <pad>
        "last_hidden_state": torch.arange(10.0).view(2, 5, 1),
        "attentions": tuple(torch.rand(2, 3, 5, 5) for _ in range(2)),
    }
    batch = {"mask": torch.tensor([[True] * 3, [True, False, False]])}
    states = head_named("bilinear").features(outputs, batch)
    assert states.squeeze(-1).tolist() == [[1, 2, 3], [6, 7, 8]]
    maps = head_named("attention").features(outputs, batch)
    assert maps.shape == (2, 6, 3, 3)
    assert torch.equal(maps[1, 4], outputs["attentions"][1][1, 1, 1:4, 1:4])


def test_what_is_mirrored_is_the_upper_triangle():
    found = mirrored(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    assert found.tolist() == [[[1, 2], [2, 4]]]


def test_dropout_is_of_states_and_only_in_training():
    head = BilinearHead(Config(), BilinearOptions(dropout=0.5))
    states, mask, _ = a_batch([6])
    assert not torch.equal(scored(head.train(), states, mask), scored(head, states, mask))
    assert torch.allclose(scored(head.eval(), states, mask), scored(head, states, mask))


@pytest.mark.parametrize("name", NAMES)
def test_registered_for_contacts(name):
    assert HEADS.get(name).level == "contact"


@pytest.mark.parametrize("name", NAMES)
def test_each_output_is_that_of_a_head_with_this_output_alone(name):
    head = filled(build_head(name, Config(), 3, "regression", HEADS.get(name).fresh).eval())
    alone = head_named(name)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 5, 6, generator=generator)
    maps = torch.rand(2, 4, 5, 5, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    logits = scored(head, states, mask, maps)
    assert logits.shape == (2, 3, 5, 5)
    assert torch.equal(logits, logits.mT)
    for output in range(3):
        weights = dict(head.state_dict())
        for key in ("decoder.weight", "decoder.bias"):
            weights[key] = weights[key][[output]]
        alone.load_state_dict(weights)
        assert torch.allclose(scored(alone, states, mask, maps), logits[:, output], atol=1e-6)
    units = of_pairs(logits, mask)
    expected = [logits[0, :, i, j] for i, j in combinations(range(5), 2)]
    expected += [logits[1, :, i, j] for i, j in combinations(range(3), 2)]
    assert torch.equal(units, torch.stack(expected))


def test_classes_start_from_the_first_and_quantities_from_anywhere():
    prior = -4.59512
    bias = {
        problem: build_head("bilinear", Config(), 3, problem).decoder.bias.tolist()
        for problem in ("multiclass", "multilabel", "regression")
    }
    assert bias["multiclass"] == pytest.approx([0, prior, prior], abs=1e-5)
    assert bias["multilabel"] == pytest.approx([prior] * 3, abs=1e-5)
    assert max(map(abs, bias["regression"])) < 1
