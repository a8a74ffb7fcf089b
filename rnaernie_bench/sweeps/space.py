"""Search spaces: checked against a run's settings, sampled by a trial, turned into settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.config.compose import GROUPS, compose
from rnaernie_bench.config.identity import identity
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.config.unread import unread
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import as_dict, build
from rnaernie_bench.sweeps.options import Dimension
from rnaernie_bench.task.catalogue import BACKBONES
from rnaernie_bench.task.task import load_task

if TYPE_CHECKING:
    from optuna import Trial

_MEASURE = ("task", "split", "fold", "protocol", "seed")
"""What trials share, as run ids hold it: else their scores could not be compared."""

_PLAIN = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w./-]*", re.IGNORECASE | re.ASCII)
"""Texts that the command line takes as they are."""


@dataclass(frozen=True)
class Base:
    """The settings that a search starts from."""

    overrides: tuple[str, ...]
    """As on the command line, without those of the sweep."""
    task_folders: tuple[Path, ...] = ()

    def config(self, settings: Mapping[str, Any]) -> RunConfig:
        """Return the settings of a run with `settings` on top, checked.

        Raises:
            ConfigError: naming the key that is unknown, wrong, or contradicts another.
        """
        return compose([*self.overrides, *as_overrides(settings)], self.task_folders)


class Configurator:
    """Makes the settings of trials, as `Base.config` does, but a hundred times quicker.

    Hydra composes once for each combination of chosen groups; other values are put in afterwards
    and checked by the same dataclasses.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self._composed: dict[tuple[str, ...], RunConfig] = {}

    def __call__(self, settings: Mapping[str, Any]) -> RunConfig:
        """Return the settings of a run with `settings` on top.

        Raises:
            ConfigError: naming the key that is unknown, wrong, or contradicts another.
        """
        chosen = {key: value for key, value in settings.items() if key in GROUPS}
        name = tuple(as_overrides(chosen))
        if name not in self._composed:
            self._composed[name] = self.base.config(chosen)
        config = self._composed[name]
        for key, value in settings.items():
            if key not in chosen:
                config = _with_value(config, key, value)
        return config


def _with_value(config: RunConfig, key: str, value: Any) -> RunConfig:
    """Return `config` with one value changed, checked as its dataclass checks it."""
    group, _, inner = key.rpartition(".")
    parts = {f.name: getattr(config, f.name) for f in fields(config)}
    inside = {
        f"{name}.{field.name}"
        for name, part in parts.items()
        if is_dataclass(part)
        for field in fields(part)
    }
    known = [*inside, *(name for name, part in parts.items() if not is_dataclass(part))]
    if key not in known:
        raise ConfigError(f"unknown key '{key}'", where=key, remedy=did_you_mean(key, known))
    changed = value
    if group:
        values = {f.name: getattr(parts[group], f.name) for f in fields(parts[group])}
        changed = build(type(parts[group]), {**values, inner: value}, where=group)
    changes: dict[str, Any] = {group or inner: changed}
    return replace(config, **changes)


