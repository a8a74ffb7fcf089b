"""Linear models of a few features that describe an input, which its letters alone define."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.baselines._regression import READS, fit_on_features
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.learning.regression import Linear
from rnaernie_bench.metrics.problems import PROBLEMS, Problem
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

Features = Callable[..., np.ndarray]
"""From inputs, and facts by name, to an array of shape (inputs, features)."""


@dataclass(frozen=True)
class PlainOptions:
    """The baseline has no options."""

    name: str


@dataclass(frozen=True)
class Described:
    """A linear function of features."""

    features: str
    """``module:function`` of what computes them."""
    linear: Linear
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of that function, which JSON can hold."""

    def logits(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return float32 scores of shape (inputs, outputs)."""
        features: Features = resolve(self.features)
        return self.linear.logits(features(inputs, **self.facts))

    def save(self, folder: Path) -> None:
        """Write weights and facts into `folder`."""
        text = json.dumps(dict(self.facts)) + "\n"
        (folder / "described.json").write_text(text, encoding="utf-8")
        np.savez(folder / "described.npz", weights=self.linear.weights, bias=self.linear.bias)


def fit_described(
    features: str, context: FitContext, options: Any, **facts: Any
) -> tuple[Described, FitReport]:
    """Fit a regression on features, its regularisation chosen on validation.

    Args:
        features: ``module:function`` of what computes them.
        context: the task's.
        options: of the baseline, which are not read here.
        facts: further arguments of that function.

    Raises:
        DataError: if train holds items of one class only.
    """
    linear, report = fit_on_features(context, partial(resolve(features), **facts))
    return Described(features, linear, facts), report


def restored(features: str, folder: Path) -> Described:
    """Return what `Described.save` wrote, of features that ``module:function`` computes."""
    facts = json.loads((folder / "described.json").read_text(encoding="utf-8"))
    with np.load(folder / "described.npz", allow_pickle=False) as arrays:
        return Described(features, Linear(arrays["weights"], arrays["bias"]), facts)


def described_entry(
    module: str,
    summary: str,
    *,
    options: type = PlainOptions,
    levels: tuple[str, ...] = ("sequence",),
    problems: tuple[Problem, ...] = PROBLEMS,
) -> BaselineEntry:
    """Return the entry of a baseline whose module has `fit` and `restore`.

    Args:
        module: its name.
        summary: a line of help.
        options: its options.
        levels: those that it serves.
        problems: the same.
    """
    return BaselineEntry(
        options=options,
        fit=f"{module}:fit",
        restore=f"{module}:restore",
        summary=summary,
        levels=levels,
        problems=problems,
        reads=READS,
    )
