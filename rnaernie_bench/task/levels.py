"""What a task can be about (its level) and what is asked there (its problem)."""

from __future__ import annotations

from collections.abc import Mapping

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.registry import METRICS, has, metrics_of
from rnaernie_bench.task.lengths import policies_of

Level = str
"""A name in `levels.LEVELS`."""
LengthPolicy = str
"""A name in `task.lengths.POLICIES`."""


def decodes(level: str, problem: Problem) -> bool:
    """Return whether what is said of pairs of bases is decoded into a structure."""
    return LEVELS.get(level).answers[problem] == "structure"


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
    answers = LEVELS.get(level).answers
    if problem not in answers:
        asked = " or ".join(answers)
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
    for where, name in metrics.items():
        if not has(answers[problem], name):
            raise ConfigError(
                f"'{name}' is not allowed",
                where=where,
                remedy=did_you_mean(name, list(metrics_of(answers[problem], METRICS))),
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
