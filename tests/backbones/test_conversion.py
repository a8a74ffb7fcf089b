"""The authors' checkpoint converted: every weight in its place, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from multimolecule import RnaErnieForMaskedLM, RnaErnieForPreTraining, RnaErnieModel, RnaTokenizer

from rnaernie_bench.backbones.conversion import AUTHORS_TOKENS, ORIGIN, convert, save_converted
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.backbones.vocabulary import RNA_TYPES, has_types, require_types
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from tests.paddle_kit import HIDDEN, INNER, LAYERS, POSITIONS, authors_state, write_checkpoint

WORDS = "ernie.embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("paddle"))


@pytest.fixture(scope="module")
def converted(checkpoint):
    return convert(checkpoint, heads=2)


@pytest.fixture(scope="module")
def folder(converted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted") / "net"
    save_converted(converted, folder)
    return folder


def failure(path, kind=DataError, **options):
    with pytest.raises(kind) as caught:
        convert(path, **{"heads": 2, **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(tmp_path, **changes):
    """Write a checkpoint in which tensors are replaced, or left out if None."""
    state = authors_state() | {name.replace("__", "."): value for name, value in changes.items()}
    return write_checkpoint(tmp_path, {k: v for k, v in state.items() if v is not None})


def forward(state: dict[str, np.ndarray], ids: np.ndarray, heads: int):
    """Compute what the authors' network does, in NumPy: post-LN, ReLU, x @ W + b.

    Returns:
        Hidden states (T, H), pooled output (H,) and logits (T, 39) of one sequence of their ids.
    """

    def linear(x, name):
        return x @ state[f"{name}.weight"] + state[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * state[f"{name}.weight"] + state[f"{name}.bias"]

    state = {name: value.astype(np.float64) for name, value in state.items()}
    positions = state["ernie.embeddings.position_embeddings.weight"][: len(ids)]
    x = state[WORDS][ids] + positions + state["ernie.embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "ernie.embeddings.layer_norm")
    for n in range(LAYERS):
        layer = f"ernie.encoder.layers.{n}"
        q, k, v = (
            linear(x, f"{layer}.self_attn.{name}_proj").reshape(len(ids), heads, -1).swapaxes(0, 1)
            for name in "qkv"
        )
        scores = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
        context = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(x.shape)
        x = norm(x + linear(context, f"{layer}.self_attn.out_proj"), f"{layer}.norm1")
        inner = np.maximum(linear(x, f"{layer}.linear1"), 0)
        x = norm(x + linear(inner, f"{layer}.linear2"), f"{layer}.norm2")
    head = np.maximum(linear(x, "cls.predictions.transform"), 0)
    head = norm(head, "cls.predictions.layer_norm")
    logits = head @ state[WORDS].T + state["cls.predictions.decoder_bias"]
    return x, np.tanh(linear(x[0], "ernie.pooler.dense")), logits


def test_outputs_are_those_of_the_authors_network(checkpoint, converted):
    # <cls> A U C G N [IND] [tRNA] <eos>: 2 35 36 37 38 1 6 31 3 in the authors' vocabulary.
    ids = converted.tokenizer("ATCGN[IND][tRNA]", return_tensors="pt")["input_ids"]
    hidden, pooled, logits = forward(authors_state(), np.array([2, 35, 36, 37, 38, 1, 6, 31, 3]), 2)
    with torch.inference_mode():
        outputs = converted.model.model(ids)
        ours = converted.model(ids).logits[0].numpy()
    assert np.allclose(outputs.last_hidden_state[0], hidden, atol=1e-5)
    assert np.allclose(outputs.pooler_output[0], pooled, atol=1e-5)
    names = converted.tokenizer.convert_ids_to_tokens(list(range(57)))
    rows = [AUTHORS_TOKENS.index(t) if t in AUTHORS_TOKENS else 1 for t in names]
    assert np.allclose(ours, logits[:, rows], atol=1e-5)


def test_rows_of_the_vocabulary(converted):
    assert len(AUTHORS_TOKENS) == 39 and AUTHORS_TOKENS[7:35] == tuple(f"[{t}]" for t in RNA_TYPES)
    words = authors_state()[WORDS]
    rows = converted.model.get_input_embeddings().weight.numpy(force=True)
    assert np.array_equal(rows[28:57], words[6:35])  # [IND] and the types, in the authors' order
    ids = converted.tokenizer.convert_tokens_to_ids
    for token, row in {"<pad>": 0, "<unk>": 1, "<cls>": 2, "<eos>": 3, "<mask>": 4}.items():
        assert np.array_equal(rows[ids(token)], words[row])
    assert np.array_equal(rows[ids([*"AUCG"])], words[35:39])
    copies = getattr(converted.model.config, ORIGIN)["copies_of_unk"]
    assert {"<null>", "N", "-", "R", "I"} < set(copies) and not {*"ACGU", "<unk>"} & set(copies)
    assert np.array_equal(rows[ids(copies)], words[[1] * len(copies)])
    assert len(copies) == 57 - 38  # all of the authors' tokens but DEL are there


def test_a_saved_folder_loads_everywhere(folder, converted):
    batch = converted.tokenizer(["ACGUN[IND][miRNA]", "GGC"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected, logits = converted.model.model(**batch), converted.model(**batch).logits
        encoder = RnaErnieModel.from_pretrained(folder).eval()
        assert torch.allclose(encoder(**batch).pooler_output, expected.pooler_output, atol=1e-6)
        for kind in (RnaErnieForMaskedLM, RnaErnieForPreTraining):
            model = kind.from_pretrained(folder).eval()
            assert torch.allclose(model(**batch).logits, logits, atol=1e-5)
            assert model.lm_head.decoder.weight is model.get_input_embeddings().weight
    tokenizer = RnaTokenizer.from_pretrained(folder)
    assert tokenizer.get_vocab() == converted.tokenizer.get_vocab()
    assert {path.name for path in folder.iterdir()} >= {"config.json", "model.safetensors"}
    assert not list(folder.glob("*.bin"))


def test_the_description_survives_loading_and_saving(folder, checkpoint, tmp_path):
    RnaErnieModel.from_pretrained(folder).save_pretrained(tmp_path)
    origin = json.loads((tmp_path / "config.json").read_text())[ORIGIN]
    assert origin == json.loads((folder / "config.json").read_text())[ORIGIN]
    assert origin["converted_from"] == checkpoint.name and len(origin["sha256"]) == 64


def test_a_folder_is_a_typed_backbone_with_the_authors_pooler(folder):
    options = RnaErnieOptions(
        name="rnaernie", init="pretrained", source=str(folder), revision=None,
        num_hidden_layers=12, hidden_size=768, num_attention_heads=12, intermediate_size=3072,
    )  # fmt: skip
    encoder = load(options, seed=5)
    assert has_types(encoder.tokenizer) and encoder.model.config.vocab_size == 57
    require_types(encoder.tokenizer, "rnaernie")
    pooler = authors_state()["ernie.pooler.dense.weight"]
    assert np.array_equal(encoder.model.pooler.dense.weight.numpy(force=True), pooler.T)
    assert encoder.weights_sha256 == load(options, seed=6).weights_sha256


def test_types_are_required_by_name():
    with pytest.raises(ConfigError, match=r"^org/net: its vocabulary of 28 tokens .*convert"):
        require_types(RnaTokenizer(), "org/net")


class TestTensors:
    def test_missing(self, tmp_path):
        path = changed(tmp_path, ernie__encoder__layers__1__norm2__bias=None)
        assert "the tensor 'ernie.encoder.layers.1.norm2.bias' is missing" in failure(path)

    def test_several_missing(self, tmp_path):
        head = [name for name in authors_state() if name.startswith("cls.")]
        path = changed(tmp_path, **dict.fromkeys(head))
        assert "' (and 4 more) is missing" in failure(path)

    def test_no_embeddings(self, tmp_path):
        message = failure(write_checkpoint(tmp_path, {"linear.weight": np.ones((2, 2))}))
        assert f"the tensor '{WORDS}' is missing" in message

    def test_a_layer_left_out(self, tmp_path):
        state = {name.replace("layers.1.", "layers.7."): v for name, v in authors_state().items()}
        message = failure(write_checkpoint(tmp_path, state))
        assert "the tensor 'ernie.encoder.layers.1." in message and "is missing" in message

    def test_misshapen(self, tmp_path):
        path = changed(tmp_path, ernie__encoder__layers__0__linear2__weight=np.ones((16, 24)))
        assert (
            "the tensor 'ernie.encoder.layers.0.linear2.weight' has the shape (16, 24) "
            "instead of (24, 16)"
        ) in failure(path)

    def test_table_of_other_dimensions(self, tmp_path):
        path = changed(tmp_path, ernie__embeddings__position_embeddings__weight=np.ones(5))
        assert "position_embeddings.weight' has the shape (5,), not rows" in failure(path)

    def test_unknown(self, tmp_path):
        path = changed(tmp_path, ernie__embeddings__task_type_embeddings__weight=np.ones((3, 16)))
        assert "task_type_embeddings.weight' is no part of RNAErnie" in failure(path)

    def test_another_vocabulary(self, tmp_path):
        path = changed(tmp_path, **{WORDS: np.ones((28, 16))})
        assert "has 28 rows, the authors' vocabulary has 39 tokens" in failure(path)

    def test_shared_weights_may_stand_there_twice(self, tmp_path, converted):
        state = authors_state()
        twins = {
            "cls.predictions.decoder.weight": state[WORDS],
            "cls.predictions.decoder.bias": state["cls.predictions.decoder_bias"],
        }
        twice = convert(changed(tmp_path, **twins), heads=2).model.state_dict()
        once = converted.model.state_dict()
        assert all(torch.equal(twice[name], once[name]) for name in once)

    def test_shared_weights_that_differ(self, tmp_path):
        path = changed(tmp_path, cls__predictions__decoder_weight=np.ones((39, 16)))
        assert "decoder_weight' differs from 'ernie" in failure(path)


class TestShape:
    def test_follows_from_the_tensors(self, converted):
        config = converted.model.config
        assert config.hidden_size == HIDDEN and config.num_hidden_layers == LAYERS
        assert config.intermediate_size == INNER and config.max_position_embeddings == POSITIONS

    def test_heads_have_64_features(self, tmp_path):
        path = write_checkpoint(tmp_path, authors_state(128))
        assert convert(path).model.config.num_attention_heads == 2

    def test_heads_that_are_not_known(self, checkpoint):
        message = failure(checkpoint, ConfigError, heads=None)
        assert "16 features are not 64 a head; add --heads N" in message

    def test_heads_that_do_not_divide(self, checkpoint):
        assert "16 features cannot be shared among 3 heads" in failure(
            checkpoint, ConfigError, heads=3
        )

    def test_model_config_tells_heads_and_activation(self, tmp_path):
        inner = {"num_attention_heads": 4, "hidden_act": "gelu", "hidden_size": 16}
        path = changed(tmp_path)
        (tmp_path / "model_config.json").write_text(json.dumps({"init_args": [inner]}))
        config = convert(path).model.config
        assert (config.num_attention_heads, config.hidden_act) == (4, "gelu")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ('{"init_args": [{"hidden_size": 32}]}', "'hidden_size' is 32, but 16 in the tensors"),
            ('{"hidden_act": "silu"}', "'hidden_act' is 'silu', not relu or gelu"),
            ("{", "it is not a model configuration"),
            ('{"init_args": 3}', "it is not a model configuration"),
        ],
    )
    def test_model_config_that_contradicts_or_is_damaged(self, tmp_path, content, words):
        path = changed(tmp_path)
        (tmp_path / "model_config.json").write_text(content)
        message = failure(path)
        assert words in message and message.startswith(f"{tmp_path / 'model_config.json'}: ")


class TestFolder:
    def test_what_it_holds_is_not_overwritten(self, converted, tmp_path):
        (tmp_path / "mine.txt").write_text("x")
        for replace in (False, True):
            with pytest.raises(BenchError, match="it contains files already"):
                save_converted(converted, tmp_path, replace=replace)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_a_model_is_replaced_when_asked(self, converted, tmp_path):
        out = tmp_path / "net"
        save_converted(converted, out)
        (out / "old.txt").write_text("x")
        with pytest.raises(BenchError, match="choose another folder"):
            save_converted(converted, out)
        save_converted(converted, out, replace=True)
        assert not (out / "old.txt").exists() and (out / "config.json").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["net"]


@pytest.mark.realdata
def test_paddle_and_the_conversion_agree(tmp_path):
    parity = Path(os.environ.get("RNAERNIE_BENCH_PARITY", "nowhere"))
    if not (parity / "expected.npz").exists():
        pytest.skip("RNAERNIE_BENCH_PARITY names no folder with Paddle's outputs")
    expected = np.load(parity / "expected.npz")
    save_converted(convert(parity / "model_state.pdparams"), tmp_path / "net")
    tokenizer = RnaTokenizer.from_pretrained(tmp_path / "net")
    # DEL was never used and has no token here; <unk> stands in its place.
    names = ["<unk>" if name == "DEL" else name for name in AUTHORS_TOKENS]
    ours = np.array(tokenizer.convert_tokens_to_ids(names))
    batch = {
        "input_ids": torch.tensor(ours[expected["input_ids"]]),
        "attention_mask": torch.tensor(expected["input_ids"] != 0),
    }
    with torch.inference_mode():
        outputs = RnaErnieModel.from_pretrained(tmp_path / "net").eval()(**batch)
        logits = RnaErnieForMaskedLM.from_pretrained(tmp_path / "net").eval()(**batch).logits
    real = expected["input_ids"] != 0
    assert real.sum() > 100 and 5 not in expected["input_ids"]
    hidden = outputs.last_hidden_state.numpy()
    assert np.abs(hidden - expected["last_hidden_state"])[real].max() < 1e-5
    assert np.abs(outputs.pooler_output.numpy() - expected["pooled"]).max() < 1e-5
    known = np.array(AUTHORS_TOKENS) != "DEL"
    difference = np.abs(logits.numpy()[..., ours] - expected["mlm_logits"])
    assert difference[real][:, known].max() < 1e-5
