"""The bases of a sequence."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="token",
    unit="base",
    units=len,
    answers={
        "multiclass": "token_multiclass",
        "binary": "token_binary",
        "multilabel": "token_multilabel",
        "regression": "token_regression",
    },
    predictions={
        "multiclass": "rnaernie_bench.prediction.values:BASES",
        "binary": "rnaernie_bench.prediction.values:BASES",
        "multilabel": "rnaernie_bench.prediction.values:BASES",
        "regression": "rnaernie_bench.prediction.values:BASES",
    },
    head="token",
    length="error",
    own_metrics={
        "binary": "mcc",
        "multiclass": "macro_f1",
        "multilabel": "macro_auroc",
        "regression": "mcrmse",
    },
    errors=True,
    per_base=True,
    read_file="rnaernie_bench.data.levels.token:read_file",
    read_row="rnaernie_bench.data.levels.token:read_row",
    simulated_item="rnaernie_bench.data.levels.token:simulated_item",
    own_data="rnaernie_bench.data.own.tables:of_bases",
)
