"""Metrics within groups, such as all pairs of one miRNA: what the group alone does not tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.resampling import Units
from rnaernie_bench.metrics.scoring.composites import AdditiveScorer, MakeScorer, midranks, ratio
from rnaernie_bench.metrics.scoring.decisions import log_odds

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def auroc() -> MakeScorer:
    """Return the area under the ROC curve inside groups.

    It is the share of the pairs of a positive and a negative item of one group that are ranked
    rightly, a tie counting half: the mean over groups of the area inside each, weighted by its
    pairs. Groups of one label have none, and are left out.
    """

    def make(truth: Array, runs: Any, whole: Units | None) -> AdditiveScorer:
        assert whole is not None
        sums = np.array([_sums(truth[:, 0], log_odds(run)[:, 0], whole) for run in runs])
        counted = {"n": 2, "left_out": 3, "n_items": 4}
        return AdditiveScorer(whole, sums, lambda t: ratio(t[:, 0], t[:, 1]), counted)

    return make


def _sums(truth: Array, odds: Array, whole: Units) -> Floats:
    """Return pairs ranked rightly, pairs, whether there are some, or none, and items, (m, 5)."""
    found = np.zeros((len(whole.copies), 5))
    order = np.argsort(whole.member, kind="stable")
    edges = np.flatnonzero(np.diff(whole.member[order])) + 1
    for inside in np.split(order, edges):
        known = inside[~np.isnan(truth[inside])]
        yes = truth[known] == 1
        positives, negatives = int(yes.sum()), int((~yes).sum())
        ranks = midranks(odds[known].astype(np.float64))[yes].sum()
        pairs, rightly = positives * negatives, ranks - positives * (positives + 1) / 2
        row = (rightly, pairs, 1, 0, len(known)) if pairs else (0, 0, 0, 1, 0)
        found[whole.member[inside[0]]] = row
    return found
