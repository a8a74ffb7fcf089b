"""Predicted pairs held against those of the reference: the counts that scores are made of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rnaernie_bench.structure.notations import nested_part
from rnaernie_bench.structure.scores import COUNTS
from rnaernie_bench.structure.several_partners import one_partner

_SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def count(predicted: np.ndarray, reference: np.ndarray, length: int) -> np.void:
    """Return the counts of one sequence, a scalar of `scores.COUNTS`.

    Args:
        predicted: sorted pairs of shape (pairs, 2), i < j, none twice. Where they give a base
            several partners, all count, and those that `one_partner` drops are in no nested part.
        reference: checked pairs of shape (pairs, 2).
        length: the number of bases.
    """
    right = _among(predicted, reference, length)
    found = _among(reference, predicted, length)
    nested_found = nested_part(reference)
    # A wrong pair is nested or not by the prediction, a right one by the reference.
    nested_wrong = _nested(predicted) & ~right
    nested_right = nested_found & found
    row = (
        length,
        len(predicted),
        len(reference),
        right.sum(),
        _near(predicted, reference, length).sum(),
        _near(reference, predicted, length).sum(),
        nested_wrong.sum() + nested_right.sum(),
        nested_found.sum(),
        nested_right.sum(),
    )
    counts: np.void = np.array([row], dtype=COUNTS)[0]
    return counts


def count_all(cases: Iterable[tuple[np.ndarray, np.ndarray, int]]) -> np.ndarray:
    """Return the counts of many sequences, an array of `scores.COUNTS` of shape (n,).

    Args:
        cases: predicted pairs, reference pairs and length of each.
    """
    return np.array([count(*case) for case in cases], dtype=COUNTS)


def _nested(pairs: np.ndarray) -> np.ndarray:
    """Say which pairs belong to the largest nested part of the structure that they make."""
    kept = one_partner(pairs)
    kept[kept] = nested_part(pairs[kept])
    return kept


def _among(pairs: np.ndarray, others: np.ndarray, length: int) -> np.ndarray:
    """Say which of `pairs` stand among `others`."""
    return np.isin(_codes(pairs, length), _codes(others, length))


def _near(pairs: np.ndarray, others: np.ndarray, length: int) -> np.ndarray:
    """Say which of `pairs` stand among `others` with one end moved by one base at most."""
    codes = [_codes(others + np.array(shift), length) for shift in _SHIFTS]
    return np.isin(_codes(pairs, length), np.concatenate(codes))


def _codes(pairs: np.ndarray, length: int) -> np.ndarray:
    """Return one number a pair; ends moved beyond the sequence stay distinct from all others."""
    return (pairs[:, 0].astype(np.int64) + 1) * (length + 2) + pairs[:, 1] + 1
