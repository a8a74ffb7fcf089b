"""Items of every answer, small and drawn at random, with what a model gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.base import Answer
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.targets import StructureTargets, Targets
from rnaernie_bench.structure.scores import COUNTS

N = 60
NAMES = sorted(ANSWERS)
NAN = np.float32("nan")


def columns_of(answer: Answer) -> int:
    """Return how many numbers a unit has."""
    return 1 if answer.problem == "binary" else 3


def targets(answer: Answer, seed: int = 0, unknown: bool = False) -> Any:
    """Return the truth of `N` items, of some bases each if the answer is about bases."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, 12, N) if answer.name.startswith("token") else np.ones(N, np.int64)
    if answer.decodes:
        pairs = [np.array([[0, 20], [1, 19], [2, 18]][: i % 4], np.int32) for i in range(N)]
        return StructureTargets(["G" * 10 + "A" + "C" * 10] * N, [p.reshape(-1, 2) for p in pairs])
    units, columns = int(sizes.sum()), columns_of(answer)
    if answer.problem == "multiclass":
        return Targets("multiclass", rng.integers(0, columns, units), sizes)
    values: np.ndarray = rng.normal(5, 2, (units, columns))
    if answer.problem != "regression":
        values = rng.integers(0, 2, (units, columns))
    values = values.astype(np.float32)
    if unknown:
        values[rng.random(values.shape) < 0.2] = NAN
    return Targets(answer.problem, values, sizes)


def scores(answer: Answer, truth: Any, seed: int = 1) -> Any:
    """Return what a model gives the units of `truth`, right more often than not."""
    rng = np.random.default_rng(seed)
    if answer.decodes:
        matrices = []
        for i, (sequence, pairs) in enumerate(zip(truth.sequences, truth.pairs, strict=True)):
            matrix = np.zeros((len(sequence), len(sequence)), np.float32)
            kept = pairs[rng.random(len(pairs)) < 0.7]
            matrix[kept[:, 0], kept[:, 1]] = 0.9
            if i % 5 == 0:
                matrix[6, 15] = 0.9
            matrices.append((i, matrix))
        return matrices
    if answer.problem == "multiclass":
        given = rng.normal(size=(len(truth.values), columns_of(answer)))
        given[np.arange(len(given)), truth.values] += 1
        return given.astype(np.float32)
    middle = np.nan_to_num(truth.values, nan=0.5)
    if answer.problem == "regression":
        return (middle + rng.normal(size=middle.shape)).astype(np.float32)
    return rng.normal(middle * 2 - 1, 1.5).round(1).astype(np.float32)


def arrays(name: str, seed: int = 0, unknown: bool = False) -> tuple[Answer, Any, Any]:
    """Return an answer with truth and predictions of `N` items; truth does not depend on `seed`."""
    answer = ANSWERS[name]
    truth = targets(answer, 0, unknown)
    tuning = answer.untuned("greedy" if answer.decodes else None)
    return answer, *answer.arrays(truth, scores(answer, truth, seed + 1), tuning)


def evaluate(answer: Answer, truth: Any, predicted: Any, *metrics: str) -> dict[str, float]:
    """Return metrics of predictions, all built-in ones if none is named."""
    return Measures(answer, metrics or answer.metrics).values(truth, predicted)


def counts(*rows: tuple[int, int, int]) -> np.ndarray:
    """Return the counts of sequences of 50 bases: predicted, reference and right pairs."""
    return np.array([(50, p, r, c, c, c, p, r, c) for p, r, c in rows], dtype=COUNTS)
