"""Convolutions over pairs of bases: by their definition, in chunks, with letters and features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnaernie_bench.heads.bases.contact import PRIOR, Scores, letters_of
from rnaernie_bench.heads.resnet import EARLIER, ResNetHead, ResNetOptions
from rnaernie_bench.heads.resnet2d import ResNet2dHead, ResNet2dOptions
from tests.heads.contact_kit import Config, a_batch, filled, scored


def test_resnet_in_chunks_is_the_same(monkeypatch):
    """Three sequences of 8 places, one at a time: same logits and gradients."""
    states, mask, _ = a_batch([8, 5, 3])
    seen = []
    score = ResNetHead._score
    monkeypatch.setattr(
        ResNetHead, "_score", lambda *args: seen.append(len(args[1])) or score(*args)
    )
    results = []
    for chunk in (3 * 64, 64):
        torch.manual_seed(0)
        head = ResNetHead(Config(), ResNetOptions(channels=4, chunk_pairs=chunk))
        logits = scored(head, states, mask)
        logits.square().mean().backward()
        results.append([logits.detach(), *[p.grad for p in head.parameters()]])
    assert seen == [3, 1, 1, 1, 1, 1, 1]  # each chunk again in the backward pass
    for whole, chunked in zip(*results, strict=True):
        assert torch.allclose(whole, chunked, atol=1e-6)


def test_resnet_starts_from_a_concatenation_and_a_product_of_two_states():
    """Without blocks: a linear layer on [h_i, h_j], and a product, by the definition."""
    torch.manual_seed(0)
    head = ResNetHead(Config(), replace(EARLIER, channels=3, dilations=()))
    states, mask, _ = a_batch([4])
    weight, bias = head.projection.weight, head.projection.bias
    logits = torch.zeros(4, 4)
    for i in range(4):
        for j in range(4):
            both = torch.cat([states[0, i], states[0, j]])
            joint = torch.cat([weight[:3], weight[3:6]], 1) @ both + bias[:3] + bias[3:6]
            first = weight[6:9] @ states[0, i] + bias[6:9]
            second = weight[9:] @ states[0, j] + bias[9:]
            features = head.norm(joint + first * second).relu()
            logits[i, j] = head.decoder(features)
    assert torch.allclose(scored(head, states, mask)[0], (logits + logits.T) / 2, atol=1e-5)


def test_resnet_sees_neighbours_and_no_farther():
    """A block with a kernel of 3 reaches one place, dilated by 2 two; along the sequence 2 x 1."""
    torch.manual_seed(0)
    for width, reach in ((0, 3), (8, 5)):
        options = ResNetOptions(width=width, reach=1, channels=16, dilations=(1, 2), kernel=3)
        assert options.receptive_field == reach
        head = ResNetHead(Config(), options).eval()
        states, mask, _ = a_batch([9])
        moved = states.clone()
        moved[0, 0] += 9
        changed = (scored(head, states, mask) - scored(head, moved, mask))[0].abs() > 1e-6
        near = torch.zeros(9, 9, dtype=torch.bool)
        near[: reach + 1] = near[:, : reach + 1] = True
        assert torch.equal(changed, near)


@pytest.mark.parametrize("kind", [ResNetHead, ResNet2dHead])
def test_resnets_read_letters(kind):
    torch.manual_seed(0)
    head = filled(kind(Config(), scores=Scores("multilabel", 2)).eval())
    states, mask, _ = a_batch([6])
    one, other = (
        head.predict(states, {"mask": mask, "letters": letters_of([sequence])})
        for sequence in ("GAAAAC", "GAAAAU")
    )
    assert not torch.allclose(one, other)


def test_resnet_shapes_are_refused():
    for options in (ResNetOptions, ResNet2dOptions):
        with pytest.raises(ValueError, match="must be odd, not 4"):
            options(kernel=4)
    with pytest.raises(ValueError, match="a multiple of 8, not 12"):
        ResNet2dOptions(channels=12)


def test_scores_in_bfloat16_are_those_of_float32_within_a_fiftieth():
    torch.manual_seed(0)
    head = filled(ResNet2dHead(Config(), ResNet2dOptions(("bpp",), canonical=False)).eval())
    states, mask, _ = a_batch([12, 9])
    given = torch.rand(2, 12, 12).square()
    batch = {"mask": mask, "letters": torch.where(mask, 0, 4), "bpp": (given + given.mT) / 2}
    exact = head.predict(states, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = head.predict(states, batch)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.02 * exact.abs().max()


def test_pair_probabilities_are_what_an_untrained_head_says():
    """Their log odds, halved; of what is never likely, those of the prior; then what it learns."""
    torch.manual_seed(0)
    head = ResNet2dHead(Config(), ResNet2dOptions(("bpp",), canonical=False)).eval()
    states, mask, _ = a_batch([6, 3])
    given = torch.zeros(2, 6, 6)
    given[0, 0, 5] = given[0, 5, 0] = 0.9
    given[1, 0, 2] = given[1, 2, 0] = 0.5
    batch = {"mask": mask, "letters": torch.where(mask, 0, 4), "bpp": given}
    logits = head.predict(states, batch)
    never = torch.logit(torch.tensor(1e-4)).item() / 2
    assert torch.sigmoid(torch.tensor(never)).item() == pytest.approx(PRIOR, rel=0.02)
    expected = torch.full((6, 6), never)
    expected[0, 5] = expected[5, 0] = np.log(9) / 2
    assert torch.allclose(logits[0], expected, atol=1e-5)
    assert logits[1, 0, 2].item() == pytest.approx(0, abs=1e-5)
    head = filled(head)
    found = head.predict(states, batch)
    other = head.predict(states, {**batch, "bpp": given * 0.5})
    assert not torch.allclose(found[0, 1], other[0, 1], atol=1e-3)  # of pairs that are given alike
