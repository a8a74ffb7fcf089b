"""The convolutional baseline: what it reads, how far, padding, and files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from multimolecule import RnaTokenizer

from rnaernie_bench.backbones.convolution_network import ConvolutionConfig, ConvolutionModel
from rnaernie_bench.backbones.letters_network import base_shares
from rnaernie_bench.baselines import cnn
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.learning.saved import load_network
from rnaernie_bench.task.task import find_tasks, read_task
from rnaernie_bench.testing import check_saved
from tests.kit import make_task
from tests.training_kit import installed

SMALL = ("backbone=cnn", "backbone.channels=8", "backbone.kernel_size=4", "backbone.layers=2")


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def network(**shape):
    torch.manual_seed(0)
    return ConvolutionModel(ConvolutionConfig(hidden_size=4, **shape)).eval()


def states(model, *sequences):
    with torch.inference_mode():
        batch = RnaTokenizer()(list(sequences), padding=True, return_tensors="pt")
        return model(batch["input_ids"], batch["attention_mask"]).last_hidden_state


def test_letters_spread_over_the_bases_they_stand_for():
    tokenizer = RnaTokenizer()
    table = base_shares(len(tokenizer))
    expected = {
        "A": [1, 0, 0, 0], "C": [0, 1, 0, 0], "G": [0, 0, 1, 0], "U": [0, 0, 0, 1],
        "R": [1 / 2, 0, 1 / 2, 0], "Y": [0, 1 / 2, 0, 1 / 2], "V": [1 / 3, 1 / 3, 1 / 3, 0],
        "N": [1 / 4] * 4, "X": [1 / 4] * 4, "I": [1 / 4] * 4,
    }  # fmt: skip
    for letter, row in expected.items():
        found = table[tokenizer.convert_tokens_to_ids(letter)]
        assert torch.allclose(found, torch.tensor(row, dtype=torch.float32)), letter
    letters = tokenizer.convert_tokens_to_ids(list(LETTERS))
    assert table[letters].sum(1).tolist() == pytest.approx([1] * len(LETTERS))
    special = [tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert table[special].eq(0).all()
    assert base_shares(57)[28:].eq(0).all()  # types


@pytest.mark.parametrize("kernel_size", [3, 4])
def test_padding_does_not_matter(kernel_size):
    model = network(kernel_size=kernel_size)
    sequences = ["ACGUNACG", "G", "UUGCA" * 9]
    together = states(model, *sequences)
    for row, sequence in zip(together, sequences, strict=True):
        alone = states(model, sequence)[0]
        torch.testing.assert_close(row[: len(alone)], alone)


def test_a_state_depends_on_the_receptive_field_alone():
    """Three bases, of which the second convolution reads every second: 1 + 2 (1 + 2) = 7."""
    model = network(kernel_size=3, dilations=(1, 2))
    plain, changed = states(model, "A" * 21)[0], states(model, "A" * 10 + "C" + "A" * 10)[0]
    moved = (plain - changed).abs().amax(1)[1:-1].gt(1e-7)
    assert moved.nonzero().flatten().tolist() == list(range(7, 14))
    assert model.config.receptive_field == 7


def test_layers_are_added_to_what_they_read():
    model = network(kernel_size=3, dilations=(1, 2))
    first = network(kernel_size=3, dilations=(1,))
    with torch.no_grad():
        model.convolutions[1].weight.zero_()
        model.convolutions[1].bias.zero_()
    torch.testing.assert_close(states(model, "ACGU"), states(first, "ACGU"))


def test_it_learns_and_is_restored(task, tmp_path):
    config = task.config(*SMALL, "trainer.max_epochs=8", "backbone.learning_rate=0.03")
    fitted, report = cnn.fit(task.context(config), config.backbone)
    items = task.split().validation
    sequences = [item.sequence for item in items]
    logits = fitted.logits(sequences)
    assert (logits.argmax(1) == [item.label for item in items]).mean() >= 0.9
    convolutions = (4 * 8 * 4 + 8) + (8 * 8 * 4 + 8)
    assert report.parameters == convolutions + (16 * 3 + 3)
    assert report.details["receptive_field"] == 1 + 3 * (1 + 2)
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    restored = load_network(folder, {"max_bases": 508, "length": "truncate", "token_budget": 400})
    assert np.allclose(restored.logits(sequences), logits, atol=1e-6)
    assert json.loads((folder / "head.json").read_text())["head"] == "mean_max"


@pytest.mark.parametrize("head", ["pooled", "token"])
def test_a_head_that_it_cannot_carry_is_refused(task, head):
    config = task.config(*SMALL, f"backbone.head={head}")
    with pytest.raises(ConfigError, match=f"backbone.head: head '{head}' (reads a pooler|is not)"):
        cnn.fit(task.context(config), config.backbone)


@pytest.mark.parametrize(
    ("name", "head"),
    [("sirna", "positions"), ("pseudouridine", "window"), ("ncrna_cls", "mean_max"),
     ("degradation", "token"), ("rri", "interaction")],
)  # fmt: skip
def test_where_bases_stand_counts_where_the_task_says_so(name, head):
    task = read_task(find_tasks()[name] / "task.yaml")
    config = compose([f"task={name}", "backbone=cnn", *(["task.flank=3"] * (head == "window"))])
    assert config.backbone.head_on(task) == head
    if head == "mean_max":
        with pytest.raises(ConfigError, match=r"task\.flank: .*'mean_max' reads no flanks"):
            compose([f"task={name}", "backbone=cnn", "task.flank=3"])


@pytest.mark.parametrize(
    ("level", "problem", "head"),
    [("token", "regression", "token_convolution"), ("pair", "multiclass", "interaction")],
)
def test_it_serves_bases_and_pairs(tmp_path, level, problem, head):
    made = make_task(tmp_path, level, problem)
    settings = [*SMALL, "trainer.max_epochs=1"]
    if level == "token":
        settings += [f"backbone.head={head}", "task.flank=1"]
    assert made.run(*settings) == 0
    (run,) = made.run_folders()
    check_saved(run, [made.folder / "tasks"])
    assert json.loads((run / "model" / "head.json").read_text())["head"] == head
    assert json.loads((run / "record.json").read_text())["cost"]["receptive_field"] == 10
