"""What networks compute in: chosen by features and measured speeds, and the same once more."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones import precision
from rnaernie_bench.backbones.precision import Speeds, chosen, measured
from rnaernie_bench.core import environment
from rnaernie_bench.learning.saved import load_network
from tests.network_kit import items_of, tiny_network

FEATURES = environment.bf16_features
"""As it is, before tests hide what it finds."""


@pytest.fixture(autouse=True)
def float32_as_it_was():
    yield
    torch.set_float32_matmul_precision("highest")
    measured.cache_clear()


@pytest.fixture
def bf16(monkeypatch):
    """Let the processor have instructions for bfloat16."""
    monkeypatch.setattr(environment, "bf16_features", lambda: ["sve_bf16"])


@pytest.mark.parametrize(
    ("speeds", "option", "expected", "float32"),
    [
        (Speeds(blas=100, onednn=104, bf16=200), "auto", "bf16", "highest"),
        (Speeds(blas=100, onednn=180, bf16=200), "auto", "fp32", "medium"),
        (Speeds(blas=100, onednn=0, bf16=110), "auto", "fp32", "highest"),
        (Speeds(blas=100, onednn=0, bf16=90), "bf16", "bf16", "highest"),
        (Speeds(blas=100, onednn=200, bf16=400), "fp32", "fp32", "medium"),
    ],
)
def test_the_faster_is_chosen(bf16, monkeypatch, speeds, option, expected, float32):
    monkeypatch.setattr(precision, "measured", lambda: speeds)
    assert chosen(option) == expected
    assert torch.get_float32_matmul_precision() == float32


def test_nothing_is_measured_where_there_is_nothing_to_choose(monkeypatch):
    monkeypatch.delattr(precision, "measured")
    assert chosen("auto") == chosen("fp32") == "fp32"


def test_a_measurement_is_kept_until_the_processor_is_another(bf16, monkeypatch, tmp_path):
    first = measured()
    assert first.blas > 0
    assert first.bf16 > 0
    [file] = (tmp_path / "cache" / "precision").glob("*.json")
    file.write_text(json.dumps({"blas": 1, "onednn": 2, "bf16": 3}))
    measured.cache_clear()
    assert measured() == Speeds(1, 2, 3)
    measured.cache_clear()
    monkeypatch.setattr(environment, "cpu_model", lambda: "another")
    assert measured() != Speeds(1, 2, 3)


def test_features_of_this_processor_are_words_of_bf16(monkeypatch):
    capabilities = {"avx512_bf16": True, "amx_bf16": False, "avx2": True, "num_bf16": 2}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert FEATURES() == ["avx512_bf16"]


@pytest.mark.parametrize("head", ["pooled", "mean", "token", "interaction"])
def test_scores_have_the_digits_of_float32_and_are_the_same_once_more(bf16, tmp_path, head):
    level = {"token": "token", "interaction": "pair"}.get(head, "sequence")
    items = items_of(level)
    fitted, full = tiny_network(head, precision="bf16"), tiny_network(head)
    found, exact = fitted.logits(items), full.logits(items)
    # The backbone's states are those of bfloat16, to about one in a hundred.
    assert 0 < np.abs(found - exact).max() < 0.1 * np.abs(exact).max() + 0.05
    rounded = torch.from_numpy(found).bfloat16().float().numpy()
    assert not np.array_equal(found, rounded)
    fitted.save(tmp_path)
    saved = {"max_bases": 508, "length": "error", "token_budget": 64}
    again = load_network(tmp_path, saved)
    assert again.model.precision == "bf16"
    np.testing.assert_array_equal(again.logits(items), found)


def test_without_the_instructions_a_saved_network_computes_in_float32(tmp_path):
    tiny_network("mean", precision="bf16").save(tmp_path)
    saved = {"max_bases": 508, "length": "error", "token_budget": 64}
    assert load_network(tmp_path, saved).model.precision == "fp32"
