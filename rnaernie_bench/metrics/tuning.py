"""What validation chooses to make decisions of log-odds: a temperature, and thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.metrics.calibration import fit_temperature
from rnaernie_bench.metrics.registry import mcc
from rnaernie_bench.metrics.scoring.decisions import of_counts
from rnaernie_bench.metrics.targets import Targets


@dataclass(frozen=True)
class Tuning:
    """What validation chose to make decisions of log-odds."""

    temperature: float = 1.0
    """Log-odds are divided by it."""
    thresholds: tuple[float, ...] = ()
    """By column: from which calibrated log-odds on the answer is yes; empty: 0."""

    def odds(self, scores: np.ndarray) -> np.ndarray:
        """Return calibrated log-odds (n, columns), as they are stored: finite, float16."""
        limit = np.finfo(np.float16).max
        return np.clip(scores.astype(np.float64) / self.temperature, -limit, limit).astype(
            np.float16
        )

    def decided(self, odds: np.ndarray) -> np.ndarray:
        """Return the decisions, bool (n, columns)."""
        return np.asarray(odds >= np.float16(np.array(self.thresholds or 0.0)))


def tune_decisions(targets: Targets, scores: np.ndarray) -> Tuning:
    """Return temperature and thresholds that suit validation.

    The temperature minimises the negative log likelihood of all known values
    (`calibration.fit_temperature`); the threshold of a column maximises Matthews correlation, and
    lies half-way between the two values that it parts.

    Args:
        targets: of validation.
        scores: (n, columns) log-odds.
    """
    known = targets.labelled
    pairs = np.stack([np.zeros(int(known.sum())), scores[known]], axis=1)
    temperature = fit_temperature(pairs, targets.values[known].astype(np.int64))
    odds = Tuning(temperature).odds(scores).astype(np.float64)
    columns = range(scores.shape[1])
    found = (_threshold(targets.values[:, j], odds[:, j]) for j in columns)
    return Tuning(temperature, tuple(found))


def _threshold(truth: np.ndarray, odds: np.ndarray) -> float:
    known = ~np.isnan(truth)
    order = np.argsort(-odds[known], kind="stable")
    values, labels = odds[known][order], truth[known][order]
    cuts = np.flatnonzero(np.diff(values) != 0)
    if not len(cuts):
        return 0.0
    hits, false = np.cumsum(labels == 1), np.cumsum(labels == 0)
    table = np.stack([hits, false, hits[-1] - hits, false[-1] - false], axis=1)[cuts]
    best = cuts[int(np.nan_to_num(of_counts(mcc, table)).argmax())]  # nan: the truth is constant
    return float(np.float16((values[best] + values[best + 1]) / 2))


def refuse_broken(scores: np.ndarray) -> None:
    """Refuse scores (units, outputs) that say nothing.

    Raises:
        BenchError: if scores are NaN or infinite.
    """
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise BenchError(
            f"{broken} of {len(scores)} scores are NaN or infinite",
            remedy="train with a lower learning rate or in full precision",
        )
