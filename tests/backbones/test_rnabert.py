"""RNABERT's authors' checkpoint: every tensor in its place, letters, and files that are not it."""

from __future__ import annotations

import math

import pytest
import torch
from multimolecule import RnaBertModel
from torch.nn import functional

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.multimolecule import load, load_masked_lm
from rnaernie_bench.backbones.rnabert import authors_file, bare_tokenizer, convert
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.pair_inputs import PairInputs
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.prediction.embed import embed
from tests.backbones.test_multimolecule import options

HIDDEN, HEADS, INNER, LAYERS, POSITIONS = 24, 12, 8, 2, 30
SEQUENCE = "ACGUUGCAAC"
IDS = {"A": 2, "U": 3, "G": 4, "C": 5}
"""The authors' vocabulary: padding is 0, the mask 1."""


def authors_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Return random tensors under the authors' names, with those of the heads we leave out."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) / 4

    def linear(name: str, out: int, features: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": draw(out, features), f"{name}.bias": draw(out)}

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.LayerNorm.gamma": 1 + draw(HIDDEN), f"{name}.LayerNorm.beta": draw(HIDDEN)}

    state = {
        "bert.embeddings.word_embeddings.weight": draw(6, HIDDEN),
        "bert.embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "bert.embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        **norm("bert.embeddings"),
        **linear("bert.pooler.dense", HIDDEN, HIDDEN),
        **linear("cls.seq_relationship", 2, HIDDEN),
    }
    for n in range(LAYERS):
        layer = f"bert.encoder.layer.{n}"
        for name in ("query", "key", "value"):
            state |= linear(f"{layer}.attention.selfattn.{name}", HIDDEN, HIDDEN)
        state |= linear(f"{layer}.attention.output.dense", HIDDEN, HIDDEN)
        state |= norm(f"{layer}.attention.output")
        state |= linear(f"{layer}.intermediate.dense", INNER, HIDDEN)
        state |= linear(f"{layer}.output.dense", HIDDEN, INNER)
        state |= norm(f"{layer}.output")
    return state


def by_hand(state: dict[str, torch.Tensor], sequence: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return states of the bases and the pooled state, from the paper's equations alone."""

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-12).sqrt()
        return scaled * state[f"{name}.LayerNorm.gamma"] + state[f"{name}.LayerNorm.beta"]

    table = "bert.embeddings.{}_embeddings.weight"
    words = state[table.format("word")][[IDS[letter] for letter in sequence]]
    positions = state[table.format("position")][: len(sequence)]
    x = norm(words + positions + state[table.format("token_type")][0], "bert.embeddings")
    width = x.shape[1] // HEADS
    for n in range(sum(key.endswith("query.weight") for key in state)):
        layer = f"bert.encoder.layer.{n}"
        heads = [
            linear(x, f"{layer}.attention.selfattn.{name}").unflatten(1, (HEADS, width))
            for name in ("query", "key", "value")
        ]
        query, key, value = (part.transpose(0, 1) for part in heads)
        attention = (query @ key.mT / math.sqrt(width)).softmax(-1)
        mixed = (attention @ value).transpose(0, 1).flatten(1)
        x = norm(linear(mixed, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output")
        inner = functional.gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(linear(inner, f"{layer}.output.dense") + x, f"{layer}.output")
    return x, linear(x[0], "bert.pooler.dense").tanh()


def outputs(model, tokenizer, sequence):
    with torch.inference_mode():
        found = model.eval()(**tokenizer(sequence, return_tensors="pt"))
    return found.last_hidden_state[0], found.pooler_output[0]


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint of the authors' kind, as a process with a wrapper left it."""
    path = tmp_path / "weights" / "RNABERT.pth"
    path.parent.mkdir()
    torch.save({f"module.{key}": value for key, value in authors_state().items()}, path)
    return path


def test_equals_a_forward_pass_by_hand(checkpoint):
    model, tokenizer = convert(str(checkpoint), "rnabert", RnaBertModel)
    for found, expected in zip(
        outputs(model, tokenizer, SEQUENCE), by_hand(authors_state(), SEQUENCE), strict=True
    ):
        assert torch.allclose(found, expected, atol=1e-5)


def test_reads_bases_alone_and_says_so(checkpoint):
    encoder = load(options("rnabert", source=str(checkpoint.parent)), 0)
    assert encoder.max_bases == POSITIONS
    assert encoder.tokenizer("ACGU")["input_ids"] == [6, 7, 8, 9]
    rows = embed([SEQUENCE, "GGC"], model=encoder, pooling="token")
    assert [len(row) for row in rows] == [10, 3]
    states, _ = by_hand(authors_state(), "GGC")
    assert torch.allclose(torch.from_numpy(rows[1]), states, atol=1e-5)
    with pytest.raises(ConfigError, match="reads no <cls>; use mean"):
        embed(["ACGU"], model=encoder, pooling="cls")


def test_letters_for_several_bases_are_means(checkpoint):
    model, tokenizer = convert(str(checkpoint), "rnabert", RnaBertModel)
    rows = model.embeddings.word_embeddings.weight
    a, u, g, n, r, unknown, pad = (
        rows[tokenizer.convert_tokens_to_ids(token)]
        for token in ("A", "U", "G", "N", "R", "<unk>", "<pad>")
    )
    assert torch.equal(r, (a + g) / 2) and not torch.equal(a, u)
    assert torch.equal(n, unknown)
    assert torch.equal(pad, authors_state()["bert.embeddings.word_embeddings.weight"][0])


def test_its_head_for_masked_bases_was_never_trained(checkpoint):
    with pytest.raises(ConfigError, match="head for masked bases of 'rnabert' was never trained"):
        load_masked_lm(options("rnabert", source=str(checkpoint)), 0)


def test_is_found_below_a_data_folder(checkpoint, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(checkpoint.parents[1]))
    encoder = load(options("rnabert", source="weights/RNABERT.pth"), 0)
    assert (
        encoder.weights_sha256 == load(options("rnabert", source=str(checkpoint)), 7).weights_sha256
    )
    assert encoder.pooler_seed is None


def test_two_sequences_cannot_be_one_input():
    with pytest.raises(ConfigError, match=r"reads bases alone.*use task\.encoding=towers"):
        PairInputs.read([], Reader(bare_tokenizer(), 40, "error", 400, encoding="joint"))


def test_what_names_it(checkpoint, tmp_path):
    assert authors_file("weights/RNABERT.pth") == "weights/RNABERT.pth"
    assert authors_file(str(checkpoint.parent)) == str(checkpoint)
    assert authors_file(str(tmp_path)) is authors_file("multimolecule/rnabert") is None


def test_missing_file():
    with pytest.raises(ConfigError, match=r"rnabert/RNABERT.pth: .* RNAERNIE_BENCH_DATA; take"):
        load_backbone("rnabert")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda state: state.pop("bert.pooler.dense.bias"), "pooler.dense.bias"),
        (lambda state: state.pop("bert.embeddings.word_embeddings.weight"), "word_embeddings"),
        (
            lambda state: state.update(
                {"bert.embeddings.word_embeddings.weight": torch.ones(7, 24)}
            ),
            "it has 7 tokens, the authors' vocabulary 6",
        ),
        (lambda state: state.update({"bert.more.weight": torch.ones(1)}), "more.weight"),
    ],
    ids=["a tensor less", "no words", "other words", "a tensor more"],
)
def test_another_state(tmp_path, damage, reason):
    state = authors_state()
    damage(state)
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(ConfigError, match=r"net\.pth: the weights of 'rnabert' cannot") as caught:
        convert(str(tmp_path / "net.pth"), "rnabert", RnaBertModel)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_executes_nothing(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"cos\nsystem\n(S'touch here'\ntR.")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        convert(str(tmp_path / "net.pth"), "rnabert", RnaBertModel)
    assert not (tmp_path / "here").exists()


@pytest.mark.realdata
def test_the_authors_weights(data_folder):
    encoder = load_backbone("rnabert")
    assert encoder.max_bases == 440
    state = torch.load(data_folder / "rnabert" / "RNABERT.pth", map_location="cpu")
    gains, offsets = (
        state[f"cls.predictions.{name}"] for name in ("transform.LayerNorm.gamma", "bias")
    )
    assert gains.unique().numel() == 1 and not offsets.any()  # so nothing scores with it
    layer = 4 * (120**2 + 120) + 2 * 120 * 40 + 40 + 120 + 4 * 120
    counted = (28 + 440 + 2) * 120 + 2 * 120 + 6 * layer + 120**2 + 120
    assert sum(p.numel() for p in encoder.model.parameters()) == counted == 481_080
    sequence = "GGCUACGUAGCUCAGUUGGUUAGAGCACAUCACUCAUAAUGAUGGGGUCACAGGUUCGAAUCCCGUCGUAGCCACCA"
    for found, expected in zip(
        outputs(encoder.model, bare_tokenizer(), sequence), by_hand(state, sequence), strict=True
    ):
        assert torch.allclose(found, expected, atol=1e-4)
