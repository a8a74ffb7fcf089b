"""RNAErnie: random weights, sizes, attention, and checkpoints good and bad."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
import torch
from multimolecule import RnaErnieConfig, RnaErnieForMaskedLM, RnaErnieModel, RnaTokenizer

from rnaernie_bench.backbones.encoder import weights_sha256
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.core.errors import ConfigError

TINY = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip


def options(source=None, **changes):
    values = {
        "name": "rnaernie-tiny",
        "init": "pretrained" if source else "random",
        "source": None if source is None else str(source),
        "revision": None,
        **TINY,
    }
    return RnaErnieOptions(**{**values, **changes})


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint of the hosted kind: 28 tokens, and return its folder and model."""
    model = RnaErnieModel(RnaErnieConfig(**TINY)).eval()
    model.save_pretrained(tmp_path / "net")
    RnaTokenizer().save_pretrained(tmp_path / "net")
    return tmp_path / "net", model


class TestRandomWeights:
    def test_follow_from_the_seed(self):
        first, again, other = (load(options(), seed) for seed in (3, 3, 4))
        assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256
        assert first.weights_sha256 == weights_sha256(first.model)

    def test_leave_the_global_generator_alone(self):
        torch.manual_seed(0)
        expected = torch.rand(3)
        torch.manual_seed(0)
        load(options(), 5)
        assert torch.equal(torch.rand(3), expected)

    def test_come_ready_for_use(self):
        encoder = load(options(), 0)
        assert not encoder.model.training
        assert encoder.model.dtype == torch.float32
        assert encoder.model.config.vocab_size == len(encoder.tokenizer) == 57
        assert encoder.model.config._attn_implementation == "sdpa"
        assert encoder.max_bases == 508
        longest = torch.ones(1, 512, dtype=torch.long)
        assert encoder.model(longest).last_hidden_state.shape == (1, 512, 16)


