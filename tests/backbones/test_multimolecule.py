"""MultiMolecule's models through every level: tiny nets, random weights, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multimolecule import RnaFmConfig, RnaFmForMaskedLM, RnaFmModel, RnaTokenizer

from rnaernie_bench.backbones.checkpoints import CheckpointOptions
from rnaernie_bench.backbones.letters import LettersOptions
from rnaernie_bench.backbones.loading import backbone_options, load_backbone
from rnaernie_bench.backbones.multimolecule import KNOWN, load
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.encoding import Encoded, encode
from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.network import (
    Declared,
    Network,
    build_head,
    level_inputs,
    save_network,
)
from rnaernie_bench.learning.reader import Encoding, Reader
from rnaernie_bench.learning.saved import load_network
from rnaernie_bench.prediction.embed import embed
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, EncoderEntry, levels_of

TINY = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
SEQUENCES = ["ACGUACGUNACG", "GGCR", "ACGUACGUACGUUACGGA"]
ENCODERS = sorted(
    name
    for name in BACKBONES
    if name in KNOWN or issubclass(BACKBONES.get(name).options, LettersOptions)
)
LIKE_OTHERS = {
    "rinalmo-mega", "rinalmo-micro", "splicebert-human-510", "utrbert-4mer", "utrbert-5mer",
    "utrbert-6mer", "utrlm-te_el",
}  # fmt: skip
"""Of the same tiny network as another, but for the size of a vocabulary."""
WITHOUT_MARKS = {"rnabert"}
"""That read bases alone, without special tokens."""
DIFFERENT = [name for name in ENCODERS if name not in LIKE_OTHERS]


def options(name: str, source: object = None, **changes: Any) -> Any:
    """Return the options of a tiny net of random weights, or of a checkpoint."""
    if name not in KNOWN:
        return LettersOptions(name, k=3 if "kmer" in name else 1)
    init = "random" if source is None else "pretrained"
    text = None if source is None else str(source)
    given = {"name": name, "init": init, "source": text, "revision": None, **TINY, **changes}
    return CheckpointOptions(**given)


def encoded(encoder: Any, sequences: Sequence[str] = SEQUENCES) -> Encoded:
    return encode(sequences, encoder.tokenizer, policy="error", max_bases=encoder.max_bases)


HEAD_OF = {"sequence": "mean", "token": "token", "contact": "bilinear", "pair": "interaction"}
"""A level that is added here is tested with every backbone that serves it."""


def items_of(level: str) -> list[Any]:
    """Return sequences, or each with itself, read backwards."""
    return [(s, s[::-1]) for s in SEQUENCES] if level == "pair" else list(SEQUENCES)


def fitted(encoder: Any, level: str, encoding: Encoding = "towers") -> FittedNetwork:
    """Return a head of two quantities on a backbone."""
    head = build_head(HEAD_OF[level], encoder.model.config, 2, "regression")
    network = Network(encoder.model, head, level_inputs(level))
    reader = Reader(encoder.tokenizer, encoder.max_bases, "error", 400, encoding=encoding)
    declared = Declared(HEAD_OF[level], level, "regression", ("u", "v"), encoding=encoding)

    def write(folder: Path) -> None:
        save_network(network, encoder.tokenizer, folder, declared)

    return FittedNetwork(network, reader, write)


@pytest.mark.filterwarnings("ignore:Single sequence input")
@pytest.mark.parametrize(
    ("name", "level"),
    [(n, level) for n in DIFFERENT for level in HEAD_OF if level in levels_of(BACKBONES.get(n))],
)
def test_learns_and_is_saved_at_each_level(name: str, level: str, tmp_path: Path) -> None:
    encoder, items = load_backbone(options(name), seed=1), items_of(level)
    torch.manual_seed(0)
    network = fitted(encoder, level)
    model, inputs = network.model, network.model.kind.read(items, network.reader)
    rows = model.kind.rows(model(**(batch := inputs.gather(range(len(items)))))["logits"], batch)
    rows.square().mean().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.head.parameters())
    if name in KNOWN:
        words = model.backbone.get_input_embeddings().weight
        assert words.grad.any() and words.grad.isfinite().all()
    together = network.logits(items)
    ends = np.cumsum(inputs.sizes)
    assert np.allclose(together[ends[0] : ends[1]], network.logits(items[1:2]), atol=1e-5)
    network.save(tmp_path)
    saved = {"max_bases": encoder.max_bases, "length": "error", "token_budget": 400}
    again = load_network(tmp_path, saved)
    assert np.allclose(again.logits(items), together, atol=1e-5)
    tokenizer = again.reader.tokenizer
    assert tokenizer.get_vocab() == encoder.tokenizer.get_vocab()
    reread = encode(SEQUENCES, tokenizer, policy="error", max_bases=encoder.max_bases)
    assert all(map(np.array_equal, reread.ids, encoded(encoder).ids))


@pytest.mark.parametrize("name", [n for n in DIFFERENT if "pair" in levels_of(BACKBONES.get(n))])
def test_joint_inputs_need_a_token_between_the_partners(name: str) -> None:
    network = fitted(load_backbone(options(name), seed=1), "pair", "joint")
    items = items_of("pair")
    if name in WITHOUT_MARKS:
        with pytest.raises(ConfigError, match="nothing could stand between two sequences"):
            network.logits(items)
        return
    assert np.allclose(network.logits(items)[1:2], network.logits(items[1:2]), atol=1e-5)


@pytest.mark.parametrize("name", ["rnafm", "mrnafm", "calm", "utrbert-3mer", "utrbert-5mer"])
def test_reads_as_its_own_tokenizer_does(name: str) -> None:
    encoder = load(options(name), 0)
    step = 3 if KNOWN[name].codon else 1
    long = [s for s in SEQUENCES if len(s) >= KNOWN[name].nmers]
    for ids, sequence in zip(encoded(encoder, long).ids, long, strict=True):
        whole = sequence[: len(sequence) // step * step]
        assert ids.tolist() == encoder.tokenizer(whole)["input_ids"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_longest_sequence_fits(name: str) -> None:
    entry = BACKBONES.get(name)
    assert isinstance(entry, EncoderEntry) and entry.max_bases
    encoder = load_backbone(options(name), seed=0)
    assert encoder.max_bases == entry.max_bases
    assert encoder.unit == entry.unit
    if name == "ribonanzanet":  # no table of positions, and a gigabyte of pairs
        return
    ids = encoded(encoder, ["A" * entry.max_bases]).ids[0]
    with torch.inference_mode():
        states = encoder.model(
            torch.from_numpy(ids)[None], attention_mask=torch.ones(1, len(ids))
        ).last_hidden_state
    assert states.shape[:2] == (1, len(ids)) and states.isfinite().all()


@pytest.mark.parametrize("name", KNOWN)
def test_the_file_of_settings_is_that_of_the_network(name: str) -> None:
    import multimolecule

    chosen = backbone_options(name)
    usual = getattr(multimolecule, f"{KNOWN[name].family.prefix}Config")()
    if name not in ("rinalmo-mega", "rinalmo-micro", "mrnafm"):  # of other sizes
        heads = {key: getattr(usual, key) for key in chosen.shape}
        assert chosen.shape == {**heads, "hidden_size": chosen.hidden_size}
        assert usual.hidden_size in (chosen.hidden_size, None)
    if name == "rnabert":
        assert chosen.source == "rnabert/RNABERT.pth"
    else:
        assert chosen.source.removeprefix("multimolecule/").replace(".", "-") == name


def test_attention_is_sdpa_where_there_is_such() -> None:
    used = {n: load(options(n), 0).model.config._attn_implementation for n in ("rnafm", "rnamsm")}
    assert used == {"rnafm": "sdpa", "rnamsm": "eager"}


def test_random_weights_follow_from_the_seed() -> None:
    first, again, other = (load(options("utrlm-mrl"), seed) for seed in (3, 3, 4))
    assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256


def test_heads_that_read_attention_maps() -> None:
    encoder = load(options("ernierna"), 0)
    head = build_head("attention", encoder.model.config, 1, "binary")
    model = Network(encoder.model, head, level_inputs("contact"))
    batch = model.kind.read(SEQUENCES, Reader(encoder.tokenizer, 508, "error", 400)).gather([0, 1])
    assert model(**batch)["logits"].shape == (2, 12, 12)
    assert [*BACKBONES.get("rnamsm").lacks] == ["attention"]


def test_codons_keep_their_frame_in_windows() -> None:
    tokenizer = load(options("calm"), 0).tokenizer
    sequence = "AUGGCCUUUAAACCCGGGUAA" + "GC"
    read = encode([sequence], tokenizer, policy="window", max_bases=9)
    tokens = [tokenizer.convert_ids_to_tokens(ids.tolist()[1:-1]) for ids in read.ids]
    codons = ["ATG", "GCC", "TTT", "AAA", "CCC", "GGG", "TAA"]
    assert {token for window in tokens for token in window} == {*codons}
    assert tokens[0] == codons[:3] and tokens[-1] == codons[4:]


class TestKmers:
    def test_a_letter_outside_their_alphabet_makes_them_unknown(self) -> None:
        encoder = load(options("utrbert-3mer"), 0)
        ids = encoded(encoder, ["ACGRAC"]).ids[0]
        assert encoder.tokenizer.convert_ids_to_tokens(ids.tolist()) == [
            "<cls>", "ACG", "<unk>", "<unk>", "<unk>", "<eos>",
        ]  # fmt: skip

    def test_a_sequence_shorter_than_one_is_unknown(self) -> None:
        encoder = load(options("utrbert-4mer"), 0)
        assert encoded(encoder, ["ACG"]).ids[0].tolist() == [1, 3, 2]

    def test_have_no_vector_for_a_base(self) -> None:
        encoder = load(options("utrbert-3mer"), 0)
        assert embed(["ACGUAC"], model=encoder, pooling="mean").shape == (1, 16)
        with pytest.raises(ConfigError, match="has a state for each 3-mer, not base; use mean"):
            embed(["ACGUAC"], model=encoder, pooling="token")


class TestCheckpoints:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Write a checkpoint as MultiMolecule hosts them: with a head for masked tokens."""
        torch.manual_seed(0)
        RnaFmForMaskedLM(RnaFmConfig(**TINY)).save_pretrained(tmp_path / "net")
        RnaTokenizer().save_pretrained(tmp_path / "net")
        return tmp_path / "net"

    def test_a_local_folder_loads(self, folder: Path) -> None:
        first, other = (load(options("rnafm", folder), seed) for seed in (0, 1))
        expected = RnaFmForMaskedLM.from_pretrained(folder).model.state_dict()
        found = first.model.state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items())
        assert first.weights_sha256 == other.weights_sha256
        assert (first.pooler_seed, other.pooler_seed) == (0, 1)  # such a checkpoint has no pooler

    def test_fewer_positions_are_a_lower_limit(self, tmp_path: Path) -> None:
        RnaFmModel(RnaFmConfig(**TINY, max_position_embeddings=66)).save_pretrained(tmp_path)
        RnaTokenizer().save_pretrained(tmp_path)
        encoder = load(options("rnafm", tmp_path), 0)
        assert encoder.max_bases == 1022 - (1026 - 66)
        ids = torch.from_numpy(encoded(encoder, ["A" * encoder.max_bases]).ids[0])[None]
        assert encoder.model(ids).last_hidden_state.shape == (1, 64, 16)

    def test_one_of_another_architecture(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match="the model type 'rnafm', not 'splicebert'; check"):
            load(options("splicebert", folder), 0)

    def test_one_of_other_tokens(self, tmp_path: Path) -> None:
        codons = load(options("mrnafm"), 0)
        codons.model.save_pretrained(tmp_path)
        codons.tokenizer.save_pretrained(tmp_path)
        with pytest.raises(ConfigError, match="its tokens are codons, not bases"):
            load(options("rnafm", tmp_path), 0)

    @pytest.mark.parametrize("name", ["calm", "mrnafm", "rinalmo-giga", "utrbert-4mer"])
    def test_a_folder_says_what_it_is(self, tmp_path: Path, name: str) -> None:
        encoder = load(options(name), 0)
        encoder.model.save_pretrained(tmp_path)
        encoder.tokenizer.save_pretrained(tmp_path)
        again = load_backbone(str(tmp_path))
        assert (again.unit, again.max_bases) == (encoder.unit, encoder.max_bases)
        assert again.weights_sha256 == encoder.weights_sha256

    def test_a_hub_id_is_that_of_a_backbone(self) -> None:
        assert backbone_options("multimolecule/splicebert.510").name == "splicebert-510"
        assert backbone_options("somebody/net").name == "rnaernie"

    def test_without_weights(self, folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        with pytest.raises(ConfigError, match=r"'rnafm' cannot be loaded.*check the folder"):
            load(options("rnafm", folder), 0)

    def test_an_unknown_hub_id(self) -> None:
        with pytest.raises(ConfigError, match=r"no-such/net: .*check the connection and the hub"):
            load(options("rnafm", "no-such/net"), 0)

    def test_no_source_at_all(self) -> None:
        with pytest.raises(ConfigError, match=r"no pre-trained weights of 'rnafm' come with"):
            options("rnafm", init="pretrained")


def test_what_heads_the_backbones_lack_is_registered() -> None:
    lacking = {head for name in ENCODERS for head in BACKBONES.get(name).lacks}
    assert lacking <= {*HEADS}
