"""Predicted structures, item by item: their counts, and the metrics of a record made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units
from rnaernie_bench.metrics.scorers import AdditiveScorer
from rnaernie_bench.structure.scores import (
    COUNTS,
    Scores,
    agreement,
    bands,
    by_group,
    scores,
    summarise,
)

STRUCTURE_METRICS = ("f1", "precision", "recall", "mcc", "shifted_f1", "pooled_f1")
"""Names of the metrics of structures in a record. All but the last are means over sequences."""

IDENTITY_EDGES = (0.6, 0.7, 0.8, 0.9)
"""Where bands of the identity to the nearest training sequence begin. Sequences of four letters
that have nothing in common are about half identical."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StructurePredictions:
    """What a run predicted for `n` distinct sequences, as counts of base pairs.

    Raises:
        ValueError: the arrays do not fit together, an item stands there twice, or counts contradict
            each other.
    """

    ids: npt.NDArray[np.uint64]
    """Shape (n,): `predictions.hash_ids` of the items' ids."""
    groups: list[str]
    """Length n: families or sources; empty if unknown."""
    counts: npt.NDArray[np.void]
    """Shape (n,), of `structure.scores.COUNTS`."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each: whether an item belongs to the test part."""

    measure = "F1"
    """What the mean of `right` is."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.counts.dtype != COUNTS or not n == len(self.groups) == len(self.counts):
            raise ValueError("ids, groups and counts must be equally many")
        if any(np.shape(mask) != (n,) for mask in self.parts.values()):
            raise ValueError("every test part needs one mark an item")
        if len(np.unique(self.ids)) != n:
            raise ValueError("an item stands there twice")
        counts = self.counts
        if (counts["correct"] > np.minimum(counts["predicted"], counts["reference"])).any():
            raise ValueError("more pairs are right than there are")
        if (counts["correct"] < 0).any() or (2 * counts["predicted"] > counts["length"]).any():
            raise ValueError("a base would be paired twice")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def truth(self) -> npt.NDArray[np.int32]:
        """What two runs must agree on if they are of the same items: the reference's pairs."""
        return np.asarray(self.counts["reference"])

    @property
    def answers(self) -> npt.NDArray[np.void]:
        """What metrics are computed from: the counts."""
        return self.counts

    @property
    def decided(self) -> npt.NDArray[np.generic]:
        """What was predicted, as far as it is kept: the counts."""
        return self.counts

    @property
    def right(self) -> Floats:
        """How right each item is: shape (n,), its F1; nan where nothing is defined."""
        return per_sequence(self.counts)["f1"]

    def part(self, name: str) -> npt.NDArray[np.void]:
        """Return the counts of a test part.

        Raises:
            KeyError: there is no such part.
        """
        return self.counts[self.parts[name]]


def per_sequence(counts: npt.NDArray[np.void]) -> dict[str, Floats]:
    """Return the metrics that are means over sequences, of each: shape (n,), nan if undefined."""
    exact = scores(agreement(counts))
    shifted = scores(agreement(counts, "shifted"))
    return {**{name: exact[name] for name in STRUCTURE_METRICS[:4]}, "shifted_f1": shifted["f1"]}


def parts_of_ratio(metric: str, counts: npt.NDArray[np.void]) -> tuple[Floats, Floats]:
    """Return what each sequence adds to numerator and denominator of a metric, shape (n,) each.

    A mean counts the sequences for which it is defined; the pooled F1 is ``2 right / (predicted +
    reference)`` over all pairs.

    Raises:
        KeyError: there is no such metric.
    """
    if metric == "pooled_f1":
        total = counts["predicted"].astype(np.float64) + counts["reference"]
        return 2.0 * counts["correct"], total
    values = per_sequence(counts)[metric]
    defined = ~np.isnan(values)
    return np.where(defined, values, 0.0), defined.astype(np.float64)


def evaluate_structures(counts: npt.NDArray[np.void]) -> dict[str, float]:
    """Return every metric in `STRUCTURE_METRICS`; 0 where no sequence defines one."""
    sums = {
        name: [part.sum() for part in parts_of_ratio(name, counts)] for name in STRUCTURE_METRICS
    }
    return {name: float(part / whole) if whole else 0.0 for name, (part, whole) in sums.items()}


def breakdown(
    counts: npt.NDArray[np.void], identities: npt.NDArray[np.floating] | None
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the F1 of kinds of pairs, and of bands of identity, as a record tells them.

    Args:
        counts: shape (n,).
        identities: shape (n,), to the nearest training sequence, lower ones than the first edge as
            0; None if they were not looked for.

    Returns:
        Under ``pairs`` by kind (``nested``, ``pseudoknotted``) and under ``identity`` by band: how
        many sequences define an F1, ``n``, its mean over them, ``f1``, and that of all their pairs
        together, ``pooled_f1``; both None where none does.
    """
    kinds = {kind: _figures(summarise(counts, kind)) for kind in ("nested", "pseudoknotted")}
    if identities is None:
        return {"pairs": kinds}
    exact = np.round(identities.astype(np.float64), 6)  # in float32, .9 is below the edge .9
    found = by_group(counts, bands(exact, IDENTITY_EDGES))
    ascending = bands(np.array([0.0, *IDENTITY_EDGES]), IDENTITY_EDGES)
    return {
        "pairs": kinds,
        "identity": {name: _figures(found[name]) for name in ascending if name in found},
    }


def _figures(found: Scores) -> dict[str, float | None]:
    defined = found.n - found.undefined
    if not defined:
        return {"n": 0, "f1": None, "pooled_f1": None}
    return {"n": defined, "f1": found.mean["f1"], "pooled_f1": found.pooled["f1"]}


def structure_intervals(
    counts: npt.NDArray[np.void],
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals over sequences (Efron and Tibshirani 1993, chapter 13).

    Args:
        counts: shape (n,), n > 0.
        n_resamples: how many times the sequences are drawn with replacement.
        seed: equal seeds give equal intervals.
        confidence: between 0 and 1.

    Returns:
        Low and high end by the names in `STRUCTURE_METRICS`.
    """
    n = len(counts)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name in STRUCTURE_METRICS:
        part, whole = (drawn @ column for column in parts_of_ratio(name, counts))
        low, high = np.quantile(_ratio(part, whole), tails)
        intervals[name] = float(low), float(high)
    return intervals


def structure_scorer(
    metric: str, runs: Sequence[npt.NDArray[np.void]], units: Units
) -> AdditiveScorer:
    """Return a metric of structures.

    Args:
        metric: one of `STRUCTURE_METRICS`.
        runs: the counts of each run, shape (n,).
        units: groups, or items one by one.
    """
    sums = [units.sums(np.column_stack(parts_of_ratio(metric, run))) for run in runs]
    return AdditiveScorer(units, np.array(sums), lambda sums: _ratio(sums[:, 0], sums[:, 1]))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part, np.float64), where=whole > 0)
