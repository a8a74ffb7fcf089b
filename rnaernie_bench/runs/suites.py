"""Suites: lists of runs, executed by a launcher; what is finished is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rnaernie_bench.config.compose import compose, expand, group_choices
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import paths
from rnaernie_bench.core.documents import read_yaml
from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.launchers.jobs import Job, command, in_process, launch, opened

Notify = Callable[[str], None]
"""Receives progress messages."""


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
    known = group_choices("suite")
    if name not in known:
        raise ConfigError(
            f"there is no suite '{name}'", where="suite", remedy=did_you_mean(name, known)
        )
    path = paths.configs_folder() / "suite" / f"{name}.yaml"
    try:
        raw = read_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the suite cannot be read: {error}", where=path) from error
    if not isinstance(raw, dict):
        raise ConfigError("a suite is a mapping of keys", where=path)
    try:
        return build(Suite, raw)
    except ConfigError as error:
        key = f"{path}: {error.where}" if error.where else path
        raise ConfigError(error.what, where=key, remedy=error.remedy) from error


def run_suite(
    runs: Sequence[tuple[str, ...]],
    *,
    task_folders: Iterable[Path] = (),
    notify: Notify = lambda message: None,
) -> list[Line]:
    """Carry runs out by the launcher that they name; one that fails does not stop the others.

    With ``launcher=local launcher.n_processes=1`` they follow one another in this process.
    Otherwise each is a process of its own, which writes what it says to ``runs_dir/logs``.

    Args:
        runs: the settings of each.
        task_folders: further folders of tasks.
        notify: receives progress messages.

    Returns:
        What became of each, in their order.

    Raises:
        ConfigError: before anything is run, if settings of any run are wrong, or the launcher
            cannot be used.
    """
    folders = list(task_folders)
    configs = [compose(overrides, folders) for overrides in runs]
    if any(config.launcher != configs[0].launcher for config in configs):
        raise ConfigError("the runs of a suite have one launcher", where="launcher")
    if all(in_process(config.launcher) for config in configs):
        return _in_turn(runs, configs, folders, notify)
    return _launched(runs, configs, folders, notify)


def _in_turn(
    runs: Sequence[tuple[str, ...]],
    configs: Sequence[RunConfig],
    folders: Sequence[Path],
    notify: Notify,
) -> list[Line]:
    from rnaernie_bench.runs.runner import execute

    lines = []
    for number, (overrides, config) in enumerate(zip(runs, configs, strict=True), 1):
        notify(f"[{number}/{len(runs)}] {' '.join(overrides)}")
        try:
            outcome = execute(config, task_folders=folders, notify=notify)
        except Exception as error:
            reason = _reason(error)
            notify(f"failed: {reason}")
            lines.append(Line(overrides, None, reason, failed=True))
            continue
        state = "skipped" if outcome.repeated else "finished"
        notify(f"{state}: {outcome.folder}")
        lines.append(Line(overrides, outcome.record["run_id"], state))
    return lines


def _launched(
    runs: Sequence[tuple[str, ...]],
    configs: Sequence[RunConfig],
    folders: Sequence[Path],
    notify: Notify,
) -> list[Line]:
    """Name the runs here, then have what is not finished executed, each run once."""
    from rnaernie_bench.runs.folder import RECORD, UNFINISHED
    from rnaernie_bench.runs.plan import plan

    options, runs_dir = configs[0].launcher, configs[0].runs_dir.resolve()
    lines: list[Line | None] = [None] * len(runs)
    jobs: dict[str, Job] = {}
    ids: list[str | None] = [None] * len(runs)
    with opened(options, runs_dir / "logs") as launcher:
        for index, (overrides, config) in enumerate(zip(runs, configs, strict=True)):
            try:
                planned = plan(config, folders)
            except Exception as error:
                lines[index] = Line(overrides, None, _reason(error), failed=True)
                continue
            left = (planned.folder / UNFINISHED).exists()
            if (planned.folder / RECORD).exists() and not left:
                lines[index] = Line(overrides, planned.run_id, "skipped")
                continue
            ids[index] = planned.run_id
            log = runs_dir / "logs" / f"{planned.run_id}.log"
            jobs[planned.run_id] = Job(planned.run_id, command("run", overrides, folders), log)
        finished = sum(line is not None and not line.failed for line in lines)
        notify(f"{finished} finished before, {len(jobs)} to do, {options.n_processes} at a time")

        def ended(job: Job, failure: str) -> None:
            notify(f"{job.name}: {f'failed: {failure}' if failure else 'finished'}")

        failures = launch(launcher, list(jobs.values()), options.n_processes, ended=ended)
    outcome = dict(zip(jobs, failures, strict=True))
    return [
        line
        or Line(overrides, run_id, outcome[str(run_id)] or "finished", bool(outcome[str(run_id)]))
        for line, overrides, run_id in zip(lines, runs, ids, strict=True)
    ]


def _reason(error: Exception) -> str:
    """Return an error in one line; messages of libraries run over several."""
    expected = isinstance(error, BenchError)
    reason = str(error) if expected else f"unexpected {type(error).__name__}: {error}"
    return " ".join(reason.split())
