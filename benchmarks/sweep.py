"""Trials of a frozen sweep from a shared cache of features against the first, which fills it.

Embedding, head training and validation are counted in all. What a trial costs beyond its fit (its
proposal, its own validation, the database) is its whole time without the time in `fit`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.frozen_cache import features_in
from rnaernie_bench.data.sources import find
from rnaernie_bench.sweeps import objective
from rnaernie_bench.sweeps.setup import set_up
from rnaernie_bench.sweeps.sweep import run_sweep


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Return `function`, which then also notes how long each call takes."""

    def call(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            seconds.append(time.perf_counter() - start)

    return call


def main(arguments: list[str] | None = None) -> None:
    """Print seconds of the first trial and of those after it, their ratio, and the overhead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="rnaernie-tiny")
    parser.add_argument("--trials", type=int, default=6)
    options = parser.parse_args(arguments or [])
    real = find("nrc/rnagcn_train.fasta") is not None
    print(f"data: {'nRC' if real else 'simulated'}; {options.backbone}, {options.trials} trials")
    fit, fits = objective.fit, list[float]()
    objective.fit = timed(fit, fits)
    try:
        with tempfile.TemporaryDirectory() as folder, features_in(Path(folder)):
            sweep = set_up(
                [
                    "task=ncrna_cls",
                    f"preset={'bench' if real else 'demo'}",
                    f"backbone={options.backbone}",
                    "strategy=frozen",
                    "tracking=none",
                    "sweep.pruner=none",
                    "sweep.seeds=1",
                    f"sweep.trials={options.trials}",
                    f"runs_dir={folder}/runs",
                ]
            )
            trials = run_sweep(sweep).trials
    finally:
        objective.fit = fit
    whole = [
        (trial.datetime_complete - trial.datetime_start).total_seconds()
        for trial in trials
        if trial.datetime_complete and trial.datetime_start
    ]
    later = median(fits[1:])
    beyond = median(total - inner for total, inner in zip(whole[1:], fits[1:], strict=True))
    print(f"first trial  {fits[0]:8.2f} s")
    print(f"later trials {later:8.2f} s (median)")
    print(f"ratio        {fits[0] / later:8.1f} x")
    print(f"beyond a fit {beyond:8.2f} s a trial (median)")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
