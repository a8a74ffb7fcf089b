"""Two sequences together."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="pair",
    unit="pair of sequences",
    answers={
        "multiclass": "multiclass",
        "binary": "binary",
        "multilabel": "multilabel",
        "regression": "regression",
    },
)