def as_overrides(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as the command line takes them."""
    return [f"{key}={_text(value)}" for key, value in settings.items()]


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        # In quotes a backslash is one, unless a quote follows it.
        doubled = re.sub(r"(\\+)(?='|\Z)", r"\1\1", value)
        return "'" + doubled.replace("'", "\\'") + "'"
    return str(value)


@dataclass(frozen=True)
class Space:
    """The dimensions that can be searched from the settings of a run, each with its own name."""

    dimensions: Mapping[str, Dimension]
    """By the name that the study knows it by: its key, and its conditions if others share it."""

    def active(self, dimension: Dimension, settings: Mapping[str, Any]) -> bool:
        """Return whether a dimension is searched, given the settings chosen before it."""
        return all(
            key in settings and settings[key] in dimension.allowed(key) for key in dimension.when
        )

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """Return the settings of a trial, as its sampler chooses them."""
        settings: dict[str, Any] = {}
        for name, dimension in self.dimensions.items():
            if not self.active(dimension, settings):
                continue
            low, high = dimension.low, dimension.high
            if dimension.choices is not None:
                value: Any = trial.suggest_categorical(name, list(dimension.choices))
            elif dimension.type == "int":
                assert low is not None and high is not None
                step = int(dimension.step or 1)
                value = trial.suggest_int(name, int(low), int(high), step=step, log=dimension.log)
            else:
                assert low is not None and high is not None
                value = trial.suggest_float(name, low, high, step=dimension.step, log=dimension.log)
            settings[dimension.key] = value
        return settings

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that the parameters of a trial stand for, in the space's order."""
        return {d.key: params[name] for name, d in self.dimensions.items() if name in params}

    def describe(self) -> list[dict[str, Any]]:
        """Return the space as JSON can hold it."""
        return [as_dict(dimension) for dimension in self.dimensions.values()]

    def grid(self) -> dict[str, list[Any]]:
        """Return the values of each dimension.

        Raises:
            ConfigError: for a dimension without a step, or with a condition.
        """
        grid = {}
        for name, dimension in self.dimensions.items():
            cells = dimension.cells()
            if cells is None or dimension.when:
                raise ConfigError(
                    "a grid needs choices, or a range with a step, and no conditions",
                    where=f"sweep.space: {name}",
                    remedy="add step, or use another sampler",
                )
            grid[name] = list(cells)
        return grid

    def size(self) -> int:
        """Return the number of configurations of a grid."""
        return prod(len(values) for values in self.grid().values())


def open_space(dimensions: Sequence[Dimension], base: Base, configure: Configurator) -> Space:
    """Return what can be searched from `base`, after all of it has been checked.

    Dimensions that nothing would read are left out (`config.unread`).

    Raises:
        ConfigError: naming the dimension that is unknown, without effect, contradicts another or
            the command line, or would change what is measured.
    """
    config = configure({})
    reachable = _reachable(dimensions, config)
    fixed = {text.partition("=")[0] for text in base.overrides}
    for dimension in reachable:
        if dimension.key in fixed:
            raise ConfigError(
                "it is set and searched",
                where=f"sweep.space: {dimension.key}",
                remedy="leave the setting out, or take it from the space",
            )
    named = _named(reachable)
    read = {n: d for n, d in named.dimensions.items() if not _is_idle(d, named, configure, base)}
    if not read:
        raise ConfigError(
            "nothing reads what the space varies: there is nothing to search", where="sweep.space"
        )
    space = Space(read)
    for name in space.dimensions:
        _check_effect(name, space, configure, base)
    return space


def _reachable(dimensions: Sequence[Dimension], config: RunConfig) -> list[Dimension]:
    """Return the dimensions whose conditions can hold, without those that always do."""
    searched: dict[str, Dimension] = {}
    reachable = []
    for dimension in dimensions:
        kept = {}
        for key in dimension.when:
            where = f"sweep.space: {dimension.key}"
            allowed = dimension.allowed(key)
            if key in searched:
                known = searched[key].choices
                if known is None or not set(map(repr, allowed)) <= set(map(repr, known)):
                    raise ConfigError(
                        f"'{key}' never is {' or '.join(map(str, allowed))}",
                        where=where,
                        remedy=f"it is one of {', '.join(map(str, known or ['a range']))}",
                    )
                kept[key] = dimension.when[key]
            elif any(other.key == key for other in dimensions):
                raise ConfigError(
                    f"its condition '{key}' is searched after it",
                    where=where,
                    remedy="put the condition's setting first",
                )
            elif _value_of(config, key, where) not in allowed:
                break
        else:
            searched[dimension.key] = dimension
            reachable.append(replace(dimension, when=kept))
    if not reachable:
        raise ConfigError(
            "no condition of the space is met by these settings: there is nothing to search",
            where="sweep.space",
        )
    return reachable


def _value_of(config: RunConfig, key: str, where: str) -> Any:
    """Return the value of a setting; of a group, the name of what is chosen."""
    value: Any = config
    for name in key.split("."):
        if not hasattr(value, name):
            raise ConfigError(f"its condition '{key}' is no setting", where=where)
        value = getattr(value, name)
    return value.name if is_dataclass(value) and hasattr(value, "name") else value


def _named(dimensions: Sequence[Dimension]) -> Space:
    """Name dimensions by key; those that share one also by their conditions, which must differ."""
    named: dict[str, Dimension] = {}
    for index, dimension in enumerate(dimensions):
        others = [d for d in dimensions if d.key == dimension.key and d is not dimension]
        for other in dimensions[:index]:
            if other.key == dimension.key and not _disjoint(other, dimension):
                raise ConfigError(
                    "it is searched twice at once",
                    where=f"sweep.space: {dimension.key}",
                    remedy="give both conditions (when) that exclude each other",
                )
        values = [str(v) for key in dimension.when for v in dimension.allowed(key)]
        name = f"{dimension.key} ({', '.join(values)})" if others else dimension.key
        named[name] = dimension
    return Space(named)


def _disjoint(one: Dimension, other: Dimension) -> bool:
    shared = one.when.keys() & other.when.keys()
    return any(not set(one.allowed(key)) & set(other.allowed(key)) for key in shared)


def _is_idle(dimension: Dimension, space: Space, configure: Configurator, base: Base) -> bool:
    """Return whether nothing would read what a dimension varies, as at some levels."""
    config = configure(_leading_to(dimension, space))
    return dimension.key in dict(unread(config, load_task(config.task.name, base.task_folders)))


def _check_effect(name: str, space: Space, configure: Configurator, base: Base) -> None:
    """Refuse a dimension that changes nothing, or changes what is measured."""
    dimension, where = space.dimensions[name], f"sweep.space: {name}"
    before = configure({})
    ids = []
    for value in dimension.examples():
        settings = _leading_to(dimension, space) | {dimension.key: value}
        try:
            config = configure(settings)
        except ConfigError as error:
            raise ConfigError(f"{error.what}", where=where, remedy=error.remedy) from error
        ids.append(_identity(config, base))
        reference = _identity(before, base)
        same = all(ids[-1][key] == reference[key] for key in _MEASURE)
        if not same or config.task.data != before.task.data:
            raise ConfigError(
                "it changes the metric or the data, so that trials could not be compared",
                where=where,
                remedy="set it on the command line, for all trials",
            )
    if all(each == ids[0] for each in ids):
        raise ConfigError(
            "it has no effect on this run", where=where, remedy="take it from the space"
        )


def _leading_to(dimension: Dimension, space: Space) -> dict[str, Any]:
    """Return settings that make a dimension's conditions hold."""
    settings: dict[str, Any] = {}
    for key in dimension.when:
        for parent in space.dimensions.values():
            if parent.key == key:
                settings |= _leading_to(parent, space)
        settings[key] = dimension.allowed(key)[0]
    return settings


def _identity(config: RunConfig, base: Base) -> Mapping[str, Any]:
    task = load_task(config.task.name, base.task_folders)
    return identity(config, task, "", BACKBONES.get(config.backbone.name).kind, None)
