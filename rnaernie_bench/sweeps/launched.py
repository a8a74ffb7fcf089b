"""A sweep by several processes of a launcher, each of which carries the same sweep out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.launchers.jobs import Job, command, hidden_environment, launch, opened
from rnaernie_bench.sweeps.setup import Sweep

logger = logging.getLogger(__name__)


def launch_workers(
    sweep: Sweep,
    overrides: Sequence[str],
    task_folders: Iterable[Path] = (),
    notify: Callable[[str], None] = logger.info,
) -> None:
    """Have workers of the launcher search, and test the best settings, until that is done.

    Args:
        sweep: what is searched.
        overrides: the settings that it was set up from.
        task_folders: further folders of tasks.
        notify: receives progress messages.

    Raises:
        ConfigError: if the launcher cannot be used.
        BenchError: if every worker failed.
    """
    options, runs_dir = sweep.config.launcher, sweep.config.runs_dir.resolve()
    arguments = command("sweep", overrides, task_folders)
    environment = hidden_environment(overrides)
    if variable := sweep.options.storage_env:
        environment[variable] = os.environ[variable]
    logs = [
        runs_dir / "logs" / f"{sweep.study}-{number}.log"
        for number in range(1, options.n_processes + 1)
    ]
    jobs = [
        Job(f"worker {number}", arguments, log, environment=environment)
        for number, log in enumerate(logs, start=1)
    ]

    def ended(job: Job, failure: str) -> None:
        notify(f"{job.name}: {f'failed: {failure}' if failure else 'finished'}")

    with opened(options, runs_dir / "logs") as launcher:
        notify(f"{options.n_processes} workers on study {sweep.study}")
        failures = launch(launcher, jobs, options.n_processes, ended=ended)
    if all(failures):
        raise BenchError(
            f"every worker failed: {failures[0]}",
            where=jobs[0].log,
            remedy="fix the cause; repeated, the sweep continues",
        )