def test_rinalmos_architecture_has_the_same_vocabulary(tmp_path):
    from multimolecule import RiNALMoForMaskedLM

    from rnaernie_bench.backbones.loading import backbone_options
    from rnaernie_bench.backbones.rnaernie import load_masked_lm

    network = load_masked_lm(options(name="rinalmo-tiny"), 0)
    assert isinstance(network.model, RiNALMoForMaskedLM)
    assert network.model.config.vocab_size == len(network.tokenizer) == 57
    # As wide as states are narrow.
    query = network.model.model.encoder.layer[0].attention.self.query.weight
    assert query.std().item() == pytest.approx(0.25, rel=0.2)
    network.model.save_pretrained(tmp_path / "net")
    network.tokenizer.save_pretrained(tmp_path / "net")
    assert backbone_options(str(tmp_path / "net")).name == "rinalmo-tiny"
    loaded = load(options(tmp_path / "net", name="rinalmo-tiny"), 0)
    assert loaded.max_bases == 508
    ids = torch.tensor([[1, 6, 7, 8, 9, 28, 53, 2]])
    states = [x(ids).last_hidden_state for x in (loaded.model, network.model.model)]
    assert torch.allclose(*states, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "hidden", "heads", "inner", "parameters"),
    # embeddings (57 + 513 + 2) H + 2 H, per layer 4 (H^2 + H) + 2 HF + F + H + 4 H, pooler H^2 + H
    [(4, 192, 6, 768, 1_926_720), (6, 256, 8, 1024, 4_951_296)],
    ids=["tiny", "mini"],
)
def test_parameter_counts(layers, hidden, heads, inner, parameters):
    shape = options(
        num_hidden_layers=layers,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=inner,
    )
    counted = sum(p.numel() for p in load(shape, 0).model.parameters())
    by_hand = (
        (57 + 513 + 2) * hidden
        + 2 * hidden
        + layers * (4 * (hidden**2 + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden)
        + hidden**2
        + hidden
    )
    assert counted == by_hand == parameters


def test_sdpa_agrees_with_eager_attention():
    encoder = load(options(num_hidden_layers=2), 0)
    # MultiMolecule's models do not let it be changed later on.
    config = deepcopy(encoder.model.config)
    other = RnaErnieModel._from_config(config, attn_implementation="eager").eval()
    other.load_state_dict(encoder.model.state_dict())
    assert other.config._attn_implementation == "eager"
    batch = encoder.tokenizer(["ACGUACGUAC", "GGC"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        sdpa, eager = encoder.model(**batch), other(**batch)
    real = batch["attention_mask"].bool()
    assert torch.allclose(sdpa.last_hidden_state[real], eager.last_hidden_state[real], atol=1e-5)
    assert torch.allclose(sdpa.pooler_output, eager.pooler_output, atol=1e-5)


class TestCheckpoints:
    def test_hosted_vocabulary_loads_as_it_is(self, checkpoint):
        folder, model = checkpoint
        encoder = load(options(folder), seed=0)
        assert encoder.model.config.vocab_size == len(encoder.tokenizer) == 28
        assert encoder.weights_sha256 == weights_sha256(model)
        assert not encoder.model.training

    def test_the_shape_is_the_checkpoints_own(self, checkpoint):
        encoder = load(options(checkpoint[0], hidden_size=192, num_attention_heads=6), seed=0)
        assert encoder.model.config.hidden_size == 16

    def test_a_pooler_that_is_not_stored_follows_from_the_seed(self, tmp_path):
        RnaErnieForMaskedLM(RnaErnieConfig(**TINY)).save_pretrained(tmp_path / "mlm")
        RnaTokenizer().save_pretrained(tmp_path / "mlm")
        first, again, other = (load(options(tmp_path / "mlm"), seed) for seed in (1, 1, 2))
        poolers = [encoder.model.pooler.dense.weight for encoder in (first, again, other)]
        assert torch.equal(poolers[0], poolers[1]) and not torch.equal(poolers[0], poolers[2])
        # The checkpoint is one and the same, the features are not.
        assert first.weights_sha256 == other.weights_sha256
        assert first.key() == again.key() != other.key()

    def test_missing_folder(self, tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be loaded.*backbone.source") as caught:
            load(options(tmp_path / "nowhere"), 0)
        assert "\n" not in str(caught.value)

    def test_unreachable_hub(self, monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(ConfigError, match=r"no-such-org/net: .*check the connection") as caught:
            load(options("no-such-org/net"), 0)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda folder: (folder / "config.json").unlink(),
            lambda folder: (folder / "config.json").write_text("{"),
            lambda folder: (folder / "model.safetensors").unlink(),
            lambda folder: (folder / "model.safetensors").write_bytes(b"\x10" * 100),
        ],
        ids=["no config", "half a config", "no weights", "damaged weights"],
    )
    def test_broken_folder(self, checkpoint, damage):
        folder, _ = checkpoint
        damage(folder)
        with pytest.raises(ConfigError, match=r"cannot be loaded.*check the folder") as caught:
            load(options(folder), 0)
        assert str(folder) in str(caught.value) and "\n" not in str(caught.value)

    def test_weights_of_another_shape(self, checkpoint):
        folder, _ = checkpoint
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 32}))
        with pytest.raises(ConfigError, match=r"differ from the shape in config.json: .* more"):
            load(options(folder), 0)

    def test_vocabulary_of_another_size(self, tmp_path):
        RnaErnieModel(RnaErnieConfig(vocab_size=57, **TINY)).save_pretrained(tmp_path)
        RnaTokenizer().save_pretrained(tmp_path)
        with pytest.raises(ConfigError, match=r"its tokenizer has 28 tokens, its network 57"):
            load(options(tmp_path), 0)

    def test_missing_layers_are_not_made_up(self, checkpoint):
        folder, _ = checkpoint
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
        with pytest.raises(ConfigError, match=r"no weights for encoder.layer.1"):
            load(options(folder), 0)

    def test_another_model_is_refused(self, tmp_path):
        from multimolecule import RnaBertConfig, RnaBertModel

        config = RnaBertConfig(
            num_hidden_layers=1, hidden_size=12, num_attention_heads=2, intermediate_size=24
        )
        RnaBertModel(config).save_pretrained(tmp_path / "bert")
        RnaTokenizer().save_pretrained(tmp_path / "bert")
        with pytest.raises(ConfigError, match=r"cannot be loaded: .*rnabert"):
            load(options(tmp_path / "bert"), 0)


def test_options_that_contradict_each_other():
    with pytest.raises(ConfigError, match=r"backbone.init: no pre-trained weights"):
        options(init="pretrained", name="rnaernie-mini")
    with pytest.raises(ConfigError, match=r"backbone.hidden_size: 16 is not a multiple of 3"):
        options(num_attention_heads=3)
