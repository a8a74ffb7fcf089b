"""How often does a run's 95 % interval hold the value that more items would show?

Items are drawn from populations whose true value is known, runs are scored by the product's own
metrics, and their intervals counted: macro F1 of 13 classes at an accuracy of 0.8, AUROC with ten
positives, the expected calibration error, and macro F1 where whole groups of items stand together.

    python -m benchmarks.interval_coverage
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import norm

from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.scoring.confusion import classification_metrics
from rnaernie_bench.metrics.targets import Targets

SIZES = (65, 400, 2600)
CLASSES, POSITIVES = 13, 10
Items = tuple[np.ndarray, np.ndarray, Sequence[str] | None]
"""Truth, predictions, and groups where whole groups are drawn."""


@dataclass(frozen=True)
class Coverage:
    """How a kind of interval fares."""

    metric: str
    items: int
    covered: float
    """Share of intervals that hold the true value."""
    holds_own: float
    """Share that holds the run's own value."""
    width: float
    """The mean."""
    n: int
    """Simulated test parts."""


@dataclass(frozen=True)
class Case:
    """A metric of simulated items."""

    label: str
    metric: str
    draw: Callable[[int, np.random.Generator], tuple[Items, float]]
    """Takes how many items are wanted; returns some, and the metric of the population."""
    answer: str


def coverage(
    repeats: int, *, sizes: Sequence[int] = SIZES, seed: int = 0, confidence: float = 0.95
) -> Iterator[Coverage]:
    """Yield the coverage of every case at every size.

    Args:
        repeats: simulated test parts of each.
        sizes: items of a test part.
        seed: equal seeds give equal figures.
        confidence: of the intervals.
    """
    for case in CASES:
        for size in sizes:
            generator = np.random.default_rng([seed, size])
            yield _covered(case, size, repeats, generator, confidence)


def _covered(
    case: Case, size: int, repeats: int, generator: np.random.Generator, confidence: float
) -> Coverage:
    found = []
    for _ in range(repeats):
        (truth, predicted, groups), true = case.draw(size, generator)
        by = Measures(
            ANSWERS[case.answer], (case.metric,), by="item" if groups is None else "group"
        )
        figure = by.figures(truth, predicted, groups, confidence=confidence)[case.metric]
        low, value, high = (figure[name] for name in ("low", "value", "high"))
        if low is not None:
            found.append((low <= true <= high, low <= value <= high, high - low))
    covered, own, width = np.mean(found, axis=0).tolist()
    return Coverage(case.label, size, covered, own, width, len(found))


def classified(
    size: int, generator: np.random.Generator, per_group: int = 1
) -> tuple[Items, float]:
    """Draw items of 13 classes, each recognised with probability 0.8 on average.

    Args:
        size: items.
        generator: of random numbers.
        per_group: items of a group. Where it is above 1, half of the groups are harder, so that
            the items of a group are right or wrong together more often than by chance.
    """
    accuracy = np.clip(generator.normal(0.8, 0.12, CLASSES), 0.4, 0.97)
    wrong = generator.dirichlet(np.full(CLASSES, 0.3), CLASSES) + 1e-6
    np.fill_diagonal(wrong, 0)
    wrong /= wrong.sum(axis=1, keepdims=True)
    spread = (1.0,) if per_group == 1 else (0.5, 1.5)
    rates = [1 - np.clip(factor * (1 - accuracy), 0, 1) for factor in spread]
    tables = np.array([np.diag(r) + wrong * (1 - r)[:, None] for r in rates])
    true = float(classification_metrics(tables.mean(axis=0))["macro_f1"])
    groups = -(-size // per_group)
    classes, hard = (
        generator.integers(CLASSES, size=groups),
        generator.integers(len(rates), size=groups),
    )
    member = np.repeat(np.arange(groups), per_group)[:size]
    cumulated = tables[hard[member], classes[member]].cumsum(axis=1)
    decided = (generator.random((size, 1)) > cumulated).sum(axis=1).clip(max=CLASSES - 1)
    predicted = MULTICLASS.pack(np.log(np.eye(CLASSES)[decided] * 0.9 + 0.005))
    names = None if per_group == 1 else [str(number) for number in member]
    return (classes[member].astype(np.int16), predicted, names), true


def ranked(size: int, generator: np.random.Generator, area: float = 0.8) -> tuple[Items, float]:
    """Draw normal scores of which `POSITIVES` are positive, shifted so that the AUROC is `area`."""
    truth = np.zeros((size, 1), np.float32)
    truth[:POSITIVES] = 1
    shift = 2**0.5 * norm.ppf(area)
    odds = generator.normal(size=(size, 1)) + shift * truth
    return _decided(truth, odds), area


def calibrated(size: int, generator: np.random.Generator, off: float = 0.0) -> tuple[Items, float]:
    """Draw probabilities of yes, all of them too high by `off`."""
    stated = 0.2 + 0.75 * generator.beta(2, 2, size)
    truth = (generator.random(size) < stated - off).astype(np.float32)[:, None]
    return _decided(truth, np.log(stated / (1 - stated))[:, None]), off


def _decided(truth: np.ndarray, odds: np.ndarray) -> Items:
    answer = ANSWERS["binary"]
    targets = Targets.of("binary", truth, np.ones(len(truth), np.int64))
    return (*answer.arrays(targets, odds.astype(np.float32), answer.untuned()), None)


CASES = (
    Case("macro F1, 13 classes", "macro_f1", classified, "multiclass"),
    Case("macro F1, groups of five", "macro_f1", partial(classified, per_group=5), "multiclass"),
    Case("accuracy", "accuracy", classified, "multiclass"),
    *(
        Case(f"AUROC {area}, ten positives", "auroc", partial(ranked, area=area), "binary")
        for area in (0.7, 0.8, 0.9, 0.95)
    ),
    *(
        Case(f"ECE, off by {off}", "ece", partial(calibrated, off=off), "binary")
        for off in (0.0, 0.05, 0.15)
    ),
)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000, help="test parts a line")
    arguments = parser.parse_args()
    start = time.process_time()
    print("| metric | items | coverage | holds its value | mean width |")
    print("| :--- | ---: | ---: | ---: | ---: |")
    for line in coverage(arguments.repeats):
        print(
            f"| {line.metric} | {line.items:,} | {line.covered:.3f} | {line.holds_own:.3f} "
            f"| {line.width:.3f} |",
            flush=True,
        )
    print(f"{time.process_time() - start:.0f} s of CPU time")


if __name__ == "__main__":
    main()
