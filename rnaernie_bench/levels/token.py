"""The bases of a sequence."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="token",
    unit="base",
    answers={
        "multiclass": "token_multiclass",
        "binary": "token_binary",
        "multilabel": "token_multilabel",
        "regression": "token_regression",
    },
)
