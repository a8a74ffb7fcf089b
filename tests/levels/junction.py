"""A level of a plug-in, file 1 of 2: what stands between two neighbouring bases."""

from __future__ import annotations

from itertools import pairwise

from rnaernie_bench.levels import Level

ENTRY = Level(
    name="junction",
    unit="junction",
    units=lambda sequence: len(sequence) - 1,
    answers={"binary": "token_binary", "regression": "token_regression"},
    places=lambda sequence: (
        (str(n), "".join(bases)) for n, bases in enumerate(pairwise(sequence), start=1)
    ),
    place_columns=("position", "bases"),
    head="junction",
    length="error",
    own_metrics={},
    files=(),
    per_base=True,
    read_row="tests.levels.junction_items:read_row",
    inputs="tests.levels.junction_head:JunctionInputs",
    simulated_item="tests.levels.junction_items:simulated_item",
)
