"""What a task can be about (its level) and what is asked there (its problem)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.lengths import policies_of

Level = str
"""A name in `levels.LEVELS`."""
LengthPolicy = str
"""A name in `task.lengths.POLICIES`."""
MetricName = Literal[
    "accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "ece",
    "f1", "precision", "recall", "shifted_f1", "pooled_f1",
    "auroc", "auprc", "brier", "macro_mcc", "macro_auroc", "macro_auprc",
    "spearman", "pearson", "r2", "rmse", "mcrmse", "mae",
]  # fmt: skip

_CLASSES: tuple[MetricName, ...] = (
    "accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc",
)  # fmt: skip
_DECISIONS: tuple[MetricName, ...] = (
    "accuracy", "precision", "recall", "f1", "mcc", "auroc", "auprc",
)  # fmt: skip
_LABELS: tuple[MetricName, ...] = ("macro_f1", "macro_mcc", "macro_auroc", "macro_auprc")

ITEM_METRICS: Mapping[Problem, tuple[MetricName, ...]] = {
    "multiclass": (*_CLASSES, "ece"),
    "binary": (*_DECISIONS, "brier", "ece"),
    "multilabel": (*_LABELS, "brier", "ece"),
    "regression": ("spearman", "pearson", "r2", "rmse", "mcrmse", "mae"),
}
"""The metrics of a prediction for each item."""

TOKEN_METRICS: Mapping[Problem, tuple[MetricName, ...]] = {
    "multiclass": _CLASSES,
    "binary": _DECISIONS,
    "multilabel": _LABELS,
    "regression": ("mcrmse", "rmse", "mae", "pearson", "spearman"),
}
"""The metrics of a prediction for each base of an item, or each pair of its bases."""

METRICS: Mapping[Level, Mapping[Problem, tuple[MetricName, ...]]] = {
    "sequence": ITEM_METRICS,
    "token": TOKEN_METRICS,
    "contact": {
        **TOKEN_METRICS,
        "binary": ("f1", "precision", "recall", "mcc", "shifted_f1", "pooled_f1"),
    },
    "pair": ITEM_METRICS,
}
"""The metrics of each problem at each level; those that are not there cannot be declared."""


def decodes(level: str, problem: Problem) -> bool:
    """Return whether what is said of pairs of bases is decoded into a structure."""
    return LEVELS.get(level).answers[problem] == "structure"


def has_classes(level: Level, problem: Problem) -> bool:
    """Return whether each item is of one of several classes."""
    return LEVELS.get(level).answers[problem] == "multiclass"


def lengths(level: Level, problem: Problem) -> tuple[LengthPolicy, ...]:
    """Return the length policies of a problem at a level."""
    return policies_of(LEVELS.get(level), problem)


def check_declared(
    level: Level, problem: Problem, labels: int, length: str, metrics: Mapping[str, str]
) -> None:
    """Refuse what a task of this level cannot declare.

    Args:
        level: of the task.
        problem: what is asked.
        labels: how many labels there are.
        length: the default length policy.
        metrics: by key of the declaration.

    Raises:
        ConfigError: naming the key.
    """
    if problem not in METRICS[level]:
        asked = " or ".join(METRICS[level])
        raise ConfigError(f"the level '{level}' asks for {asked}", where="problem")
    if decodes(level, problem):
        if labels:
            raise ConfigError("binary contacts have no labels: write []", where="labels")
    elif problem == "binary" and labels != 2:
        raise ConfigError("two labels are needed, the negative one first", where="labels")
    elif problem == "multiclass" and labels < 2:
        raise ConfigError("a classification needs two labels or more", where="labels")
    elif labels < 1:
        raise ConfigError("one label or more is needed", where="labels")
    if length not in lengths(level, problem):
        allowed = " or ".join(lengths(level, problem))
        raise ConfigError(
            f"not a policy of the level '{level}', problem '{problem}'",
            where="length",
            remedy=f"write {allowed}",
        )
    known = METRICS[level][problem]
    for where, name in metrics.items():
        if name not in known:
            raise ConfigError(
                f"'{name}' is not allowed", where=where, remedy=did_you_mean(name, list(known))
            )


def check_chosen(
    level: Level,
    problem: Problem,
    length: str,
    decoder: str | None,
    encoding: str | None = None,
) -> None:
    """Refuse options that a run on a task of this level and problem cannot have.

    Raises:
        ConfigError: naming the key and what it may be.
    """
    if length not in lengths(level, problem):
        allowed = " or ".join(lengths(level, problem))
        raise ConfigError(f"the value must be {allowed}", where="task.length")
    if decodes(level, problem) and decoder is None:
        raise ConfigError("the value must be the name of a decoder", where="task.decoder")
    if not decodes(level, problem) and decoder is not None:
        raise ConfigError(
            "the value must be null: the task has no base pairs to decode", where="task.decoder"
        )
    encodings = LEVELS.get(level).encodings
    if bool(encodings) != (encoding is not None):
        allowed = " or ".join(encodings) or "null: the task has no pairs"
        raise ConfigError(f"the value must be {allowed}", where="task.encoding")
