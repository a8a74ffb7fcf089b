"""What a task can be about: one object a level, which knows how its items are read and written.

A level is a description that imports nothing heavy: functions are named as ``module:function`` and
imported when they are needed. Nothing outside this room asks which level it is given; it asks the
level's object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnaernie_bench.core.registry import Registry
from rnaernie_bench.metrics.problems import Problem


@dataclass(frozen=True)
class Level:
    """How the items of tasks of one kind are read, learned and written."""

    name: str
    unit: str
    """What a model gives a row of scores for."""
    answers: Mapping[Problem, str]
    """Problem -> the answer to it (`metrics.answers`); other problems cannot be declared."""


LEVELS: Registry[Level] = Registry(
    "level",
    {
        name: f"rnaernie_bench.levels.{name}:LEVEL"
        for name in ("sequence", "token", "contact", "pair")
    },
    group="rnaernie_bench.levels",
    types=(Level,),
)
