"""What a task can be about: sequences as wholes, or contacts between their bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rnaernie_bench.errors import ConfigError
from rnaernie_bench.registry import did_you_mean

Level = Literal["sequence", "contact"]
Problem = Literal["multiclass", "binary"]
LengthPolicy = Literal["error", "truncate", "window", "unpaired"]
DecoderName = Literal["threshold", "greedy", "mea", "matching", "hybrid"]
MetricName = Literal[
    "accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "ece",
    "f1", "precision", "recall", "shifted_f1", "pooled_f1",
]  # fmt: skip

PROBLEMS: Mapping[str, str] = {"sequence": "multiclass", "contact": "binary"}
"""What is asked at each level."""

LENGTHS: Mapping[str, tuple[str, ...]] = {
    "sequence": ("error", "truncate", "window"),
    "contact": ("error", "unpaired"),
}
"""The length policies of each level. `unpaired`: a sequence over the limit trains nothing, and is
predicted to have no pair."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "sequence": ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc", "ece"),
    "contact": ("f1", "precision", "recall", "mcc", "shifted_f1", "pooled_f1"),
}
"""The metrics of each level."""


def check_declared(level: Level, problem: str, length: str, metrics: Mapping[str, str]) -> None:
    """Refuse what a task of this level cannot declare.

    Args:
        level: of the task.
        problem: what is asked.
        length: the default length policy.
        metrics: by key of the declaration.

    Raises:
        ConfigError: naming the key.
    """
    if problem != PROBLEMS[level]:
        raise ConfigError(f"the level '{level}' asks otherwise", where="problem")
    if length not in LENGTHS[level]:
        raise ConfigError(f"not a policy of the level '{level}'", where="length")
    for where, name in metrics.items():
        if name not in METRICS[level]:
            raise ConfigError(
                f"'{name}' is not allowed",
                where=where,
                remedy=did_you_mean(name, list(METRICS[level])),
            )


def check_chosen(level: Level, length: str, decoder: str | None) -> None:
    """Refuse options that a run on a task of this level cannot have.

    Raises:
        ConfigError: naming the key and what it may be.
    """
    if length not in LENGTHS[level]:
        allowed = " or ".join(LENGTHS[level])
        raise ConfigError(f"the value must be {allowed}", where="task.length")
    if level == "contact" and decoder is None:
        raise ConfigError("the value must be the name of a decoder", where="task.decoder")
    if level != "contact" and decoder is not None:
        raise ConfigError("the value must be null: the task has no pairs", where="task.decoder")
