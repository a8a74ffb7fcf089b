"""Models that a tiny task is run with, and what a finished run leaves."""

from __future__ import annotations

import json

from tests.training_kit import TINY_NET

MODELS = {
    "majority": ("backbone=majority",),
    "kmer": ("backbone=kmer", "backbone.max_k=2"),
    "cnn": ("backbone=cnn", "backbone.channels=8", "trainer.learning_rates=[1e-3,1e-2]"),
    "full": (*TINY_NET, "strategy=full"),
    "frozen": (*TINY_NET, "strategy=frozen"),
}


FILES = {"README.md", "config.yaml", "model", "predictions.parquet", "record.json"}


def failing(error):
    """Return a function that raises `error`, whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail


def record_of(folder):
    return json.loads((folder / "record.json").read_text())
