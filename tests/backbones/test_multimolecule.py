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
from rnaernie_bench.data.batching import gather_batch
from rnaernie_bench.data.encoding import Encoded, encode
from rnaernie_bench.heads.contact import contact_targets
from rnaernie_bench.learning.contact_inputs import TokenInputs
from rnaernie_bench.learning.contact_network import (
    ContactModel,
    load_contact_model,
    save_contact_model,
)
from rnaernie_bench.learning.network import TaskModel, build_head, load_model, save_model
from rnaernie_bench.learning.pair_fit import PairReader
from rnaernie_bench.learning.pair_network import (
    Encoding,
    PairModel,
    build_pair_head,
    load_pair_model,
    save_pair_model,
)
from rnaernie_bench.prediction.embed import embed
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, EncoderEntry

TINY = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
SEQUENCES = ["ACGUACGUNACG", "GGCR", "ACGUACGUACGUUACGGA"]
ENCODERS = sorted(
    name for name in BACKBONES if BACKBONES.get(name).kind == "encoder" and "rnaernie" not in name
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


class SequenceLevel:
    """The head `mean` on whole sequences."""

    head, outputs, problem = "mean", 3, "multiclass"
    labels: Any = torch.tensor([0, 1, 2])

    def model(self, encoder: Any) -> Any:
        config = encoder.model.config
        return TaskModel(encoder.model, build_head(self.head, config, self.outputs, self.problem))

    @staticmethod
    def batch(encoder: Any, sequences: Sequence[str]) -> dict[str, torch.Tensor]:
        ids = gather_batch(
            encoded(encoder, sequences), range(len(sequences)), encoder.tokenizer.pad_token_id
        )
        return {key: ids[key] for key in ("input_ids", "attention_mask")}

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = model(**batch, labels=self.labels)["loss"]
        return loss

    def save(self, model: Any, encoder: Any, folder: Path) -> None:
        labels = list("abc")[-self.outputs :]
        save_model(model, encoder.tokenizer, folder, head=self.head, labels=labels)

    def load(self, folder: Path) -> tuple[Any, Any]:
        return load_model(folder)

    @staticmethod
    def of_second(logits: torch.Tensor) -> torch.Tensor:
        return logits[1]


class TokenLevel(SequenceLevel):
    """The token head on each base."""

    head, outputs, problem = "token", 2, "regression"
    labels = torch.arange(2 * sum(map(len, SEQUENCES))).reshape(-1, 2) / 10

    @staticmethod
    def of_second(logits: torch.Tensor) -> torch.Tensor:
        first, second, _ = map(len, SEQUENCES)
        return logits[first : first + second]


class ContactLevel(SequenceLevel):
    """The head `bilinear` on pairs of bases."""

    head = "bilinear"

    def model(self, encoder: Any) -> Any:
        return ContactModel(encoder.model, build_head(self.head, encoder.model.config, 1, "binary"))

    @staticmethod
    def batch(encoder: Any, sequences: Sequence[str]) -> dict[str, torch.Tensor]:
        pad = encoder.tokenizer.pad_token_id
        batch = TokenInputs(encoded(encoder, sequences), pad, sequences).gather(
            range(len(sequences))
        )
        return {key: batch[key] for key in ("input_ids", "attention_mask", "mask")}

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        pairs = [np.array([[0, 6]]), np.zeros((0, 2)), np.array([[1, 9]])]
        targets = contact_targets(pairs, [len(sequence) for sequence in SEQUENCES])
        loss: torch.Tensor = model(**batch, targets=targets)["loss"]
        return loss

    def save(self, model: Any, encoder: Any, folder: Path) -> None:
        save_contact_model(model, encoder.tokenizer, folder, head=self.head)

    def load(self, folder: Path) -> tuple[Any, Any]:
        return load_contact_model(folder)

    @staticmethod
    def of_second(logits: torch.Tensor) -> torch.Tensor:
        size = len(SEQUENCES[1])
        return logits[1, :size, :size]


class PairLevel(SequenceLevel):
    """The head `interaction` on each sequence with itself, read backwards."""

    head, outputs, problem = "interaction", 2, "regression"
    labels = torch.arange(6.0).reshape(3, 2)
    encoding: Encoding = "towers"

    def model(self, encoder: Any) -> Any:
        config = encoder.model.config
        head = build_pair_head(self.head, config, self.outputs, "regression", published=False)
        return PairModel(encoder.model, head, self.encoding)

    def batch(self, encoder: Any, sequences: Sequence[str]) -> dict[str, Any]:  # type: ignore[override]
        pairs = [(sequence, sequence[::-1]) for sequence in sequences]
        reader = PairReader(encoder.tokenizer, encoder.max_bases, 400)
        return reader.inputs(pairs, self.encoding).gather(range(len(pairs)))

    def save(self, model: Any, encoder: Any, folder: Path) -> None:
        save_pair_model(model, encoder.tokenizer, folder, head=self.head, published=False)

    def load(self, folder: Path) -> tuple[Any, Any]:
        return load_pair_model(folder)


class JointLevel(PairLevel):
    """The same, both read as one input."""

    encoding: Encoding = "joint"


LEVELS = {
    "sequence": SequenceLevel(),
    "token": TokenLevel(),
    "contact": ContactLevel(),
    "pair": PairLevel(),
}
"""A level that is added here is tested with every backbone that serves it."""


@pytest.mark.filterwarnings("ignore:Single sequence input")
@pytest.mark.parametrize(
    ("name", "level"),
    [(n, level) for n in DIFFERENT for level in LEVELS if level in BACKBONES.get(n).levels],
)
def test_learns_and_is_saved_at_each_level(name: str, level: str, tmp_path: Path) -> None:
    encoder, of = load_backbone(options(name), seed=1), LEVELS[level]
    torch.manual_seed(0)
    model, batch = of.model(encoder), of.batch(encoder, SEQUENCES)
    of.loss(model, batch).backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.head.parameters())
    if name in KNOWN:
        words = model.backbone.get_input_embeddings().weight
        assert words.grad.any() and words.grad.isfinite().all()
    model.eval()
    with torch.inference_mode():
        together = model(**batch)["logits"]
        alone = model(**of.batch(encoder, SEQUENCES[1:2]))["logits"]
        assert torch.allclose(
            of.of_second(together), alone.reshape(of.of_second(together).shape), atol=1e-5
        )
        of.save(model, encoder, tmp_path)
        again, tokenizer = of.load(tmp_path)
        assert torch.equal(again(**batch)["logits"], together)
    assert tokenizer.get_vocab() == encoder.tokenizer.get_vocab()
    reread = encode(SEQUENCES, tokenizer, policy="error", max_bases=encoder.max_bases)
    assert all(map(np.array_equal, reread.ids, encoded(encoder).ids))


@pytest.mark.parametrize("name", [n for n in DIFFERENT if "pair" in BACKBONES.get(n).levels])
def test_joint_inputs_need_a_token_between_the_partners(name: str) -> None:
    encoder, of = load_backbone(options(name), seed=1), JointLevel()
    model = of.model(encoder).eval()
    if name in WITHOUT_MARKS:
        assert not model.specials
        with pytest.raises(ConfigError, match="nothing could stand between two sequences"):
            of.batch(encoder, SEQUENCES)
        return
    with torch.inference_mode():
        together = model(**of.batch(encoder, SEQUENCES))["logits"]
        alone = model(**of.batch(encoder, SEQUENCES[1:2]))["logits"]
    assert torch.allclose(together[1:2], alone, atol=1e-5)


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
    model = ContactModel(encoder.model, build_head("attention", encoder.model.config, 1, "binary"))
    batch = ContactLevel.batch(encoder, SEQUENCES)
    assert model(**batch)["logits"].shape == (3, 18, 18)
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
