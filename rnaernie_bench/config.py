"""Settings: Hydra composes them, frozen dataclasses check them, nothing changes them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench import resources
from rnaernie_bench.catalogue import BACKBONES, HEADS, STRATEGIES
from rnaernie_bench.errors import ConfigError
from rnaernie_bench.registry import Registry, did_you_mean
from rnaernie_bench.task import LengthPolicy, Task, find_tasks, load_tasks
from rnaernie_bench.tracking import TrackingOptions
from rnaernie_bench.validation import build, convert

GROUPS = (
    "task", "backbone", "strategy", "trainer", "tracking", "launcher", "preset", "sweep", "suite",
)  # fmt: skip


@dataclass(frozen=True)
class TaskOptions:
    """How the task is run; what it is, its declaration says."""

    name: str
    data: Literal["real", "simulated"]
    """The declared data set, or the stand-in generated in code."""
    head: str
    length: LengthPolicy
    """What happens to a sequence over the limit."""
    train_fraction: float = 1.0
    """Share of the training items that is used, a stratified and nested subset."""

    def __post_init__(self) -> None:
        _require(0 < self.train_fraction <= 1, "task.train_fraction", "above 0 and at most 1")
        if self.head not in HEADS:
            raise ConfigError(
                f"no head is called '{self.head}'",
                where="task.head",
                remedy=did_you_mean(self.head, list(HEADS)),
            )


@dataclass(frozen=True)
class TrainerOptions:
    """The recipe and its budget."""

    max_epochs: int
    max_train_minutes: float | None
    patience: int
    token_budget: int
    gradient_accumulation: int
    weight_decay: float
    warmup_fraction: float
    max_grad_norm: float
    precision: Literal["auto", "fp32", "bf16"]
    fast_dropout: bool
    progress: bool

    def __post_init__(self) -> None:
        for name in ("max_epochs", "patience", "token_budget", "gradient_accumulation"):
            _require(getattr(self, name) >= 1, f"trainer.{name}", "1 or more")
        limit = self.max_train_minutes
        _require(limit is None or limit > 0, "trainer.max_train_minutes", "above 0, or null")
        _require(0 <= self.warmup_fraction < 1, "trainer.warmup_fraction", "from 0 to below 1")
        _require(self.weight_decay >= 0, "trainer.weight_decay", "0 or more")
        _require(self.max_grad_norm > 0, "trainer.max_grad_norm", "above 0")


@dataclass(frozen=True)
class LauncherOptions:
    """What carries the runs out."""

    name: Literal["local"]


@dataclass(frozen=True)
class RunConfig:
    """Everything that one run is made of."""

    task: TaskOptions
    backbone: Any
    """The options of the chosen backbone or baseline: a dataclass with a `name`."""
    strategy: Any
    """The options of the chosen strategy: a dataclass with a `name`."""
    trainer: TrainerOptions
    tracking: TrackingOptions
    launcher: LauncherOptions
    preset: Literal["demo", "bench", "paper"]
    split: str | None
    fold: str | None
    seed: int
    protocol: Literal["clean"]
    runs_dir: Path
    results_dir: Path
    sweep: Any = None
    suite: Any = None

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**32, "seed", "from 0 to 4294967295")
        _require(self.fold is None, "fold", "left out: no split of this task has folds")
        _require(self.suite is None, "suite", "left out: `rnaernie-bench suite` carries suites out")
        if self.tracking.name == "server" and not self.tracking.uri:
            raise ConfigError(
                "a server needs an address",
                where="tracking.uri",
                remedy="add tracking.uri=http://HOST:PORT, or use tracking=mlflow or none",
            )


def _require(condition: bool, where: str, allowed: str) -> None:
    if not condition:
        raise ConfigError(f"the value must be {allowed}", where=where)


def expand(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the overrides of each run that comma lists such as ``seed=0,1,2`` stand for.

    Raises:
        ConfigError: if an override cannot be parsed, or adds or deletes a key.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    choices = []
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise ConfigError(
                f"'{text}' is not a setting", remedy="settings are written key=value"
            ) from error
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


def compose(overrides: Sequence[str], task_folders: Iterable[Path] = ()) -> RunConfig:
    """Return the checked settings of one run.

    Args:
        overrides: ``key=value`` settings, without comma lists.
        task_folders: further folders of tasks.

    Raises:
        ConfigError: naming the key or value that is unknown, of a wrong type or out of range.
    """
    tasks = load_tasks(task_folders)
    raw = _compose(overrides, tasks)
    config: RunConfig = build(RunConfig, _with_options(raw))
    declared = tasks[config.task.name]
    if config.split is not None and config.split not in declared.splits:
        raise ConfigError(
            f"task '{declared.name}' has no split '{config.split}'",
            where="split",
            remedy=did_you_mean(config.split, list(declared.splits)),
        )
    return config


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


def as_dict(value: Any) -> Any:
    """Return dataclasses as plain mappings that YAML and JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_dict(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_dict(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [as_dict(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _with_options(raw: dict[str, Any]) -> dict[str, Any]:
    """Replace the raw backbone and strategy by the options that their registries declare."""
    converted = dict(raw)
    for group, registry in (("backbone", BACKBONES), ("strategy", STRATEGIES)):
        name = convert(str, raw[group].get("name"), where=f"{group}.name")
        converted[group] = build(registry.get(name).options, raw[group], where=group)
    return converted


def _compose(overrides: Sequence[str], tasks: Mapping[str, Task]) -> dict[str, Any]:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    store = ConfigStore.instance()
    for task in tasks.values():
        node = {
            "name": task.name, "data": "real", "head": task.head, "length": task.length,
            "train_fraction": 1.0,
        }  # fmt: skip
        store.store(group="task", name=task.name, node=node)
    choices = [text for text in overrides if text.partition("=")[0] in GROUPS]
    values = [text for text in overrides if text not in choices]
    _check_choices(choices, tasks)
    _check_names(values)
    for group, registry in (("backbone", BACKBONES), ("strategy", STRATEGIES)):
        for name in {text.partition("=")[2] for text in choices if text.startswith(f"{group}=")}:
            if name not in group_choices(group):
                node = {**_defaults(registry.get(name).options), "name": name}
                store.store(group=group, name=name, node=node)
    folder = str(resources.configs_folder())
    # Hydra is one a process; the caller may be an application of it.
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with initialize_config_dir(config_dir=folder, version_base="1.3"):
            try:
                composed = hydra_compose("config", list(overrides))
            except HydraException:  # composing takes a while: done again only to explain
                _check_keys(values, OmegaConf.to_container(hydra_compose("config", choices)))
                raise
            raw: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
            return dict(raw)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"the settings cannot be composed: {error}") from error
    finally:
        GlobalHydra.instance().hydra = outer


def group_choices(group: str) -> list[str]:
    """Return what a configuration group offers, apart from tasks, in alphabetical order."""
    return sorted(path.stem for path in (resources.configs_folder() / group).glob("*.yaml"))


def _defaults(options: type) -> dict[str, Any]:
    """Return the settings of a plug-in, which brings no file; `???` is what the user must set."""
    return {
        f.name: as_dict(f.default)
        if f.default is not MISSING
        else as_dict(f.default_factory())
        if f.default_factory is not MISSING
        else "???"
        for f in fields(options)
    }


def _known(group: str, tasks: Mapping[str, Task]) -> list[str]:
    """Return what can be chosen of a group, installed plug-ins and all."""
    if group == "task":
        return list(tasks)
    registries: dict[str, Registry[Any]] = {"backbone": BACKBONES, "strategy": STRATEGIES}
    return sorted({*group_choices(group), *registries.get(group, ())})


def _check_choices(choices: Sequence[str], tasks: Mapping[str, Task]) -> None:
    """Check the chosen group members by name, with better messages than a failed composition."""
    chosen = [text.partition("=")[::2] for text in choices]
    if "task" not in dict(chosen):
        raise ConfigError(
            "no task is chosen", where="task", remedy="add task=NAME, one of " + ", ".join(tasks)
        )
    for group, name in chosen:
        known = _known(group, tasks)
        if name not in known and not (name == "null" and group in ("sweep", "suite")):
            raise ConfigError(
                f"there is no {group} '{name}'", where=group, remedy=did_you_mean(name, known)
            )


def _check_names(values: Sequence[str]) -> None:
    """Refuse Hydra's own settings, which do nothing here, and to rename a choice.

    A renamed choice would keep the other settings of its old name.
    """
    for text in values:
        key = text.partition("=")[0]
        if key.startswith("hydra"):
            raise ConfigError(f"unknown key '{key}'", where=key, remedy="leave it out")
        group, _, inner = key.partition(".")
        if group in GROUPS and inner == "name":
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
