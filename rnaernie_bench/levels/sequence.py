"""Whole sequences."""

from __future__ import annotations

from rnaernie_bench.levels import ITEM_METRICS, Level
from rnaernie_bench.metrics.problems import PROBLEMS

ENTRY = Level(
    name="sequence",
    unit="sequence",
    units=lambda sequence: 1,
    answers={problem: problem for problem in PROBLEMS},
    predictions={
        "multiclass": "rnaernie_bench.prediction.classes:FORM",
        "binary": "rnaernie_bench.prediction.classes:FORM",
    },
    row_features=True,
    head="pooled",
    length="truncate",
    own_metrics=ITEM_METRICS,
    labelled=True,
    cuts=("item", "group", "overlap", "similarity", "position"),
    read_file="rnaernie_bench.data.levels.sequence:read_file",
    read_row="rnaernie_bench.data.levels.sequence:read_row",
    simulated_item="rnaernie_bench.data.levels.sequence:simulated_item",
    own_data="rnaernie_bench.data.own.tables:of_items",
    inputs="rnaernie_bench.learning.inputs:SequenceInputs",
    state_inputs="rnaernie_bench.learning.inputs:SequenceStates",
)
