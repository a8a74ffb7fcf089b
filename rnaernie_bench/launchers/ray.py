"""Ray: jobs as tasks of a cluster, with the resources they ask for, again where a node is lost."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.launchers.jobs import Job
from rnaernie_bench.launchers.local import require_one, threads
from rnaernie_bench.task.catalogue import LauncherEntry

CONNECT_S = 5.0
"""How long the head of a cluster may take to answer."""


@dataclass(frozen=True)
class RayOptions:
    """Options of `launcher=ray`."""

    name: str
    n_processes: int = 4
    """Jobs handed to the cluster at a time; their resources decide how many run at once."""
    address: str | None = None
    """`HOST:PORT` of a cluster's head, `auto` for the one this machine belongs to; null: a cluster
    of this machine alone, for as long as the command takes."""
    cpus: float = 1.0
    """Of a job."""
    gpus: float = 0.0
    """Of a job."""
    retries: int = 3
    """How often a job is started again whose node or worker was lost."""

    def __post_init__(self) -> None:
        require_one(self.n_processes)
        if self.cpus <= 0:
            raise ConfigError("the value must be above 0", where="launcher.cpus")
        if self.gpus < 0:
            raise ConfigError("the value must be 0 or more", where="launcher.gpus")
        if self.retries < 0:
            raise ConfigError("the value must be 0 or more", where="launcher.retries")


class RayLauncher:
    """Carries jobs out as Ray tasks.

    Args:
        ray: the library, connected to a cluster.
        options: resources of a job.
        connected: whether to disconnect in the end.
    """

    def __init__(self, ray: Any, options: RayOptions, *, connected: bool) -> None:
        self.ray = ray
        self.connected = connected
        self.threads = threads(max(1, round(options.cpus)))
        self.task = ray.remote(
            num_cpus=options.cpus, num_gpus=options.gpus, max_retries=options.retries
        )(_run_job)

    def start(self, job: Job, slot: int) -> Any:
        """Hand a job to the cluster."""
        return self.task.options(name=job.name).remote(job, self.threads)

    def poll(self, handle: Any) -> str | None:
        """Return None while the job runs, or waits, then why it failed."""
        if not self.ray.wait([handle], timeout=0)[0]:
            return None
        try:
            failure: str = self.ray.get(handle)
        except self.ray.exceptions.RayError as error:  # lost more often than it is retried
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
        return failure

    def stop(self, handle: Any) -> None:
        """Cancel a job; its process ends with the task."""
        self.ray.cancel(handle, force=True)

    def close(self) -> None:
        """Leave the cluster; one that was started for this launcher ends."""
        if self.connected:
            self.ray.shutdown()


def _run_job(job: Job, environment: dict[str, str]) -> str:
    return job.run(environment)


def launcher(options: RayOptions, folder: Path) -> RayLauncher:
    """Return a launcher that is connected to a cluster; it needs no `folder`.

    Raises:
        ConfigError: if Ray is not installed, the cluster does not answer, or no node of it has
            what a job asks for.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "launcher=ray needs the library ray",
            where="launcher",
            remedy="pip install 'rnaernie-bench[ray]'",
        ) from error
    _require_answer(options.address)
    connected = not ray.is_initialized()
    if connected:
        local = {} if options.address else {"include_dashboard": False}
        try:
            ray.init(address=options.address or "local", log_to_driver=False, **local)
        except Exception as error:  # Ray raises bare ones
            raise _unreachable(options.address, str(error)) from error
    opened = RayLauncher(ray, options, connected=connected)
    requested = {"CPU": options.cpus, "GPU": options.gpus}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(k, 0.0) >= v for k, v in requested.items()) for node in nodes):
        opened.close()
        raise ConfigError(
            f"no node of the cluster has {options.cpus:g} CPUs and {options.gpus:g} GPUs",
            where="launcher",
            remedy="lower launcher.cpus or launcher.gpus",
        )
    return opened


def _require_answer(address: str | None) -> None:
    """Refuse a cluster that does not answer, which Ray itself would take a minute to find out."""
    if address is None or address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str | None, reason: str) -> ConfigError:
    if address is None:
        return ConfigError(
            f"Ray does not start on this machine: {reason}",
            where="launcher",
            remedy="use launcher=local, or give launcher.address of a cluster",
        )
    return ConfigError(
        f"no Ray cluster answers at '{address}': {reason}",
        where="launcher.address",
        remedy="give HOST:PORT of its head, or null to start one on this machine",
    )


ENTRY = LauncherEntry(
    options=RayOptions,
    open="rnaernie_bench.launchers.ray:launcher",
    summary="tasks of a Ray cluster (extra `ray`)",
)
