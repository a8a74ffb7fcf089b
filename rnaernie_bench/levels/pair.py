"""Two sequences together."""

from __future__ import annotations

from rnaernie_bench.levels import Level

LEVEL = Level(
    name="pair",
    unit="pair of sequences",
    units=lambda pair: 1,
    answers={
        "multiclass": "multiclass",
        "binary": "binary",
        "multilabel": "multilabel",
        "regression": "regression",
    },
    predictions={
        "multiclass": "rnaernie_bench.prediction.pairs:VALUES",
        "binary": "rnaernie_bench.prediction.pairs:INTERACTIONS",
        "multilabel": "rnaernie_bench.prediction.pairs:VALUES",
        "regression": "rnaernie_bench.prediction.pairs:VALUES",
    },
    head="interaction",
    length="error",
    own_metrics={
        "binary": "auroc",
        "multiclass": "macro_f1",
        "multilabel": "macro_auroc",
        "regression": "spearman",
    },
    tables=(),
    partners=("first", "second"),
    cuts=("item", "first", "second", "both"),
    encodings=("towers", "joint"),
    read_file="rnaernie_bench.data.pairs:read_pairs",
    simulate="rnaernie_bench.data.simulated_pairs:simulated_pairs",
    own_data="rnaernie_bench.data.own.pairs:of_pairs",
)
