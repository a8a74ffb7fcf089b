"""The class frequencies of train, or the means of its quantities, regardless of the sequence."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.baselines._report import closed_report
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.metrics.targets import constant_scores
from rnaernie_bench.task.catalogue import EVERY_LEVEL, BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class MajorityOptions:
    """The majority class has no options."""

    name: str


@dataclass(frozen=True)
class Majority:
    """One row of scores for every sequence, base, pair of bases, or pair of sequences."""

    scores: np.ndarray
    """float32 of shape (outputs,)."""
    level: str = "sequence"

    def logits(self, inputs: Sequence[str] | Sequence[tuple[str, str]]) -> np.ndarray:
        """Return the same row for each unit, float32 of shape (units, outputs)."""
        from rnaernie_bench.data.targets import units_of

        return np.tile(self.scores, (int(units_of(inputs, self.level).sum()), 1))

    def save(self, folder: Path) -> None:
        """Write the scores into `folder`."""
        values = {"scores": self.scores.tolist(), "level": self.level}
        (folder / "majority.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


def fit(context: FitContext, options: MajorityOptions) -> tuple[Majority, FitReport]:
    """Count classes, one added to each so that none is impossible, or average quantities.

    Raises:
        ConfigError: for base pairs that are decoded: all pairs of bases would be alike.
    """
    if context.task.decodes:
        raise ConfigError(
            "'majority' cannot predict base pairs",
            where="backbone",
            remedy="use unpaired",
        )
    from rnaernie_bench.data.targets import targets_of

    started = time.perf_counter()
    targets = targets_of(context.train, context.task.problem)
    model = Majority(constant_scores(targets, len(context.task.labels)), context.task.level)
    return model, closed_report(context, len(model.scores), started)


def restore(folder: Path) -> Majority:
    """Return what `Majority.save` wrote."""
    values = json.loads((folder / "majority.json").read_text(encoding="utf-8"))
    if "log_frequencies" in values:  # as it was called before there were quantities
        return Majority(np.array(values["log_frequencies"], dtype=np.float32))
    return Majority(np.array(values["scores"], dtype=np.float32), values["level"])


ENTRY = BaselineEntry(
    options=MajorityOptions,
    fit="rnaernie_bench.baselines.majority:fit",
    restore="rnaernie_bench.baselines.majority:restore",
    summary="class frequencies of train, or means of its quantities, regardless of the sequence",
    levels=EVERY_LEVEL,
    reads=("task.train_fraction", "task.train_by_seed"),
)
