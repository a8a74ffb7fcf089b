"""The bases of a sequence."""

from __future__ import annotations

from rnaernie_bench.levels import ITEM_METRICS, Level
from rnaernie_bench.metrics.problems import PROBLEMS

ENTRY = Level(
    name="token",
    unit="base",
    units=len,
    answers={problem: f"token_{problem}" for problem in PROBLEMS},
    places=lambda sequence: ((str(n), base) for n, base in enumerate(sequence, start=1)),
    place_columns=("position", "base"),
    row_features=True,
    head="token",
    length="error",
    own_metrics={**ITEM_METRICS, "binary": "mcc", "regression": "mcrmse"},
    errors=True,
    per_base=True,
    read_file="rnaernie_bench.data.levels.token:read_file",
    read_row="rnaernie_bench.data.levels.token:read_row",
    simulated_item="rnaernie_bench.data.levels.token:simulated_item",
    own_data="rnaernie_bench.data.own.tables:of_bases",
    inputs="rnaernie_bench.learning.inputs:TokenInputs",
)
