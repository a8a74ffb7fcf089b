"""Whole sequences."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="sequence",
    unit="sequence",
    answers={
        "multiclass": "multiclass",
        "binary": "binary",
        "multilabel": "multilabel",
        "regression": "regression",
    },
)
