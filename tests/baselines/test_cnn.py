"""The convolutional baseline: what it reads, padding, and files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.baselines import cnn
from rnaernie_bench.baselines._cnn_network import base_probabilities
from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.learning.reader import Reader
from tests.training_kit import installed

SMALL = ("backbone=cnn", "backbone.channels=8", "backbone.kernel_size=4", "backbone.layers=2")


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def test_letters_spread_over_the_bases_they_stand_for():
    tokenizer = typed_tokenizer()
    ids = {letter: tokenizer.convert_tokens_to_ids(letter) for letter in LETTERS}
    table = base_probabilities(ids, len(tokenizer))
    expected = {
        "A": [1, 0, 0, 0], "C": [0, 1, 0, 0], "G": [0, 0, 1, 0], "U": [0, 0, 0, 1],
        "R": [1 / 2, 0, 1 / 2, 0], "Y": [0, 1 / 2, 0, 1 / 2], "V": [1 / 3, 1 / 3, 1 / 3, 0],
        "N": [1 / 4] * 4, "X": [1 / 4] * 4, "I": [1 / 4] * 4,
    }  # fmt: skip
    for letter, row in expected.items():
        assert torch.allclose(table[ids[letter]], torch.tensor(row, dtype=torch.float32)), letter
    assert table.sum(1).gt(0).sum() == len(LETTERS)  # specials and types say nothing


@pytest.mark.parametrize("kernel_size", [3, 4])
def test_padding_does_not_matter(kernel_size):
    torch.manual_seed(0)
    options = cnn.CnnOptions("cnn", 8, kernel_size, 3, 0.1, 1e-3)
    reader = Reader(typed_tokenizer(), 508, "error", token_budget=1000)
    fitted = cnn._network(options, cnn.Shape(3, "multiclass", "sequence"), reader)
    sequences = ["ACGUNACG", "G", "UUGCA" * 9]
    together = fitted.logits(sequences)
    for row, sequence in zip(together, sequences, strict=True):
        assert np.allclose(row, fitted.logits([sequence])[0], atol=1e-6)


def test_it_learns_and_is_restored(task, tmp_path):
    config = task.config(*SMALL, "trainer.max_epochs=8", "backbone.learning_rate=0.03")
    fitted, report = cnn.fit(task.context(config), config.backbone)
    items = task.split().validation
    sequences = [item.sequence for item in items]
    logits = fitted.logits(sequences)
    assert (logits.argmax(1) == [item.label for item in items]).mean() >= 0.9
    convolutions = (4 * 8 * 4 + 8) + (8 * 8 * 4 + 8)
    assert report.parameters == convolutions + (16 * 3 + 3)
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    restored = cnn.restore(folder)
    assert np.allclose(restored.logits(sequences), logits, atol=1e-6)
    assert restored.reader.token_budget == config.trainer.token_budget
