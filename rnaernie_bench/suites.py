"""Suites: lists of runs, carried out one after the other; what is finished is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rnaernie_bench import resources
from rnaernie_bench.config import RunConfig, compose, expand, group_choices
from rnaernie_bench.errors import BenchError, ConfigError
from rnaernie_bench.registry import did_you_mean
from rnaernie_bench.validation import build


@dataclass(frozen=True)
class Suite:
    """The runs of a suite: the product of each grid's values, under common settings."""

    name: str
    summary: str
    common: tuple[str, ...]
    """Settings of every run, as `key=value`."""
    grids: tuple[Mapping[str, tuple[Any, ...]], ...]
    """Each maps keys to the values they take."""

    def overrides(self, extra: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """Return the settings of each run; `extra` ones come last and win.

        Raises:
            ConfigError: if one cannot be parsed.
        """
        return [
            run
            for grid in self.grids
            for values in product(*grid.values())
            for run in expand([*self.common, *map(_setting, grid, values), *extra])
        ]


def _setting(key: str, value: Any) -> str:
    return f"{key}={'null' if value is None else value}"


@dataclass(frozen=True)
class Line:
    """What became of one run of a suite."""

    overrides: tuple[str, ...]
    run_id: str | None
    """None where the run failed before it had one."""
    outcome: str
    """`finished`, `skipped`, or the error in one line."""
    failed: bool = False


def load_suite(name: str) -> Suite:
    """Return the suite called `name`.

    Raises:
        ConfigError: if there is none, or its file is wrong.
    """
    import yaml

    known = group_choices("suite")
    if name not in known:
        raise ConfigError(
            f"there is no suite '{name}'", where="suite", remedy=did_you_mean(name, known)
        )
    path = resources.configs_folder() / "suite" / f"{name}.yaml"
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"the suite cannot be read: {error}", where=path) from error
    if not isinstance(raw, dict):
        raise ConfigError("a suite is a mapping of keys", where=path)
    try:
        return build(Suite, raw)
    except ConfigError as error:
        key = f"{path}: {error.where}" if error.where else path
        raise ConfigError(error.what, where=key, remedy=error.remedy) from error


def carry_out(
    runs: Sequence[tuple[str, ...]],
    *,
    task_folders: Iterable[Path] = (),
    notify: Callable[[str], None] = lambda message: None,
) -> list[Line]:
    """Carry out runs in turn; one that fails, however it does, does not stop the others.

    Args:
        runs: the settings of each.
        task_folders: further folders of tasks.
        notify: is told, in a sentence, what happens.

    Returns:
        What became of each, in their order.

    Raises:
        ConfigError: before anything is run, if settings of any run are wrong.
    """
    from rnaernie_bench.runner import execute

    folders = list(task_folders)
    configs: list[RunConfig] = [compose(overrides, folders) for overrides in runs]
    lines = []
    for number, (overrides, config) in enumerate(zip(runs, configs, strict=True), 1):
        notify(f"[{number}/{len(runs)}] {' '.join(overrides)}")
        try:
            outcome = execute(config, task_folders=folders, notify=notify)
        except Exception as error:
            expected = isinstance(error, BenchError)
            reason = str(error) if expected else f"unexpected {type(error).__name__}: {error}"
            reason = " ".join(reason.split())  # messages of libraries run over several lines
            notify(f"failed: {reason}")
            lines.append(Line(overrides, None, reason, failed=True))
            continue
        state = "skipped" if outcome.repeated else "finished"
        notify(f"{state}: {outcome.folder}")
        lines.append(Line(overrides, outcome.record["run_id"], state))
    return lines
