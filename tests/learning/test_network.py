"""Saved models: what loads in plain MultiMolecule, and what comes back here."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from multimolecule import RnaErnieForSequencePrediction, RnaErnieModel, RnaTokenizer

from rnaernie_bench.backbones.fast_dropout import ATTENTION, use_fast_dropout
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.learning.network import TaskModel, build_head, load_model, save_model

LABELS = ["tRNA", "miRNA", "leader"]
SEQUENCES = ["ACGUACGU", "GGC"]


@pytest.fixture
def make(tmp_path):
    """Give a function that saves a model with some head; it returns model, batch and folder."""

    def build(head, *, fast=False):
        encoder = load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0)
        torch.manual_seed(1)
        model = TaskModel(encoder.model, build_head(head, encoder.model.config, 3, "multiclass"))
        if fast:
            use_fast_dropout(model)
        folder = tmp_path / "model"
        folder.mkdir()
        save_model(model.eval(), encoder.tokenizer, folder, head=head, labels=LABELS)
        batch = encoder.tokenizer(SEQUENCES, padding=True, return_tensors="pt")
        return model, batch, folder

    return build


@pytest.mark.parametrize("fast", [False, True], ids=["sdpa", "fast dropout"])
def test_pooled_model_loads_in_plain_multimolecule(make, fast):
    model, batch, folder = make("pooled", fast=fast)
    plain = RnaErnieForSequencePrediction.from_pretrained(folder).eval()
    tokenizer = RnaTokenizer.from_pretrained(folder)
    again = tokenizer(SEQUENCES, padding=True, return_tensors="pt")
    assert torch.equal(again["input_ids"], batch["input_ids"])
    assert torch.allclose(plain(**again).logits, model(**batch)["logits"], atol=1e-6)
    assert plain.config.id2label == dict(enumerate(LABELS))
    assert plain.config.label2id == {label: i for i, label in enumerate(LABELS)}
    assert plain.sequence_head.config.problem_type == "multiclass"
    assert plain.sequence_head.config.dropout == 0.1


@pytest.mark.services
def test_pooled_model_loads_without_this_package(make, tmp_path):
    model, batch, folder = make("pooled", fast=True)
    script = (
        "import json, sys\n"
        "from multimolecule import RnaErnieForSequencePrediction, RnaTokenizer\n"
        "model = RnaErnieForSequencePrediction.from_pretrained(sys.argv[1]).eval()\n"
        "tokenizer = RnaTokenizer.from_pretrained(sys.argv[1])\n"
        "batch = tokenizer(sys.argv[2:], padding=True, return_tensors='pt')\n"
        "assert not any(name.startswith('rnaernie_bench') for name in sys.modules)\n"
        "print(json.dumps(model(**batch).logits.tolist()))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *SEQUENCES],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    logits = torch.tensor(json.loads(done.stdout.splitlines()[-1]))
    assert torch.allclose(logits, model(**batch)["logits"], atol=1e-6)


def test_mean_model_keeps_a_plain_backbone(make):
    model, batch, folder = make("mean", fast=True)
    plain = RnaErnieModel.from_pretrained(folder / "backbone").eval()
    expected = model.backbone(**batch).last_hidden_state
    assert torch.allclose(plain(**batch).last_hidden_state, expected, atol=1e-6)
    assert json.loads((folder / "head.json").read_text()) == {
        "head": "mean", "problem": "multiclass", "labels": LABELS,
    }  # fmt: skip


@pytest.mark.parametrize("head", ["pooled", "mean"])
def test_round_trip(make, head):
    model, batch, folder = make(head, fast=True)
    loaded, tokenizer = load_model(folder)
    assert not loaded.training
    assert loaded.backbone.config._attn_implementation == "sdpa"
    assert len(tokenizer) == 57
    assert torch.allclose(loaded(**batch)["logits"], model(**batch)["logits"], atol=1e-6)


@pytest.mark.parametrize("head", ["pooled", "mean"])
def test_no_private_attention_is_saved(make, head):
    _, _, folder = make(head, fast=True)
    for path in folder.rglob("*.json"):
        assert ATTENTION not in path.read_text(), path
        assert "attn_implementation" not in path.read_text(), path


def test_saving_leaves_the_model_as_it_was(make):
    model, batch, _ = make("pooled")
    assert model.backbone.config.id2label != dict(enumerate(LABELS))
    assert model(**batch)["logits"].shape == (2, 3)
