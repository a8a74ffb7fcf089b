"""Suites: lists of runs, or of other suites, executed by a launcher; what is done is skipped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.config.compose import compose, expand, group_choices
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import paths
from rnaernie_bench.core.documents import read_yaml
from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.core.time_limit import INTERRUPTED
from rnaernie_bench.launchers.jobs import (
    Job,
    command,
    hidden_environment,
    in_process,
    launch,
    opened,
)

if TYPE_CHECKING:
    from rnaernie_bench.runs.loaders import Loaders

Notify = Callable[[str], None]
"""Receives progress messages."""


TIER = "tier"
"""A key of grids that is no setting: runs of lower tiers come first. 1 where there is none."""

NOT_STARTED = "not started: the time is over"


@dataclass(frozen=True)
class _Choice:
    """A run: its settings, and the values that its grid gave it."""

    settings: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Suite:
    """The runs of a suite: the product of each grid's values, under common settings."""

    name: str
    summary: str
    common: tuple[str, ...] = ()
    """Settings of every run, as `key=value`."""
    grids: tuple[Mapping[str, tuple[Any, ...]], ...] = ()
    """Each maps keys to the values they take."""
    suites: tuple[str, ...] = ()
    """Other suites, whose runs are its own."""
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """The values of grids that runs may have; those of grids without the key stay."""

    def overrides(self, extra: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """Return the settings of each run, in the order of tiers; `extra` ones come last and win.

        Raises:
            ConfigError: if one cannot be parsed, or a suite that this one holds is wrong.
        """
        choices = sorted(self._choices(), key=lambda choice: choice.values.get(TIER, 1))
        return [run for each in choices for run in expand([*each.settings, *extra])]

    def _choices(self, inside: tuple[str, ...] = ()) -> Iterator[_Choice]:
        """Yield all runs, those of the suites that it holds last."""
        if self.name in inside:
            raise ConfigError(f"the suite '{self.name}' holds itself", where="suite")
        own = (
            _Choice(tuple(_setting(key, grid[key]) for key in grid if key != TIER), grid)
            for choices in self.grids
            for values in product(*choices.values())
            for grid in [dict(zip(choices, values, strict=True))]
        )
        held = (
            choice
            for name in self.suites
            for choice in load_suite(name)._choices((*inside, self.name))
        )
        for choice in (*own, *held):
            if all(choice.values.get(key, kept[0]) in kept for key, kept in self.only.items()):
                yield replace(choice, settings=(*self.common, *choice.settings))


def _setting(key: str, value: Any) -> str:
    return f"{key}={'null' if value is None else value}"


@dataclass(frozen=True)
class Line:
    """What became of one run of a suite."""

    overrides: tuple[str, ...]
    run_id: str | None
    """None where the run failed before it had one."""
    outcome: str
    """`finished`, `skipped`, `in results`, that time ended it, or the error in one line."""
    failed: bool = False
    left: bool = False
    """Whether the time ended before it."""


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
    minutes: float | None = None,
    again: bool = False,
    notify: Notify = lambda message: None,
) -> list[Line]:
    """Carry runs out by the launcher that they name; one that fails does not stop the others.

    With ``launcher=local launcher.n_processes=1`` they follow one another in this process.
    Otherwise each is a process of its own, which writes what it says to ``runs_dir/logs``.

    Args:
        runs: the settings of each.
        task_folders: further folders of tasks.
        minutes: after which no run is started, and one that goes on is interrupted, to be continued
            by the next call; None: as long as it takes.
        again: carry out runs, too, whose records stand in the folder of results.
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
    work = _Work(runs, configs, folders, _Clock(minutes), again, notify)
    if all(in_process(config.launcher) for config in configs):
        return _in_turn(work)
    return _launched(work)


class _Clock:
    """The time that a suite has."""

    def __init__(self, minutes: float | None) -> None:
        self._ends = math.inf if minutes is None else time.monotonic() + 60 * minutes

    @property
    def minutes_left(self) -> float:
        """The minutes that are left; below 0 once the time is over."""
        return (self._ends - time.monotonic()) / 60

    def limit_of(self, config: RunConfig) -> float | None:
        """Return the minutes that a run may take, its own limit counted; None: any."""
        least = min(config.trainer.max_train_minutes or math.inf, self.minutes_left)
        return None if least == math.inf else least

    def ended(self, reason: str) -> bool:
        """Return whether a run ended since the time of the suite was over."""
        return self.minutes_left < 1 and INTERRUPTED in reason


@dataclass(frozen=True)
class _Work:
    """What is to be carried out, and how."""

    runs: Sequence[tuple[str, ...]]
    configs: Sequence[RunConfig]
    folders: Sequence[Path]
    clock: _Clock
    again: bool
    notify: Notify


def _in_turn(work: _Work) -> list[Line]:
    from rnaernie_bench.runs.loaders import cached_loaders
    from rnaernie_bench.runs.runner import execute

    lines, notify, loaders = list[Line](), work.notify, cached_loaders()
    for number, (overrides, config) in enumerate(zip(work.runs, work.configs, strict=True), 1):
        if work.clock.minutes_left <= 0:
            lines.append(Line(overrides, None, NOT_STARTED, left=True))
            continue
        notify(f"[{number}/{len(work.runs)}] {without_secrets(' '.join(overrides))}")
        recorded = None if work.again else _recorded(config, work.folders, loaders)
        if recorded:
            notify("in results")
            lines.append(Line(overrides, recorded, "in results"))
            continue
        trainer = replace(config.trainer, max_train_minutes=work.clock.limit_of(config))
        try:
            outcome = execute(
                replace(config, trainer=trainer), task_folders=work.folders, notify=notify
            )
        except Exception as error:
            reason = _reason(error)
            left = work.clock.ended(reason)
            notify(reason if left else f"failed: {reason}")
            lines.append(Line(overrides, None, reason, failed=not left, left=left))
            continue
        state = "skipped" if outcome.repeated else "finished"
        notify(f"{state}: {outcome.folder}")
        lines.append(Line(overrides, outcome.record["run_id"], state))
    return lines


def _recorded(config: RunConfig, folders: Sequence[Path], loaders: Loaders) -> str | None:
    """Return the id of a run whose record stands in the folder of results, else None."""
    from rnaernie_bench.runs.plan import plan

    known = config.results_dir / config.task.name
    if config.task.data == "simulated" or not known.is_dir():
        return None
    try:
        run_id = plan(config, folders, loaders).run_id
    except BenchError:
        return None  # whoever executes it will say so
    return run_id if any(known.glob(f"*/{run_id}.json")) else None


def _launched(work: _Work) -> list[Line]:
    """Name the runs here, then have what is not finished executed, each run once."""
    from rnaernie_bench.runs.folder import RECORD, UNFINISHED
    from rnaernie_bench.runs.loaders import cached_loaders
    from rnaernie_bench.runs.plan import plan

    options, runs_dir = work.configs[0].launcher, work.configs[0].runs_dir.resolve()
    lines: list[Line | None] = [None] * len(work.runs)
    jobs: dict[str, Job] = {}
    settings: dict[str, tuple[tuple[str, ...], RunConfig]] = {}
    ids: list[str | None] = [None] * len(work.runs)
    loaders = cached_loaders()
    with opened(options, runs_dir / "logs") as launcher:
        for index, (overrides, config) in enumerate(zip(work.runs, work.configs, strict=True)):
            try:
                planned = plan(config, work.folders, loaders)
            except Exception as error:
                lines[index] = Line(overrides, None, _reason(error), failed=True)
                continue
            left = (planned.folder / UNFINISHED).exists()
            if (planned.folder / RECORD).exists() and not left:
                lines[index] = Line(overrides, planned.run_id, "skipped")
                continue
            if not work.again and _recorded(config, work.folders, loaders):
                lines[index] = Line(overrides, planned.run_id, "in results")
                continue
            ids[index] = planned.run_id
            log = runs_dir / "logs" / f"{planned.run_id}.log"
            arguments = command("run", overrides, work.folders)
            jobs[planned.run_id] = Job(
                planned.run_id, arguments, log, environment=hidden_environment(overrides)
            )
            settings[planned.run_id] = overrides, config
        finished = sum(line is not None and not line.failed for line in lines)
        at_once = options.n_processes
        work.notify(f"{finished} finished before, {len(jobs)} to do, {at_once} at a time")

        def limited(job: Job) -> Job | None:
            """Give a job that is about to start the time that is left, if there is any."""
            overrides, config = settings[job.name]
            limit = work.clock.limit_of(config)
            if limit is None:
                return job
            if limit <= 0:
                return None
            limited = (*overrides, f"trainer.max_train_minutes={limit:.3f}")
            return replace(job, arguments=command("run", limited, work.folders))

        def ended(job: Job, failure: str) -> None:
            word = "" if work.clock.ended(failure) else "failed: "
            work.notify(f"{job.name}: {f'{word}{failure}' if failure else 'finished'}")

        waiting = list(jobs.values())
        failures = launch(launcher, waiting, at_once, prepared=limited, ended=ended)
    outcome = dict(zip(jobs, failures, strict=True))

    def line_of(overrides: tuple[str, ...], run_id: str) -> Line:
        failure = outcome[run_id]
        if failure is None:
            return Line(overrides, run_id, NOT_STARTED, left=True)
        left = work.clock.ended(failure)
        failed = bool(failure) and not left
        return Line(overrides, run_id, failure or "finished", failed=failed, left=left)

    return [
        line or line_of(overrides, str(run_id))
        for line, overrides, run_id in zip(lines, work.runs, ids, strict=True)
    ]


def _reason(error: Exception) -> str:
    """Return an error in one line; messages of libraries run over several."""
    expected = isinstance(error, BenchError)
    reason = str(error) if expected else f"unexpected {type(error).__name__}: {error}"
    return " ".join(reason.split())
