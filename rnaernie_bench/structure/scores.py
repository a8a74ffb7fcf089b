"""Scores of predicted structures, from the counts of each sequence.

The counts are what is stored; every score, mean, band and interval follows from them. Pairs are
judged in four ways:

- ``exact``: a pair is right if the reference has it;
- ``shifted``: also if the reference has it with one of its ends moved by one base: (i ± 1, j) or
  (i, j ± 1). Precision counts the predicted pairs that are right so, recall the pairs of the
  reference that are found so, each by itself, as the scorer of RNAstructure does (Mathews 2004,
  doi 10.1261/rna.7650904);
- ``nested`` and ``pseudoknotted``: exact, on the pairs in and outside the largest nested part
  (`notations.nested_part`). A right pair is counted where the reference has it, so that the two
  add up to ``exact``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

COUNT_NAMES = (
    "length",
    "predicted",
    "reference",
    "correct",
    "shifted_correct",
    "shifted_found",
    "nested_predicted",
    "nested_reference",
    "nested_correct",
)
"""Bases; pairs predicted, in the reference, and in both; predicted pairs that are right and
reference pairs that are found if ends may be shifted; and the nested part of the first three."""

COUNTS = np.dtype([(name, np.int32) for name in COUNT_NAMES])
"""One sequence: a row of a structured array, a row of a table on disk."""

KINDS = ("exact", "shifted", "nested", "pseudoknotted")
METRICS = ("precision", "recall", "f1", "mcc")


@dataclass(frozen=True)
class Agreement:
    """How predictions and references agree in one way; arrays of one shape, or scalars."""

    predicted: np.ndarray
    """Predicted pairs."""
    correct: np.ndarray
    """Those of them that are right."""
    reference: np.ndarray
    """Pairs of the reference."""
    found: np.ndarray
    """Those of them that were found: as many as are right, but for shifted ends."""
    possible: np.ndarray | None
    """All pairs of two bases; None where ends may be shifted, which leaves no true negatives."""


@dataclass(frozen=True)
class Scores:
    """The scores of some sequences, averaged over them and pooled; nan where nothing is defined."""

    n: int
    undefined: int
    """Sequences without a pair in prediction and reference; they are in no average."""
    mean: Mapping[str, float]
    pooled: Mapping[str, float]
    """From the sums of the counts: long sequences weigh more."""


def agreement(counts: np.ndarray, kind: str = "exact") -> Agreement:
    """Return the counts of one way to judge, int64 of the shape of `counts`.

    Args:
        counts: an array of `COUNTS`.
        kind: one of `KINDS`.
    """
    column = {name: counts[name].astype(np.int64) for name in COUNT_NAMES}
    possible = column["length"] * (column["length"] - 1) // 2
    every = [column[name] for name in ("predicted", "correct", "reference")]
    nested = [column[f"nested_{name}"] for name in ("predicted", "correct", "reference")]
    if kind == "shifted":
        correct, found = column["shifted_correct"], column["shifted_found"]
        return Agreement(every[0], correct, every[2], found, None)
    if kind not in KINDS:
        raise ValueError(f"there are no scores of the kind {kind!r}")
    predicted, correct, reference = {
        "exact": every,
        "nested": nested,
        "pseudoknotted": [a - b for a, b in zip(every, nested, strict=True)],
    }[kind]
    return Agreement(predicted, correct, reference, correct, possible)


def scores(counted: Agreement) -> dict[str, np.ndarray]:
    """Return precision, recall, F1 and Matthews correlation, float64 of the shape of the counts.

    As in MultiMolecule, all are nan where neither prediction nor reference has a pair, and 0 where
    one of them has none. Where ends may be shifted, the correlation is the geometric mean of
    precision and recall, its limit for many true negatives (Gorodkin et al. 2001,
    doi 10.1093/nar/29.10.2135).
    """
    predicted, reference = counted.predicted, counted.reference
    undefined = (predicted == 0) & (reference == 0)
    precision = np.where(undefined, np.nan, _ratio(counted.correct, predicted))
    recall = np.where(undefined, np.nan, _ratio(counted.found, reference))
    f1 = np.where(undefined, np.nan, _ratio(2 * precision * recall, precision + recall))
    if counted.possible is None:
        mcc = np.sqrt(precision * recall)
    else:
        # With tp = correct: (tp tn - fp fn) = (tp possible - predicted reference).
        possible = counted.possible.astype(np.float64)
        product = counted.correct * possible - predicted.astype(np.float64) * reference
        one, other = predicted * (possible - predicted), reference * (possible - reference)
        spread = np.sqrt(one * other)
        mcc = np.where(undefined, np.nan, _ratio(product, spread))
    return {"precision": precision, "recall": recall, "f1": f1, "mcc": mcc}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return the quotient, 0 where `whole` is."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def pooled(counted: Agreement) -> Agreement:
    """Return the sums over all sequences; the possible pairs are those within a sequence."""
    return Agreement(
        counted.predicted.sum(),
        counted.correct.sum(),
        counted.reference.sum(),
        counted.found.sum(),
        None if counted.possible is None else counted.possible.sum(),
    )


def summarise(counts: np.ndarray, kind: str = "exact") -> Scores:
    """Return the scores of all sequences of `counts`, an array of `COUNTS` of shape (n,)."""
    counted = agreement(counts, kind)
    each = scores(counted)
    defined = ~np.isnan(each["f1"])
    mean = {
        name: float(values[defined].mean()) if defined.any() else float("nan")
        for name, values in each.items()
    }
    whole = {name: float(value) for name, value in scores(pooled(counted)).items()}
    return Scores(len(counts), int((~defined).sum()), mean, whole)


def by_group(counts: np.ndarray, groups: Sequence[str], kind: str = "exact") -> dict[str, Scores]:
    """Return the scores of each group: families, or bands of length or identity (`bands`).

    Args:
        counts: an array of `COUNTS` of shape (n,).
        groups: the group of each sequence; groups are returned in the order they first appear.
        kind: one of `KINDS`.
    """
    names = np.asarray(groups)
    return {name: summarise(counts[names == name], kind) for name in dict.fromkeys(groups)}


def bands(values: np.ndarray, edges: Sequence[float]) -> list[str]:
    """Name the band of each value: below the first edge, from one edge to the next, from the last.

    Args:
        values: lengths, or identities to the nearest training sequence, of shape (n,).
        edges: ascending; a value on an edge belongs to the band that begins there.
    """
    shown = [f"{edge:g}" for edge in edges]
    between = [f"{low} to < {high}" for low, high in pairwise(shown)]
    names = [f"< {shown[0]}", *between, f">= {shown[-1]}"]
    return [names[place] for place in np.searchsorted(edges, values, side="right")]
