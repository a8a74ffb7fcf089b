"""Settings: Hydra composes them, `options` checks them, nothing changes them afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from rnaernie_bench.config.earlier import from_run
from rnaernie_bench.config.options import (
    RunConfig,
    TaskOptions,
    TrainerOptions,
    settled,
    task_defaults,
)
from rnaernie_bench.config.unread import refuse_unread
from rnaernie_bench.core import paths, plugins
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import Registry, did_you_mean
from rnaernie_bench.core.schema import as_dict, build, convert
from rnaernie_bench.data.folds import check_fold, first_fold
from rnaernie_bench.data.protocols import protocol_of
from rnaernie_bench.task.catalogue import BACKBONES, LAUNCHERS, STRATEGIES
from rnaernie_bench.task.lengths import policies_of
from rnaernie_bench.task.task import Task, find_tasks, read_task

GROUPS = (
    "task", "backbone", "strategy", "trainer", "tracking", "launcher", "preset", "sweep", "suite",
)  # fmt: skip

_PATHS = ("runs_dir", "results_dir", "out", "backbone.source", "backbone.model", "backbone.pairs")
"""Settings that are paths: their values need no quotes."""

DEFAULT = "default"
"""The trainer of runs that choose none: the defaults of its options."""

_ANY = "any"
"""How Hydra knows the member of a group whose settings are put in afterwards."""

_REGISTRIES: dict[str, Registry[Any]] = {
    "backbone": BACKBONES, "strategy": STRATEGIES, "launcher": LAUNCHERS,
}  # fmt: skip
"""The groups whose members declare their options themselves."""


def expand(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the overrides of each run that comma lists such as ``seed=0,1,2`` stand for.

    Raises:
        ConfigError: if an override cannot be parsed, or adds or deletes a key.
    """
    from hydra.errors import HydraException

    choices = []
    for given in overrides:
        text, override = _parsed(given)
        added = override.is_add() or override.is_force_add()
        if added or override.is_delete() or override.package is not None:
            raise ConfigError(
                f"'{text}' adds, deletes or moves a key",
                remedy="the known keys can be set, none can be added: write key=value",
            )
        if override.is_sweep_override():
            try:
                listed = list(override.sweep_string_iterator())
            except HydraException as error:  # an interval or a glob
                raise ConfigError(
                    f"'{text}' does not list its values",
                    remedy="write key=a,b,c or key=range(start,stop)",
                ) from error
            choices.append([f"{override.get_key_element()}={value}" for value in listed])
        else:
            choices.append([text])
    yield from product(*choices)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[str, Any]:
    """Return a setting as Hydra reads it, and what it reads: a value it cannot is one text.

    So paths need no quotes, whatever their letters: ``runs_dir=läufe``.

    Raises:
        ConfigError: if it is no setting.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, given, value = text.partition("=")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    quoted = [f"{key}='{escaped}'"] if given and key in _PATHS else []
    for written in (text, *quoted):
        try:
            return written, OverridesParser.create().parse_override(written)
        except (HydraException, RecursionError) as error:
            reason = error
    raise ConfigError(
        f"'{text}' is not a setting",
        remedy="settings are written key=value"
        + (f", texts with other marks in quotes: '{key}=\"{value}\"'" if given else ""),
    ) from reason


def value_of(key: str, overrides: Sequence[str]) -> str | None:
    """Return the value that settings give a key, as text; None if they do not."""
    values = [_parsed(text)[1].value() for text in overrides if text.partition("=")[0] == key]
    return str(values[-1]) if values else None


def compose(overrides: Sequence[str], task_folders: Iterable[Path] = ()) -> RunConfig:
    """Return the checked settings of one run.

    Args:
        overrides: ``key=value`` settings, without comma lists.
        task_folders: further folders of tasks.

    Raises:
        ConfigError: naming the key or value that is unknown, of a wrong type or out of range.
    """
    found, chosen = find_tasks(task_folders), [t[5:] for t in overrides if t.startswith("task=")]
    if not chosen:
        remedy = "add task=NAME, one of " + ", ".join(found)
        raise ConfigError("no task is chosen", where="task", remedy=remedy)
    # A wrong one of the others is in nobody's way.
    tasks = {n: read_task(found[n] / "task.yaml") for n in chosen if n in found}
    choices = {group: _known(group) for group in GROUPS} | {"task": list(found)}
    members = {f"task={name}": as_dict(task_defaults(task)) for name, task in tasks.items()}
    raw = compose_root(Root("config", choices, members), overrides)
    if isinstance(raw["fold"], int):  # generated folds are called by their numbers
        raw["fold"] = str(raw["fold"])
    config: RunConfig = build(RunConfig, raw)
    task = tasks[config.task.name]
    split, fold = first_fold(task, config.split, config.fold)
    config = replace(config, split=split, fold=fold)
    if (named := task.splits.get(split or task.default_split)) is not None:
        config = replace(config, protocol=protocol_of(named, config.protocol))
    check_together(config, task)
    config = replace(config, backbone=from_run(config.backbone, config.runs_dir))
    return replace(config, trainer=_settled(config.trainer, task, overrides))


def _settled(trainer: TrainerOptions, task: Task, overrides: Sequence[str]) -> TrainerOptions:
    """Return trainer options with what is left to the level, and with no search of a set rate."""
    keys = {text.partition("=")[0] for text in overrides}
    if trainer.learning_rates is None and keys & {f"{g}.learning_rate" for g in _REGISTRIES}:
        trainer = replace(trainer, learning_rates=())
    return settled(trainer, task.level_entry)


def check_together(config: RunConfig, declared: Task) -> None:
    """Refuse settings that do not go together, or that the declared task has no use for.

    Raises:
        ConfigError: naming the first of them.
    """
    if config.split is not None and config.split not in declared.splits:
        raise ConfigError(
            f"task '{declared.name}' has no split '{config.split}'",
            where="split",
            remedy=did_you_mean(config.split, list(declared.splits)),
        )
    check_fold(declared.splits[config.split or declared.default_split], config.fold)
    _check_chosen(declared, config.task)
    refuse_unread(config, declared)


def _check_chosen(task: Task, chosen: TaskOptions) -> None:
    """Refuse options that a run on a task cannot have.

    Raises:
        ConfigError: naming the key and what it may be.
    """
    level = task.level_entry
    policies = policies_of(level, task.problem)
    if chosen.length not in policies:
        raise ConfigError(f"the value must be {' or '.join(policies)}", where="task.length")
    if task.decodes != (chosen.decoder is not None):
        allowed = (
            "the name of a decoder"
            if task.decodes
            else "null: the task has no base pairs to decode"
        )
        raise ConfigError(f"the value must be {allowed}", where="task.decoder")
    if bool(level.encodings) != (chosen.encoding is not None):
        allowed = " or ".join(level.encodings) or "null: the task has no pairs"
        raise ConfigError(f"the value must be {allowed}", where="task.encoding")


def compose_backbone(overrides: Sequence[str]) -> Any:
    """Return the checked options of a backbone, for commands that need no task.

    Args:
        overrides: ``backbone=NAME`` and ``backbone.KEY=VALUE``.

    Raises:
        ConfigError: naming the setting that is unknown, wrong, or not about a backbone.
    """
    for text in overrides:
        if text.partition("=")[0].partition(".")[0] != "backbone":
            raise ConfigError(
                f"'{text}' is not a setting of a backbone",
                remedy="settings here begin with backbone= or backbone.",
            )
    chosen = list(expand(overrides))
    if len(chosen) != 1:
        raise ConfigError("one backbone at a time", where="backbone", remedy="give one value")
    # Every task composes with every backbone.
    return compose([f"task={next(iter(find_tasks()))}", *chosen[0]]).backbone


@dataclass(frozen=True)
class Root:
    """A root of the settings."""

    file: str
    """Its file in `configs/`, without the suffix."""
    choices: Mapping[str, Sequence[str]]
    """What can be chosen of each of its groups, installed plug-ins and all."""
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The settings of members without a file and without a registry, by `group=name`."""


