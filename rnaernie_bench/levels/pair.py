"""Two sequences together."""

from __future__ import annotations

from rnaernie_bench.levels import ITEM_METRICS, Level
from rnaernie_bench.metrics.problems import PROBLEMS

ENTRY = Level(
    name="pair",
    unit="pair of sequences",
    units=lambda pair: 1,
    answers={problem: problem for problem in PROBLEMS},
    predictions={
        **dict.fromkeys(PROBLEMS, "rnaernie_bench.prediction.pairs:VALUES"),
        "binary": "rnaernie_bench.prediction.pairs:INTERACTIONS",
    },
    head="interaction",
    length="error",
    own_metrics=ITEM_METRICS,
    tables=(),
    partners=("first", "second"),
    cuts=("item", "first", "second", "both", "seed"),
    encodings=("towers", "joint"),
    read_file="rnaernie_bench.data.levels.pair:read_file",
    simulate="rnaernie_bench.data.levels.pair:simulated",
    own_data="rnaernie_bench.data.own.tables:of_pairs",
    inputs="rnaernie_bench.learning.pair_inputs:PairInputs",
)
