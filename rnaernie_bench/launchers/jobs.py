"""Commands that a launcher starts, and how many of them are kept going.

A job is a command of this package in a process of its own, wherever it runs: what kills it kills
no other. A process reads its standard input, which ends when its launcher does, however that ends;
then it stops as after Ctrl-C. So none is left behind to hold the folder of a run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rnaernie_bench.core.files import as_bench_error
from rnaernie_bench.core.secrets import has_secrets
from rnaernie_bench.task.catalogue import LAUNCHERS, resolve

POLL_S = 0.1
"""Between two looks at what is going on."""

STOP_S = 15.0
"""What a process gets to stop in before it is killed."""

_CARRIED = ("RNAERNIE_BENCH_", "HF_", "MLFLOW_", "PYTHONPATH")
"""Beginnings of the variables that a job takes along to another machine."""


HIDDEN = "RNAERNIE_BENCH_SETTINGS"
"""The variable that has further settings of a job, as a JSON list: others can see its arguments."""


def hidden_environment(overrides: Sequence[str]) -> dict[str, str]:
    """Return the variables of a job: those it needs anywhere, and settings that hold a secret."""
    hidden = [text for text in overrides if has_secrets(text)]
    return {**carried_environment(), **({HIDDEN: json.dumps(hidden)} if hidden else {})}


def carried_environment() -> dict[str, str]:
    """Return the variables of this process that a job needs wherever it runs."""
    return {name: value for name, value in os.environ.items() if name.startswith(_CARRIED)}


@dataclass(frozen=True)
class Job:
    """One command, such as a run of a suite or a worker of a sweep."""

    name: str
    """Its name in messages; different for each job of a launch."""
    arguments: tuple[str, ...]
    """Of `rnaernie-bench`, the subcommand first."""
    log: Path
    """Takes what the command says."""
    folder: Path = field(default_factory=Path.cwd)
    """Where it is started; every machine has to see it, and what the arguments name."""
    environment: Mapping[str, str] = field(default_factory=carried_environment)

    def start(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start the command on this machine.

        Args:
            environment: variables that this place adds, such as a number of threads.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "rnaernie_bench.cli.worker", *self.arguments],
                cwd=self.folder,
                env={**os.environ, **self.environment, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self, environment: Mapping[str, str] | None = None) -> str:
        """Run the command on this machine and return what `ending` says of it."""
        process = self.start(environment)
        try:
            process.wait()
        finally:
            stop(process)
        return self.ending(process.returncode)

    def ending(self, status: int) -> str:
        """Return why the command failed, in a line; empty if it did not."""
        if status == 0:
            return ""
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        lines = [line for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("rnaernie-bench: ")] or lines
        return errors[-1].removeprefix("rnaernie-bench: ") if errors else f"exit status {status}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """Have a started command stop, if it has not; kill it if it takes long."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def in_process(options: Any) -> bool:
    """Return whether a launcher stands for one run after the other, in the calling process."""
    return bool(options.name == "local" and options.n_processes == 1)


def command(name: str, overrides: Sequence[str], folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the arguments of a subcommand with these settings, but for the launcher of all.

    Settings that hold a secret are left to `hidden_environment`.

    Args:
        name: of the subcommand.
        overrides: ``key=value`` settings.
        folders: further folders of tasks.
    """
    shown = [text for text in overrides if not has_secrets(text)]
    kept = [text for text in shown if text.partition("=")[0].partition(".")[0] != "launcher"]
    paths = [word for folder in folders for word in ("--task-path", str(folder.resolve()))]
    return (name, *kept, *paths)


class Launcher(Protocol):
    """Somewhere to run jobs."""

    def start(self, job: Job, slot: int) -> Any:
        """Start a job and return a handle of it.

        Args:
            job: the job.
            slot: from 0 to below ``n_processes``, and no other's while it runs.
        """
        ...

    def poll(self, handle: Any) -> str | None:
        """Return None while the job runs, then why it failed; empty if it did not."""
        ...

    def stop(self, handle: Any) -> None:
        """End a job that is no longer wanted."""
        ...

    def close(self) -> None:
        """Give back what was taken to run jobs."""
        ...


@contextmanager
def opened(options: Any, folder: Path) -> Iterator[Launcher]:
    """Give the launcher of some settings, ready for jobs.

    Args:
        options: of a launcher: a dataclass with its ``name`` and ``n_processes``.
        folder: for files of its own; every machine has to see it.

    Raises:
        ConfigError: if it is unknown, an extra is missing, or what it needs cannot be reached.
    """
    launcher: Launcher = resolve(LAUNCHERS.get(options.name).open)(options, folder)
    try:
        yield launcher
    finally:
        launcher.close()


def launch(
    launcher: Launcher,
    jobs: Sequence[Job],
    n_processes: int,
    *,
    prepared: Callable[[Job], Job | None] = lambda job: job,
    ended: Callable[[Job, str], None] = lambda job, failure: None,
) -> list[str | None]:
    """Run jobs, `n_processes` at a time; one that fails does not stop the others.

    Args:
        launcher: see `opened`.
        jobs: what is to be done, in the order of starting.
        n_processes: the most that run at once.
        prepared: called with each job before it starts, returns what is started in its place; None
            if it is not to start.
        ended: called with each job that has ended and the reason of its failure.

    Returns:
        Of each job why it failed, empty if it did not, None if it was not started.
    """
    failures: list[str | None] = [None] * len(jobs)
    waiting, free = list(range(len(jobs))), list(range(n_processes))
    going: dict[int, tuple[int, Any]] = {}
    try:
        while waiting or going:
            while waiting and free:
                index = waiting.pop(0)
                job = prepared(jobs[index])
                if job is None:
                    continue
                slot = free.pop(0)
                try:
                    going[index] = slot, launcher.start(job, slot)
                except OSError as error:
                    raise as_bench_error(error, jobs[index].log) or error from error
            over = {i: f for i, (_, h) in going.items() if (f := launcher.poll(h)) is not None}
            for index, failure in over.items():
                free.append(going.pop(index)[0])
                failures[index] = failure
                ended(jobs[index], failure)
            if not over:
                time.sleep(POLL_S)
    finally:
        for _, handle in going.values():
            launcher.stop(handle)
    return failures
