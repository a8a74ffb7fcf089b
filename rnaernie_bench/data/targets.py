"""What is to be learned of some items, as `metrics.targets.Targets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnaernie_bench.data.items import Item
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import StructureTargets, Targets


def units_of(inputs: Sequence[Any], level: str) -> np.ndarray:
    """Return how many units each input of a task of this level has, int64 (inputs,)."""
    return np.fromiter(map(LEVELS.get(level).units, inputs), dtype=np.int64, count=len(inputs))


def targets_of(items: Sequence[Item], problem: Problem) -> Targets:
    """Return what is to be learned of `items`, all of one level."""
    tables = [item.values() for item in items]
    values = np.concatenate(tables) if tables else np.empty((0, 1), dtype=np.float32)
    found = [item.deviations() for item in items]
    errors = None
    if any(error is not None for error in found):
        unknown = (np.full_like(table, np.nan) for table in tables)
        errors = np.concatenate(
            [other if error is None else error for error, other in zip(found, unknown, strict=True)]
        )
    sizes = np.array([len(table) for table in tables], dtype=np.int64)
    return Targets.of(problem, values, sizes, errors, [item.group for item in items])


def structure_targets(items: Sequence[Item]) -> StructureTargets:
    """Return the base pairs of `items` whose pairs are decoded."""
    whole: Sequence[Any] = items
    return StructureTargets([item.sequence for item in whole], [item.pairs for item in whole])
