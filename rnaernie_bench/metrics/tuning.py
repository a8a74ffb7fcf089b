"""From the scores of a model to answers that are kept and judged (`metrics.answers`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.metrics.answers import KINDS, Kind, evaluate_answers
from rnaernie_bench.metrics.answers.decisions import counted, decision_counts
from rnaernie_bench.metrics.calibration import fit_temperature
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.targets import Targets
from rnaernie_bench.task.levels import Level


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


def kind_for(level: Level, problem: Problem) -> Kind:
    """Return the kind of answers to a problem at a level that is neither decoded contacts nor
    classes of items, which are kept otherwise.

    What is said of pairs of bases is of the same kind as what is said of bases.
    """
    return KINDS[f"token_{problem}" if level in ("token", "contact") else problem]


def tune(targets: Targets, scores: np.ndarray) -> Tuning:
    """Return temperature and thresholds that suit validation.

    The temperature minimises the negative log likelihood of all known values
    (`calibration.fit_temperature`); the threshold of a column maximises Matthews correlation, and
    lies half-way between the two values that it parts.

    Args:
        targets: of validation.
        scores: (n, columns) log-odds.
    """
    if targets.problem not in ("binary", "multilabel"):
        return Tuning()
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
    best = cuts[int(counted("mcc", table).argmax())]
    return float(np.float16((values[best] + values[best + 1]) / 2))


def answer(
    level: Level, targets: Targets, scores: np.ndarray, tuning: Tuning
) -> tuple[Kind, int, np.ndarray, np.ndarray]:
    """Return kind, columns, truth and answers of items, as predictions hold them.

    Args:
        level: of the task.
        targets: of the items.
        scores: (units, outputs) what the model gave.
        tuning: see `tune`.

    Raises:
        BenchError: if scores are NaN or infinite.
    """
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise BenchError(
            f"{broken} of {len(scores)} scores are NaN or infinite",
            remedy="train with a lower learning rate or in full precision",
        )
    kind, columns = kind_for(level, targets.problem), scores.shape[1]
    if level in ("token", "contact"):
        return kind, columns, *_of_units(kind, targets, scores, tuning)
    answers = np.zeros(len(scores), kind.dtype(columns))
    if targets.problem == "regression":
        answers["value"] = scores
    else:
        odds = tuning.odds(scores)
        answers[kind.dtype(columns).names[0]] = odds  # type: ignore[index]
        answers["decided"] = tuning.decided(odds)
    return kind, columns, targets.values.astype(np.float32), answers


def _of_units(
    kind: Kind, targets: Targets, scores: np.ndarray, tuning: Tuning
) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and answers of items from what is said of their bases, or pairs of these."""
    columns = scores.shape[1]
    starts = np.cumsum(targets.sizes) - targets.sizes
    answers = np.zeros(len(starts), kind.dtype(columns))

    def summed(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts, axis=0)

    known = targets.labelled
    if targets.problem == "multiclass":
        tables = np.repeat(np.arange(len(starts)), targets.sizes) * columns**2
        cells = (tables + targets.values * columns + scores.argmax(axis=1))[known]
        counts = np.bincount(cells, minlength=len(starts) * columns**2)
        answers["confusion"] = counts.reshape(-1, columns, columns)
        return answers["confusion"].sum(axis=2), answers
    bounds = list(zip(starts, starts + targets.sizes, strict=True))
    if targets.problem == "regression":
        gaps = np.where(known, scores - targets.values, 0.0).astype(np.float64)
        answers["known"] = summed(known.astype(np.int32))
        answers["squared"], answers["absolute"] = summed(gaps**2), summed(np.abs(gaps))
        for row, (start, stop) in enumerate(bounds):
            for j in range(columns):
                inside = known[start:stop, j]
                pair = targets.values[start:stop, j][inside], scores[start:stop, j][inside]
                answers["pearson"][row, j] = _correlation(*pair)
                answers["spearman"][row, j] = _correlation(*map(_ranks, pair))
        return answers["known"], answers
    odds = tuning.odds(scores)
    counts = summed(decision_counts(targets.values, tuning.decided(odds)))
    answers[kind.dtype(columns).names[0]] = counts  # type: ignore[index]
    for row, (start, stop) in enumerate(bounds):
        for j in range(columns):
            inside = known[start:stop, j]
            labels = targets.values[start:stop, j][inside] == 1
            areas = _areas(labels, odds[start:stop, j][inside].astype(np.float64))
            answers["auroc"][row, j], answers["auprc"][row, j] = areas
    positives = counts[..., 0] + counts[..., 2]
    return np.hstack([counts.sum(axis=-1), positives]).astype(np.int32), answers


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation; nan where either is constant."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _areas(labels: np.ndarray, odds: np.ndarray) -> tuple[float, float]:
    """Return the areas under ROC and precision-recall curve; nan where a class is missing."""
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        return float("nan"), float("nan")
    below = _ranks(odds)[labels].sum() - positives * (positives + 1) / 2
    order = np.argsort(-odds, kind="stable")
    ends = np.append(np.diff(odds[order]) != 0, True)
    hits = np.cumsum(labels[order])[ends]
    precision = hits / (np.flatnonzero(ends) + 1)
    steps = np.diff(hits, prepend=0) / positives
    return float(below / (positives * (len(labels) - positives))), float((precision * steps).sum())


def metrics_of(
    level: Level, targets: Targets, scores: np.ndarray, tuning: Tuning | None = None
) -> Mapping[str, float]:
    """Return the metrics of scores, for problems and levels that `kind_for` knows."""
    kind, _, truth, answers = answer(level, targets, scores, tuning or Tuning())
    return evaluate_answers(kind, truth, answers)


def by_column(
    kind: Kind, truth: np.ndarray, answers: np.ndarray, names: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Return the metrics of each column by itself; none where there is one only."""
    fields: Any = answers.dtype.names
    if "confusion" in fields or answers[fields[0]].shape[1] < 2:
        return {}
    found = {}
    for j, name in enumerate(names):
        alone = np.zeros(len(answers), kind.dtype(1))
        for field in fields:
            alone[field] = answers[field][:, [j]]
        found[name] = evaluate_answers(kind, truth[:, [j]], alone)
    return found
