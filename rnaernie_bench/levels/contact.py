"""The pairs of bases of a sequence."""

from __future__ import annotations

from itertools import combinations

from rnaernie_bench.levels import Level
from rnaernie_bench.metrics.problems import PROBLEMS

ENTRY = Level(
    name="contact",
    unit="pair of bases",
    units=lambda sequence: len(sequence) * (len(sequence) - 1) // 2,
    places=lambda sequence: (
        (str(i), str(j), first + second)
        for (i, first), (j, second) in combinations(enumerate(sequence, start=1), 2)
    ),
    place_columns=("i", "j", "bases"),
    answers={**{problem: f"token_{problem}" for problem in PROBLEMS}, "binary": "structure"},
    predictions={
        **dict.fromkeys(PROBLEMS, "rnaernie_bench.prediction.values:FEW_AT_A_TIME"),
        "binary": "rnaernie_bench.prediction.structures:FORM",
    },
    head="resnet2d",
    length="unpaired",
    token_budget=640,
    evaluate_every=500,
    max_steps=16_000,
    per_base=True,
    own_metrics={"binary": "f1"},
    files=("binary",),
    columns={"pairs of bases": "places"},
    read_file="rnaernie_bench.data.levels.contact:read_file",
    read_row="rnaernie_bench.data.levels.contact:read_row",
    simulated_item="rnaernie_bench.data.levels.contact:simulated_item",
    own_data="rnaernie_bench.data.own.structures:of_structures",
    inputs="rnaernie_bench.learning.inputs:ContactInputs",
    objectives={"binary": "rnaernie_bench.learning.structures:objective"},
)
