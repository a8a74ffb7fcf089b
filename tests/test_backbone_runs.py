"""Whole runs of other backbones, and what their saved models predict afterwards."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.results.predictions import hash_ids, read_predictions
from tests.contact_kit import installed_contacts
from tests.training_kit import installed

TINY = (
    "backbone.init=random",
    "backbone.num_hidden_layers=1",
    "backbone.hidden_size=16",
    "backbone.num_attention_heads=2",
    "backbone.intermediate_size=32",
)
RUNS = {
    "rnabert": (*TINY, "strategy=frozen", "task.head=mean"),
    "rnamsm": (*TINY, "strategy=full", "task.head=pooled", "trainer.max_epochs=1"),
    "utrbert-3mer": (*TINY, "strategy=lora", "task.head=mean", "trainer.max_epochs=1"),
    "kmer-states": ("strategy=frozen", "task.head=mean"),
    "onehot-states": ("strategy=full", "task.head=mean", "trainer.max_epochs=1"),
}


@pytest.mark.parametrize("name", RUNS)
def test_sequences(name, tmp_path):
    with installed(tmp_path) as task:
        assert task.cli(settings=(f"backbone={name}", *RUNS[name])) == 0
        (folder,) = task.run_folders()
        record = json.loads((folder / "record.json").read_text())
        assert record["backbone"]["init"] == ("fixed" if "states" in name else "random")
        predictor = load_predictor(folder)
        test = task.split().tests["full"]
        found = predictor([item.sequence for item in test])
        stored = read_predictions(folder / "predictions.parquet")
        rows = {identity: row for row, identity in enumerate(stored.ids)}
        scores = stored.scores[[rows[identity] for identity in hash_ids(i.id for i in test)]]
        expected = np.exp(scores.astype(float))
        probabilities = [[p.probabilities[label] for label in predictor.labels] for p in found]
        assert np.allclose(probabilities, expected, atol=2e-3)  # stored in half precision


@pytest.mark.parametrize("name", ["rnabert", "kmer-states"])
def test_contacts(name, tmp_path):
    settings = (
        f"backbone={name}",
        *(TINY if name == "rnabert" else ()),
        "strategy=frozen",
        "task.head=bilinear",
        "trainer.max_epochs=1",
    )
    with installed_contacts(tmp_path) as task:
        assert task.cli(*settings) == 0
        (folder,) = task.run_folders()
        predictor = load_predictor(folder)
        ((index, matrix),) = predictor.fitted.probabilities(["GAAAAAAC"])
        assert index == 0 and matrix.shape == (8, 8)
        assert np.array_equal(matrix, matrix.T)
