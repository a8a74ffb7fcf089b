"""Sizes and costs, against sums done by hand."""

from __future__ import annotations

import pytest
from multimolecule import RnaErnieConfig

from rnaernie_bench.backbones.profile import profile
from rnaernie_bench.core.errors import ConfigError


@pytest.fixture(scope="module")
def card():
    return profile(RnaErnieConfig())


def test_sizes_of_the_model_card(card):
    assert (card.layers, card.hidden_size, card.heads, card.intermediate_size) == (
        12,
        768,
        12,
        3072,
    )
    # (28 + 513 + 2) H + 2 H, per layer 4 (H^2 + H) + 2 HF + F + H + 4 H, pooler H^2 + H
    assert card.parameters == 86_063_616
    # head: H^2 + H, 2 H, and a bias a token; the decoder is tied
    assert card.parameters_with_mlm_head - card.parameters == 768**2 + 3 * 768 + 28
    assert card.max_tokens == 512


@pytest.mark.parametrize("index", [0, 1])
def test_operations_by_hand(card, index):
    cost = card.costs[index]
    t, h, f, layers, heads = (128, 512)[index], 768, 3072, 12, 12
    assert cost.tokens == t
    products = layers * (2 * t * (4 * h * h + 2 * h * f) + 4 * t * t * h) + 2 * h * h
    assert cost.matrix_products == products == 2 * cost.macs
    assert cost.biases == layers * t * (5 * h + f) + h
    assert cost.layer_norm == (2 * layers + 1) * 7 * t * h
    assert cost.activations == layers * t * f + 5 * h
    assert cost.softmax == layers * heads * 3 * t * t
    parts = cost.biases + cost.layer_norm + cost.activations + cost.softmax
    assert cost.flops == products + parts
    assert parts / products < 0.005


def test_figures_of_both_editions_of_the_card(card):
    short, long = card.costs
    assert f"{long.flops / 1e9:.2f} {long.macs / 1e9:.2f}" == "96.88 48.32"
    assert f"{short.earlier_flops / 1e9:.2f} {short.macs / 1e9:.2f}" == "22.36 11.17"


def test_the_typed_vocabulary_adds_29_rows():
    typed = profile(RnaErnieConfig(vocab_size=57), tokens=())
    assert typed.parameters == 86_063_616 + 29 * 768


@pytest.mark.parametrize("tokens", [0, 513])
def test_lengths_that_do_not_fit(tokens):
    with pytest.raises(ConfigError, match=rf"{tokens} is not from 1 to 512 tokens"):
        profile(RnaErnieConfig(), tokens=(tokens,))
