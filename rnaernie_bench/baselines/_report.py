"""The report of a fit that has one best answer, found at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport


def closed_report(
    context: FitContext, parameters: int, started: float, *, trials: int = 1, **facts: Any
) -> FitReport:
    """Return the report of a fit in closed form, or to an optimum.

    Args:
        context: the task's.
        parameters: numbers that the model holds.
        started: `time.perf_counter` when the fit began.
        trials: settings that validation compared; each took one pass over train.
        facts: fields of the report that differ from those of a model without weights or limit.
    """
    from rnaernie_bench.learning.interface import FitReport

    seconds = max(time.perf_counter() - started, 1e-9)
    report: dict[str, Any] = {
        "parameters": parameters,
        "weights_sha256": None,
        "max_bases": None,
        "train_s": seconds,
        "items_per_s": len(context.train) * trials / seconds,
        "epochs": 1,
        "best_epoch": 1,
        "ended_by": "optimum",
        "trials": trials,
    }
    return FitReport(**report | facts)
