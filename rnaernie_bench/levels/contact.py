"""The pairs of bases of a sequence."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="contact",
    unit="pair of bases",
    answers={
        "multiclass": "token_multiclass",
        "binary": "structure",
        "multilabel": "token_multilabel",
        "regression": "token_regression",
    },
)
