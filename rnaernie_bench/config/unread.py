"""Options that nothing would read are refused: they would change the run id and no number.

An option of the task or the trainer has an effect where the problem has a use for it, and where
the model reads it. The entry of a baseline names what it reads (`BaselineEntry.reads`). The options
of a backbone or strategy can have a method ``unread(level)``: it returns what they leave without
effect, such as the shape of a network whose weights are loaded, as names of options or
``trainer.NAME``, each with the reason. What has its default is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from rnaernie_bench.config.options import (
    LIMITS,
    RunConfig,
    TrainerOptions,
    settled,
    task_defaults,
)
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.plugins import default_settings
from rnaernie_bench.core.registry import Registry
from rnaernie_bench.core.schema import as_dict, build
from rnaernie_bench.metrics.problems import quantitative
from rnaernie_bench.task.catalogue import BACKBONES, HEADS, STRATEGIES, BaselineEntry
from rnaernie_bench.task.task import Task

NAMES = frozenset({"task.name", "task.data", "task.head", "trainer.progress"})
"""What names the data, belongs to encoders, and never enters the run id of a baseline."""


def refuse_unread(config: RunConfig, task: Task) -> None:
    """Refuse the first option that differs from its default and that nothing reads.

    Raises:
        ConfigError: naming the option, and who does not read it.
    """
    changed = set(_changed(config, task))
    for key, reason in unread(config, task):
        if key in changed:
            raise ConfigError(f"nothing would read it: {reason}", where=key, remedy="leave it out")


def _changed(config: RunConfig, task: Task) -> Iterator[str]:
    """Yield the options that differ from their defaults, as ``group.name``.

    What is null or empty asks the trainer for nothing, and so changes nothing where it has no use.
    """
    for group, chosen, default in (
        ("task", config.task, as_dict(task_defaults(task))),
        ("trainer", config.trainer, as_dict(settled(TrainerOptions(), task.level_entry))),
        ("backbone", config.backbone, _defaults(BACKBONES, config.backbone)),
        ("strategy", config.strategy, _defaults(STRATEGIES, config.strategy)),
    ):
        for name, value in as_dict(chosen).items():
            idle = group == "trainer" and value in (None, [])
            if value != default.get(name) and not idle:
                yield f"{group}.{name}"


def _defaults(registry: Registry[Any], options: Any) -> dict[str, Any]:
    """Return the options as they are while nothing is set, by name."""
    values = default_settings(registry, options.name)
    required = {f.name for f in fields(options)} - values.keys()
    values |= {name: as_dict(getattr(options, name)) for name in required}  # these have no default
    found: dict[str, Any] = as_dict(build(type(options), values))
    return found


def unread(config: RunConfig, task: Task) -> Iterator[tuple[str, str]]:
    """Yield options that have no effect, as ``group.name``, each with the reason."""
    entry = BACKBONES.get(config.backbone.name)
    yield from _useless(task)
    if config.task.train_fraction == 1:
        yield "task.train_by_seed", "all of train is drawn whatever the seed"
    head = _head(config, task)
    for option, what in (("flank", "flanks"), ("features", "features of pairs")):
        if head is None:
            yield f"task.{option}", "there is no such head"
        elif option not in HEADS.get(head).reads:
            yield f"task.{option}", f"the head '{head}' reads no {what}"
    yield from _idle("backbone", config.backbone, task)
    if not isinstance(entry, BaselineEntry):
        yield from _idle("strategy", config.strategy, task)
    elif entry.reads is not None:
        for key in _shared(config) - LIMITS - NAMES:
            if key not in entry.reads and key.partition(".")[0] not in entry.reads:
                yield key, f"'{config.backbone.name}' is fitted without it"


def _head(config: RunConfig, task: Task) -> str | None:
    """Return the name of the head that would be trained; None if there is none."""
    if BACKBONES.get(config.backbone.name).kind != "baseline":
        return config.task.head
    if hasattr(config.backbone, "head_on"):
        return str(config.backbone.head_on(task))
    return getattr(config.backbone, "head", None)


def _idle(group: str, options: Any, task: Task) -> Iterator[tuple[str, str]]:
    """Yield options that a backbone or strategy leaves without effect."""
    if hasattr(options, "unread"):
        for name, reason in options.unread(task.level_entry).items():
            yield (name if "." in name else f"{group}.{name}"), reason


def _shared(config: RunConfig) -> set[str]:
    task = {f"task.{f.name}" for f in fields(config.task)}
    return task | {f"trainer.{f.name}" for f in fields(config.trainer)}


def _useless(task: Task) -> Iterator[tuple[str, str]]:
    """Yield options of the task that its problem has no use for."""
    if task.decodes:
        yield "task.class_weights", "base pairs have no classes; task.positive_weight weighs them"
    elif quantitative(task.problem):
        yield "task.class_weights", "quantities have no classes"
    if not any(table.errors for table in task.dataset.tables.values()):
        yield "task.error_weights", f"the data of '{task.name}' have no standard errors"
