"""The truth of some items as arrays.

A *unit* is what a model gives a row of scores for: an item, each base of it, or each pair i < j of
its bases, row by row. The units of several items follow each other, in the items' order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnaernie_bench.metrics.problems import Problem

UNLABELLED = -100
"""The class of a unit whose class is unknown, as torch's losses have it."""


@dataclass(frozen=True, eq=False)
class Targets:
    """The truth of `n` units of some items."""

    problem: Problem
    values: np.ndarray
    """Of classes, int64 of shape (n,), `UNLABELLED` where unknown; else float32 (n, columns), nan
    where unknown."""
    sizes: np.ndarray
    """int64 of shape (items,): the units of each item."""
    errors: np.ndarray | None = None
    """float32 (n, columns): standard errors of measurement, nan where unknown; None if there are
    none."""
    groups: Sequence[str] | None = None
    """The group of each item; None if it is not known."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        table: np.ndarray,
        sizes: np.ndarray,
        errors: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
    ) -> Targets:
        """Return the targets that a table holds, float32 (n, columns), of classes (n, 1)."""
        if problem == "multiclass":
            table = np.nan_to_num(table[:, 0], nan=UNLABELLED).astype(np.int64)
        return cls(problem, table, sizes, errors, groups)

    @property
    def labelled(self) -> np.ndarray:
        """Shape of `values`: whether it is known."""
        if self.problem == "multiclass":
            return np.asarray(self.values != UNLABELLED)
        return ~np.isnan(self.values)

    def units(self, indices: Sequence[int]) -> np.ndarray:
        """Return where the units of some items stand, int64, item by item."""
        ends = np.cumsum(self.sizes)
        return np.concatenate([np.arange(ends[i] - self.sizes[i], ends[i]) for i in indices])

    def amounts(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return how much is known of each item, float64 (items,).

        Args:
            weights: of the shape of `values`, how much each value counts; None: all alike.
        """
        known = self.labelled.astype(np.float64)
        counted = (known if weights is None else known * weights).reshape(len(known), -1)
        return np.asarray(np.add.reduceat(counted.sum(axis=1), np.cumsum(self.sizes) - self.sizes))


@dataclass(frozen=True, eq=False)
class StructureTargets:
    """The base pairs of some sequences."""

    sequences: Sequence[str]
    pairs: Sequence[np.ndarray]
    """int32 of shape (pairs, 2) each, 0-based, i < j."""
    groups: Sequence[str] | None = None
    """The group of each sequence; None if it is not known."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """The affine map that gives each column of train mean 0 and deviation 1."""

    shift: np.ndarray
    """float32 of shape (columns,)."""
    scale: np.ndarray
    """float32 of shape (columns,), above 0."""

    def apply(self, targets: Targets) -> Targets:
        """Return scaled targets, their errors scaled with them."""
        errors = None if targets.errors is None else targets.errors / self.scale
        return replace(targets, values=(targets.values - self.shift) / self.scale, errors=errors)

    def undo(self, scores: np.ndarray) -> np.ndarray:
        """Return scores (n, columns) in the units of the data."""
        return np.asarray(scores * self.scale + self.shift, dtype=np.float32)


def scaling_of(targets: Targets) -> Scaling | None:
    """Return how the targets of train are scaled for learning; None where they are no quantities.

    A column without a known value, or with a single one, keeps its scale.
    """
    if targets.problem != "regression":
        return None
    known = targets.labelled
    counts = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, targets.values, 0).astype(np.float64)
    shift = values.sum(axis=0) / counts
    variance = (np.where(known, targets.values - shift, 0).astype(np.float64) ** 2).sum(0) / counts
    scale = np.where(variance > 0, np.sqrt(variance), 1.0)
    return Scaling(shift.astype(np.float32), scale.astype(np.float32))


def weights_of(targets: Targets, floor: np.ndarray | None) -> np.ndarray | None:
    """Return how much each value counts in the loss, float32 (n, columns); None if all count alike.

    By the inverse of its variance, ``1 / (error² + floor²)`` relative to ``1 / (2 floor²)``: a
    value as uncertain as the floor counts 1, none more than 2, and a noisy one less. A value
    without an error counts 1.

    Args:
        targets: with or without errors.
        floor: `error_floor` of train.
    """
    if targets.errors is None or floor is None:
        return None
    weights = 2 * floor**2 / (targets.errors**2 + floor**2)
    return np.nan_to_num(weights, nan=1.0).astype(np.float32)


def error_floor(targets: Targets) -> np.ndarray | None:
    """Return the median error of each column, float32 (columns,); None if there are no errors."""
    if targets.errors is None:
        return None
    known = np.where(targets.labelled, targets.errors, np.nan)
    middle = np.nanmedian(known, axis=0)
    return np.where(middle > 0, middle, 1.0).astype(np.float32)


def class_weights(targets: Targets, outputs: int) -> np.ndarray | None:
    """Return the weights that make classes count alike; None for quantities.

    Of classes, ``n / (classes * n of the class)``, float32 (classes,), a class that does not occur
    counting 1; of columns, the negatives for each positive, float32 (columns,).
    """
    if targets.problem == "regression":
        return None
    if targets.problem == "multiclass":
        counts = np.bincount(targets.values[targets.labelled], minlength=outputs)
        weights = np.where(counts > 0, counts.sum() / (outputs * np.maximum(counts, 1)), 1.0)
        return weights.astype(np.float32)
    positives = np.nansum(targets.values, axis=0)
    negatives = targets.labelled.sum(axis=0) - positives
    return np.where(positives > 0, negatives / np.maximum(positives, 1), 1.0).astype(np.float32)


def constant_scores(targets: Targets, labels: int) -> np.ndarray:
    """Return the scores that fit all units alike best, float32 (outputs,).

    They are the means of quantities, or log-probabilities and log-odds of classes and labels, one
    counted to each so that none is impossible.

    Args:
        targets: of train.
        labels: how many classes or labels there are.
    """
    known = targets.labelled
    if targets.problem == "multiclass":
        counts = 1.0 + np.bincount(targets.values[known], minlength=labels)
        return np.log(counts / counts.sum()).astype(np.float32)
    values, total = np.where(known, targets.values, 0).sum(axis=0), known.sum(axis=0)
    if targets.problem == "regression":
        return (values / np.maximum(total, 1)).astype(np.float32)
    return np.log((values + 1) / (total - values + 1)).astype(np.float32)
