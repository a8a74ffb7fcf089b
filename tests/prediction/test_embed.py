"""Vectors of sequences: which states they are, order, types, and input that is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.prediction.embed import Embedder, States, embed
from tests.backbone_kit import save_masked_lm

SEQUENCES = ["ACGU", "GGCAUUACGGA", "C", "UUUUUUU", "ACGUACGUACGUACGUACGUACG"]
SPECIAL = {"cls": 1, "eos": 2}
IDS = dict(zip("ACGU", (6, 7, 8, 9), strict=True))
IND, TRNA = 28, 53


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    save_masked_lm(folder)
    return load_backbone(str(folder))


def states(encoder, sequence, *tail):
    """Return the states of one sequence alone, without any padding: (tokens, hidden)."""
    ids = [SPECIAL["cls"], *(IDS[base] for base in sequence), *tail, SPECIAL["eos"]]
    with torch.inference_mode():
        return encoder.model(torch.tensor([ids])).last_hidden_state[0].numpy()


@pytest.mark.parametrize("tail", [(), (IND, TRNA)], ids=["plain", "typed"])
@pytest.mark.parametrize("token_budget", [1, 40, 4096])
def test_the_states_that_are_kept(encoder, tail, token_budget):
    alone = [states(encoder, sequence, *tail) for sequence in SEQUENCES]
    bases = [found[1 : len(s) + 1] for found, s in zip(alone, SEQUENCES, strict=True)]
    expected = {
        "cls": [found[:1] for found in alone],
        "mean": [found.mean(0, keepdims=True) for found in bases],
        "token": bases,
    }
    for pooling, wanted in expected.items():
        embedder = Embedder(
            encoder, pooling, rna_type="tRNA" if tail else None, token_budget=token_budget
        )
        found = list(embedder(SEQUENCES))
        assert [rows.shape for rows in found] == [rows.shape for rows in wanted]
        for a, b in zip(found, wanted, strict=True):
            assert np.allclose(a, b, atol=1e-5), pooling


def test_from_python(encoder):
    vectors = embed(["acgt", "ACGU", "GGG"], model=encoder)
    assert vectors.shape == (3, 16) and vectors.dtype == np.float32
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert not np.allclose(vectors[0], vectors[2], atol=1e-2)
    tokens = embed(["ACGU", "GG"], model=encoder, pooling="token")
    assert [rows.shape for rows in tokens] == [(4, 16), (2, 16)]
    assert np.allclose(tokens[0].mean(0), vectors[0], atol=1e-5)
    assert embed([], model=encoder).shape == (0, 16)
    assert embed([], model=encoder, pooling="token") == []


def test_a_folder_and_a_name_are_models(tmp_path, encoder):
    save_masked_lm(tmp_path)
    assert np.allclose(embed(["ACGU"], model=str(tmp_path)), embed(["ACGU"], model=encoder))
    assert embed(["ACGU"], model="rnaernie-tiny").shape == (1, 192)


def test_sequences_over_the_limit(encoder):
    long = "ACGU" * 128
    cut = embed([long, long[:508]], model=encoder, length="truncate")
    assert np.allclose(cut[0], cut[1], atol=1e-6)
    with pytest.raises(DataError, match=r"sequence 2: the sequence has 512 bases, 508 fit; short"):
        embed(["A", long], model=encoder)
    longest = embed([long[:508]], model=encoder, pooling="token", rna_type="tRNA")
    assert longest[0].shape == (508, 16)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [("", "sequence 2: the sequence is empty"), ("AC!", "sequence 2: foreign letter '!' at .* 3")],
)
def test_sequences_that_are_refused(encoder, sequence, message):
    with pytest.raises(DataError, match=message):
        embed(["A", sequence], model=encoder)


def test_types_that_there_are_not(encoder, tmp_path):
    with pytest.raises(ConfigError, match="there is no RNA type 'tRNAs'; did you mean tRNA"):
        embed(["A"], model=encoder, rna_type="tRNAs")
    save_masked_lm(tmp_path, typed=False)
    message = r"its vocabulary of 28 tokens lacks \[IND\] and the RNA types"
    with pytest.raises(ConfigError, match=message) as caught:
        embed(["A"], model=str(tmp_path), rna_type="tRNA")
    assert str(tmp_path) in str(caught.value)


def test_layers_and_attention(encoder):
    sequence = "GGCAUUACGGA"
    ids = torch.tensor([[1, *(IDS[base] for base in sequence), 2]])
    with torch.inference_mode():
        found = encoder.model(ids, output_hidden_states=True)
    layers = [layer[0, 1:-1].numpy() for layer in found.hidden_states]
    every = embed([sequence], model=encoder, layer="all")
    assert every.shape == (1, len(layers), 16)
    assert np.allclose(every[0], [layer.mean(0) for layer in layers], atol=1e-5)
    [first] = embed([sequence], model=encoder, layer=0, pooling="token")
    assert np.allclose(first, layers[0], atol=1e-5)
    with pytest.raises(ConfigError, match="there is no layer '9'; give one of 0 to"):
        embed([sequence], model=encoder, layer=9)
    eager = copy.deepcopy(encoder)
    embedder = Embedder(eager, states=States(attentions=True))
    maps, other = embedder([sequence, "ACG"])
    with torch.inference_mode():
        wanted = torch.stack(eager.model(ids, output_attentions=True).attentions)[:, 0]
    wanted = wanted[:, :, 1:-1, 1:-1].permute(2, 3, 0, 1).numpy()
    assert np.allclose(maps.reshape(11, 11, *embedder.shape), wanted, atol=1e-5)
    assert other.shape == (9, embedder.width)


@pytest.mark.parametrize("overlap", [0, 100])
def test_windows(encoder, overlap):
    long = "".join(np.random.default_rng(1).choice(list("ACGU"), 700))
    windowed = {
        pooling: Embedder(encoder, pooling, states=States(overlap=overlap))(["ACGU", long])
        for pooling in ("token", "mean", "cls")
    }
    # Two windows of one length cover 700 bases: where both see a base, it has their mean.
    size = (700 + overlap + 1) // 2
    starts = (0, 700 - size)
    read = [states(encoder, long[start : start + size]) for start in starts]
    expected = np.zeros((700, 16))
    seen = np.zeros((700, 1))
    for start, found in zip(starts, read, strict=True):
        expected[start : start + size] += found[1:-1]
        seen[start : start + size] += 1
    assert seen.max() == (2 if overlap else 1)
    tokens = list(windowed["token"])
    assert np.allclose(tokens[1], expected / seen, atol=1e-5)
    assert np.allclose(tokens[0], states(encoder, "ACGU")[1:-1], atol=1e-5)
    assert np.allclose(windowed["mean"].rows[1], (expected / seen).mean(0), atol=1e-5)
    assert np.allclose(windowed["cls"].rows[1], np.mean([f[0] for f in read], axis=0), atol=1e-5)
    with pytest.raises(ConfigError, match="cannot share 508"):
        Embedder(encoder, states=States(overlap=508))