def compose_root(root: Root, overrides: Sequence[str]) -> dict[str, Any]:
    """Return the settings that Hydra composes, by name.

    Backbone, strategy and launcher, where the root has them, are the options that their registries
    declare; everything else is as YAML gives it.

    Args:
        root: the root.
        overrides: ``key=value`` settings, without comma lists.

    Raises:
        ConfigError: naming the key or choice that is unknown.
    """
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    choices = [text for text in overrides if text.partition("=")[0] in root.choices]
    values = [text for text in overrides if text not in choices]
    _check_choices(choices, root)
    _check_names(values, root)
    names = dict(text.split("=", 1) for text in choices)  # the last of a group counts
    own = {
        group: root.members.get(f"{group}={name}") or _settings(group, name)
        for group, name in names.items()
        if group in _REGISTRIES or f"{group}={name}" in root.members
    }
    told = tuple(f"{group}={_ANY if group in own else names[group]}" for group in sorted(names))
    files = _files(paths.configs_folder())
    members = json.dumps(_registered() | {f"{group}/{_ANY}": {"name": "???"} for group in own})
    try:
        composed = _with_own(_chosen(root.file, told, members, files), own)
        for _, value in map(_parsed, values):
            try:
                OmegaConf.update(composed, value.key_or_group, value.value(), merge=True)
            except OmegaConfBaseException:
                whole = _with_own(_chosen(root.file, told, members, files), own)
                _check_keys(values, OmegaConf.to_container(whole))
                raise
        raw: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException, RecursionError) as error:
        raise ConfigError(f"the settings cannot be composed: {error}") from error
    return _with_options(raw)


