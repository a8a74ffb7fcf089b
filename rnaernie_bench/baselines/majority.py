"""The class frequencies of train, whatever the sequence."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.fitting import FitContext, FitReport


@dataclass(frozen=True)
class MajorityOptions:
    """The majority class has no options."""

    name: str


@dataclass(frozen=True)
class Majority:
    """One vector of log-frequencies for every sequence."""

    log_frequencies: np.ndarray
    """float32 of shape (classes,)."""

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return the same row for each sequence, float32 of shape (sequences, classes)."""
        return np.tile(self.log_frequencies, (len(sequences), 1))

    def save(self, folder: Path) -> None:
        """Write the frequencies into `folder`."""
        values = {"log_frequencies": self.log_frequencies.tolist()}
        (folder / "majority.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


def fit(context: FitContext, options: MajorityOptions) -> tuple[Majority, FitReport]:
    """Count classes, one added to each so that none is impossible."""
    from rnaernie_bench.fitting import FitReport

    start = time.perf_counter()
    counts = np.ones(len(context.task.labels))
    for item in context.train:
        counts[item.label] += 1
    model = Majority(np.log(counts / counts.sum()).astype(np.float32))
    seconds = time.perf_counter() - start
    return model, FitReport(
        parameters=len(counts),
        weights_sha256=None,
        max_bases=None,
        train_s=seconds,
        items_per_s=len(context.train) / max(seconds, 1e-9),
        epochs=1,
        best_epoch=1,
        stopped_by="optimum",
    )


def restore(folder: Path) -> Majority:
    """Return what `Majority.save` wrote."""
    values = json.loads((folder / "majority.json").read_text(encoding="utf-8"))
    return Majority(np.array(values["log_frequencies"], dtype=np.float32))


ENTRY = BaselineEntry(
    options=MajorityOptions,
    fit="rnaernie_bench.baselines.majority:fit",
    restore="rnaernie_bench.baselines.majority:restore",
    summary="class frequencies of train, whatever the sequence",
)
