"""What is to be learned of some items, as `metrics.targets.Targets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnaernie_bench.data.items import ContactValuesItem, TokenItem
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import UNLABELLED, Targets
from rnaernie_bench.task.levels import Level


def units_of(inputs: Sequence[Any], level: Level) -> np.ndarray:
    """Return the units of each input, int64: one, one a base, or one a pair of bases."""
    bases = np.array([len(sequence) for sequence in inputs], dtype=np.int64)
    if level == "contact":
        return bases * (bases - 1) // 2
    return bases if level == "token" else np.ones_like(bases)


def targets_of(items: Sequence[Any], problem: Problem) -> Targets:
    """Return what is to be learned of `items`, all of one level."""
    if not items:
        values = np.empty(0, np.int64) if problem == "multiclass" else np.empty((0, 1), np.float32)
        return Targets(problem, values, np.empty(0, dtype=np.int64))
    if isinstance(items[0], TokenItem):
        values = np.concatenate([item.labels for item in items])
        sizes = np.array([len(item.sequence) for item in items], dtype=np.int64)
        told = any(item.errors is not None for item in items)
        errors = np.concatenate([_errors(item) for item in items]) if told else None
    elif isinstance(items[0], ContactValuesItem):
        values, errors = np.concatenate([item.table() for item in items]), None
        sizes = units_of([item.sequence for item in items], "contact")
    else:
        columns = [item.label if isinstance(item.label, tuple) else (item.label,) for item in items]
        values = np.array(columns, dtype=np.float32)
        sizes, errors = np.ones(len(items), dtype=np.int64), None
    if problem == "multiclass":
        values = np.nan_to_num(values[:, 0], nan=UNLABELLED).astype(np.int64)
    return Targets(problem, values, sizes, errors)


def known_of(item: Any) -> np.ndarray:
    """Return of which labels or quantities anything is known of an item, bool (columns,)."""
    if isinstance(item, TokenItem):
        return np.asarray(~np.isnan(item.labels).all(axis=0))
    if isinstance(item, ContactValuesItem):
        return np.asarray(~np.isnan(item.labels).all(axis=0) | (item.unlisted == 0))
    return ~np.isnan(np.array(item.label, dtype=np.float64))


def classes_of(item: Any) -> set[float]:
    """Return the classes that are known of an item, of its bases, or of pairs of them."""
    if isinstance(item, TokenItem | ContactValuesItem):
        listed = set(np.unique(item.labels[~np.isnan(item.labels)]).tolist())
        return listed | ({0.0} if isinstance(item, ContactValuesItem) else set())
    return {item.label}


def _errors(item: TokenItem) -> np.ndarray:
    return np.full_like(item.labels, np.nan) if item.errors is None else item.errors