@lru_cache(maxsize=256)
def _chosen(file: str, choices: tuple[str, ...], members: str, files: _Files) -> Any:
    """Return what Hydra composes of choices alone. It takes most of the time: runs share it.

    So Hydra is not told which member without a file is chosen, but that one is.

    Args:
        file: the root.
        choices: ``group=name``.
        members: the settings of members that have no file, by `group/name`, as JSON.
        files: those that are read, with when they were written.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra

    for place, node in json.loads(members).items():
        group, _, name = place.partition("/")
        ConfigStore.instance().store(group=group, name=name, node=node)
    # Hydra is one a process; the caller may be an application of it.
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(config_dir=str(paths.configs_folder()), version_base="1.3"):
            return compose(file, list(choices))
    finally:
        GlobalHydra.instance().hydra = outer


_Files = tuple[tuple[str, int], ...]


def _files(folder: Path) -> _Files:
    """Return the files of settings, and when each was written, in nanoseconds."""
    return tuple((str(path), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*.yaml")))


def _with_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Replace raw backbone, strategy and launcher by the options that their registries declare."""
    converted = dict(raw)
    for group in _REGISTRIES.keys() & raw.keys():
        name = convert(str, raw[group].get("name"), where=f"{group}.name")
        converted[group] = build(_REGISTRIES[group].get(name).options, raw[group], where=group)
    return converted


def _registered() -> dict[str, dict[str, Any]]:
    """Return the settings of what is built in without a file, by `group/name`."""
    members = {f"trainer/{DEFAULT}": as_dict(TrainerOptions())}
    for group, registry in _REGISTRIES.items():
        members |= {f"{group}/{name}": _settings(group, name) for name in sorted(registry.builtin)}
    return members


def _settings(group: str, name: str) -> dict[str, Any]:
    """Return the settings of what a registry holds; what has no default is missing."""
    registry = _REGISTRIES[group]
    unset = {f.name: "???" for f in fields(registry.get(name).options)}
    return {**unset, **plugins.default_settings(registry, name)}


def _with_own(chosen: Any, own: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return what was composed, with the settings of members below what files say of them."""
    from omegaconf import OmegaConf

    composed = deepcopy(chosen)
    for group, settings in own.items():
        composed[group] = OmegaConf.merge(dict(settings), composed[group])
    return composed


def group_choices(group: str) -> list[str]:
    """Return what a configuration group offers, apart from tasks, in alphabetical order."""
    if group in _REGISTRIES:
        return list(_REGISTRIES[group])
    found = {path.stem for path in (paths.configs_folder() / group).glob("*.yaml")}
    return sorted(found | {DEFAULT} if group == "trainer" else found)


def _known(group: str) -> list[str]:
    """Return what can be chosen of a group, unlisted names and all."""
    unlisted = _REGISTRIES[group].unlisted if group in _REGISTRIES else ()
    known = sorted({*group_choices(group), *unlisted})
    return [*known, "null"] if group in ("sweep", "suite") else known


def _check_choices(choices: Sequence[str], root: Root) -> None:
    """Check the chosen group members by name, with better messages than a failed composition."""
    for text in choices:
        group, _, name = text.partition("=")
        known = list(root.choices[group])
        if name not in known:
            raise ConfigError(
                f"there is no {group} '{name}'", where=group, remedy=did_you_mean(name, known)
            )


def _check_names(values: Sequence[str], root: Root) -> None:
    """Refuse Hydra's own settings, which do nothing here, and to rename a choice.

    A renamed choice would keep the other settings of its old name.
    """
    for text in values:
        key = text.partition("=")[0]
        if key.startswith("hydra"):
            raise ConfigError(f"unknown key '{key}'", where=key, remedy="leave it out")
        group, _, inner = key.partition(".")
        if group in root.choices and inner == "name":
            raise ConfigError(f"'{key}' cannot be set", where=key, remedy=f"choose {group}=NAME")


def _check_keys(values: Sequence[str], defaults: Any) -> None:
    known = set(_flatten(defaults))
    for text in values:
        key = text.partition("=")[0]
        if key not in known:
            raise ConfigError(f"unknown key '{key}'", where=key, remedy=did_you_mean(key, [*known]))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
