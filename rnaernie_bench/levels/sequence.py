"""Whole sequences."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="sequence",
    unit="sequence",
    units=lambda sequence: 1,
    answers={
        "multiclass": "multiclass",
        "binary": "binary",
        "multilabel": "multilabel",
        "regression": "regression",
    },
    predictions={
        "multiclass": "rnaernie_bench.prediction.classes:FORM",
        "binary": "rnaernie_bench.prediction.classes:FORM",
        "multilabel": "rnaernie_bench.prediction.values:SEQUENCES",
        "regression": "rnaernie_bench.prediction.values:SEQUENCES",
    },
    head="pooled",
    length="truncate",
    own_metrics={
        "binary": "auroc",
        "multiclass": "macro_f1",
        "multilabel": "macro_auroc",
        "regression": "spearman",
    },
    labelled=True,
    read_file="rnaernie_bench.data.levels.sequence:read_file",
    read_row="rnaernie_bench.data.levels.sequence:read_row",
    simulated_item="rnaernie_bench.data.levels.sequence:simulated_item",
    own_data="rnaernie_bench.data.own.tables:of_items",
)
