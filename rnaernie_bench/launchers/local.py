"""Processes on this machine, each with cores and a GPU of its own where there are enough."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.launchers import jobs
from rnaernie_bench.launchers.jobs import Job
from rnaernie_bench.task.catalogue import LauncherEntry


@dataclass(frozen=True)
class LocalOptions:
    """Options of `launcher=local`."""

    name: str
    n_processes: int = 1
    """Runs at the same time; 1: one after the other, in the process of the command itself."""

    def __post_init__(self) -> None:
        require_one(self.n_processes)


def require_one(n_processes: int) -> None:
    """Refuse to start nothing.

    Raises:
        ConfigError: if `n_processes` is below 1.
    """
    if n_processes < 1:
        raise ConfigError("the value must be 1 or more", where="launcher.n_processes")


@dataclass(frozen=True)
class _Started:
    job: Job
    process: subprocess.Popen[bytes]


class LocalLauncher:
    """Starts processes that divide the cores and GPUs of this machine.

    Args:
        n_processes: how many there are at a time.
        cores: the numbers of the cores they share.
        gpus: what `CUDA_VISIBLE_DEVICES` calls the GPUs they share; each process sees one.
    """

    def __init__(self, n_processes: int, cores: list[int], gpus: list[str]) -> None:
        self.shares = [share(cores, slot, n_processes) for slot in range(n_processes)]
        self.gpus = gpus

    def start(self, job: Job, slot: int) -> _Started:
        """Start a job on the cores and the GPU of a slot."""
        cores = self.shares[slot]
        environment = threads(len(cores))
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        process = job.start(environment)
        if hasattr(os, "sched_setaffinity"):  # pools of processes and threads count these cores
            with suppress(ProcessLookupError):  # it has ended: `poll` tells
                os.sched_setaffinity(process.pid, cores)
        return _Started(job, process)

    def poll(self, handle: _Started) -> str | None:
        """Return None while the process runs, then why it failed."""
        status = handle.process.poll()
        return None if status is None else handle.job.ending(status)

    def stop(self, handle: _Started) -> None:
        """Have the process stop."""
        jobs.stop(handle.process)

    def close(self) -> None:
        """Do nothing: nothing was taken."""


def share(cores: list[int], slot: int, n_processes: int) -> list[int]:
    """Return the cores of a slot: equal parts, or one core for several where there are fewer."""
    if len(cores) < n_processes:
        return [cores[slot % len(cores)]]
    return cores[slot * len(cores) // n_processes : (slot + 1) * len(cores) // n_processes]


def threads(count: int) -> dict[str, str]:
    """Return the variables that tell libraries how many threads to start, none that is set."""
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {name: str(count) for name in names if name not in os.environ}


def launcher(options: LocalOptions, folder: Path) -> LocalLauncher:
    """Return the launcher of some options; it needs no `folder`."""
    cores = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )
    return LocalLauncher(options.n_processes, cores, _gpus())


def _gpus() -> list[str]:
    """Return what CUDA calls the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


ENTRY = LauncherEntry(
    options=LocalOptions,
    open="rnaernie_bench.launchers.local:launcher",
    summary="processes on this machine, which divide its cores and GPUs",
)
