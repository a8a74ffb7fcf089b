"""A backbone by name, hub id, folder or options; with and without its head for masked tokens."""

from __future__ import annotations

import pytest
import torch

from rnaernie_bench.backbones.loading import backbone_options, load_backbone, longest
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import BACKBONES, EncoderEntry
from tests.backbone_kit import save_masked_lm


def test_a_name_stands_for_its_shipped_settings():
    options = backbone_options("rnaernie-mini")
    assert (options.name, options.init, options.hidden_size) == ("rnaernie-mini", "random", 256)
    assert backbone_options("rnaernie").source == "multimolecule/rnaernie"


def test_how_long_a_sequence_may_be_is_known_beforehand():
    names = ("rnaernie-tiny", "rnabert", "someone/net", "multimolecule/rnafm", "utrbert-6mer")
    assert [longest(name) for name in names] == [508, 440, 508, 1022, 515]


def test_a_hub_id_or_folder_stands_for_its_weights(tmp_path, monkeypatch):
    for source in ("someone/net", str(tmp_path)):
        options = backbone_options(source)
        assert (options.init, options.source, options.revision) == ("pretrained", source, None)
    (tmp_path / "rnaernie-mini").mkdir()
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert backbone_options("mine").source == "mine"
    assert backbone_options("rnaernie-mini").init == "random"
    assert backbone_options("./rnaernie-mini").source == "./rnaernie-mini"


def test_a_plug_in_needs_no_file(monkeypatch):
    entry = BACKBONES.get("majority")
    plug_in = EncoderEntry(options=entry.options, load="a:b", summary="")
    monkeypatch.setitem(BACKBONES._targets, "mine", plug_in)
    assert backbone_options("mine").name == "mine"
    with pytest.raises(ConfigError, match="'mine' cannot predict masked tokens; use another"):
        load_backbone("mine", masked_lm=True)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("rnaernie-tyni", "model: no backbone or folder is called 'rnaernie-tyni'; did you mean "),
        ("kmer", "model: 'kmer' is a baseline: it has no hidden states; choose a backbone"),
        ("./no/folder", "./no/folder: the weights of 'rnaernie' cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded(model, message):
    with pytest.raises(ConfigError) as caught:
        load_backbone(model)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_both_networks_hold_the_weights_of_the_folder(tmp_path):
    saved = save_masked_lm(tmp_path)
    encoder = load_backbone(str(tmp_path))
    masked_lm = load_backbone(str(tmp_path), masked_lm=True)
    ids = torch.tensor([[1, 6, 7, 4, 8, 9, 28, 53, 2]])
    with torch.inference_mode():
        expected = saved(ids, output_hidden_states=True)
        states = encoder.model(ids).last_hidden_state
        logits = masked_lm.model(ids).logits
    assert torch.allclose(states, expected.hidden_states[-1], atol=1e-5)
    assert torch.allclose(logits, expected.logits, atol=1e-5)
    assert logits.shape == (1, 9, 57)
    for loaded in (encoder, masked_lm):
        assert not loaded.model.training
        assert loaded.model.config._attn_implementation == "sdpa"


def test_random_weights_follow_from_the_seed():
    options = backbone_options("rnaernie-mini")
    first, again, other = (
        load_backbone(options, seed=seed, masked_lm=True).weights_sha256 for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_checkpoint_without_its_head_is_refused(tmp_path):
    save_masked_lm(tmp_path).model.save_pretrained(tmp_path)
    load_backbone(str(tmp_path))
    with pytest.raises(ConfigError, match=r"cannot be loaded: it has no weights for lm_head"):
        load_backbone(str(tmp_path), masked_lm=True)
