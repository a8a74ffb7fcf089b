"""What runs can say of items, and how it is judged: one kind a problem of items, or of bases.

What a run says of `n` items is a structured array, its *answers*; the truth is an array beside it.
A kind knows the fields of both, its metrics, and how to resample them. Figures of a record, their
intervals and the paired tests all come from the scorers here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnaernie_bench.metrics.answers.decisions import BINARY, MULTILABEL
from rnaernie_bench.metrics.answers.quantities import REGRESSION
from rnaernie_bench.metrics.answers.units import (
    TOKEN_BINARY,
    TOKEN_CLASSES,
    TOKEN_LABELS,
    TOKEN_REGRESSION,
)
from rnaernie_bench.metrics.resampling import Units, bootstrap, grouped, percentile_interval
from rnaernie_bench.metrics.scorers import Scorer

LOWER_IS_BETTER = frozenset({"ece", "brier", "rmse", "mcrmse", "mae"})
"""Metrics of any kind that are errors."""

Floats = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]


class Kind(Protocol):
    """One kind of answers."""

    @property
    def name(self) -> str:
        """As a prediction file has it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those of a record, in their order."""

    @property
    def measure(self) -> str:
        """What the mean of `right` is."""

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the fields of answers of so many columns, or classes."""

    def scorer(
        self, metric: str, truth: Answers, runs: Sequence[Answers], whole: Units | None
    ) -> Scorer:
        """Return a metric of runs on the same items.

        Args:
            metric: one of `metrics`.
            truth: what is true of the items.
            runs: the answers of each run, shape (n,).
            whole: groups that are drawn as a whole; None: items.
        """

    def right(self, truth: Answers, answers: Answers) -> Floats:
        """Return how right each item is, shape (n,), more being better; nan if undefined."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            BINARY, MULTILABEL, REGRESSION,
            TOKEN_BINARY, TOKEN_CLASSES, TOKEN_LABELS, TOKEN_REGRESSION,
        )
    }
)  # fmt: skip
"""Kinds by name."""


def kind_of(answers: Answers) -> Kind:
    """Return the kind that answers are of, by their fields.

    Raises:
        ValueError: they are of none.
    """
    for kind in KINDS.values():
        if answers.dtype.names == kind.dtype(1).names:
            return kind
    raise ValueError(f"no kind of answers has the fields {answers.dtype.names}")


def evaluate_answers(kind: Kind, truth: Answers, answers: Answers) -> dict[str, float]:
    """Return every metric of a run on all its items."""
    found = {}
    for metric in kind.metrics:
        scorer = kind.scorer(metric, truth, [answers], None)
        [value] = scorer.score({0: scorer.units.copies[None]})
        found[metric] = float(value)
    return found


def answer_intervals(
    kind: Kind,
    truth: Answers,
    answers: Answers,
    groups: Sequence[str] | None,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) by metric.

    Args:
        kind: of the answers.
        truth: what is true of the n items, n > 0.
        answers: shape (n,).
        groups: what is drawn as a whole, by item; None: items are drawn.
        n_resamples: how many resamples.
        seed: equal seeds give equal intervals.
        confidence: between 0 and 1.
    """
    whole = None if groups is None else grouped(groups)
    found = {}
    for metric in kind.metrics:
        scorer = kind.scorer(metric, truth, [answers], whole)

        def value(weights: npt.NDArray[np.integer], scorer: Scorer = scorer) -> Floats:
            return scorer.score({0: weights})

        generator = np.random.default_rng(seed)
        samples = bootstrap(scorer.units, value, n_resamples=n_resamples, generator=generator)
        found[metric] = percentile_interval(samples, confidence=confidence)
    return found
