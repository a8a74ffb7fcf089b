"""Slurm, by submitit: each job is one of the cluster's, and queued again when its time is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.launchers.jobs import Job
from rnaernie_bench.launchers.local import require_one, threads
from rnaernie_bench.task.catalogue import LauncherEntry


@dataclass(frozen=True)
class SlurmOptions:
    """Options of `launcher=slurm`."""

    name: str
    n_processes: int = 8
    """Jobs that wait or run at the same time."""
    cluster: Literal["slurm", "local"] = "slurm"
    """`local` starts the same jobs on this machine, to try settings out."""
    partition: str | None = None
    account: str | None = None
    minutes: int = 120
    """Of a job; one whose time is over is queued again, and continues from its checkpoint."""
    cpus: int = 4
    """Of a job."""
    gpus: int = 0
    """Of a job."""
    memory_gb: float | None = None
    """Of a job; null: what the cluster gives."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Further options of sbatch, such as ``{qos: high}``."""

    def __post_init__(self) -> None:
        require_one(self.n_processes)
        for name in ("minutes", "cpus"):
            if getattr(self, name) < 1:
                raise ConfigError("the value must be 1 or more", where=f"launcher.{name}")
        if self.gpus < 0:
            raise ConfigError("the value must be 0 or more", where="launcher.gpus")
        if self.memory_gb is not None and self.memory_gb <= 0:
            raise ConfigError("the value must be above 0, or null", where="launcher.memory_gb")


@dataclass(frozen=True)
class Resumable:
    """A job as submitit carries it out: called on the node, and queued again when it must end."""

    job: Job
    environment: Mapping[str, str]

    def __call__(self) -> str:
        """Carry the job out and return why it failed."""
        return self.job.run(self.environment)

    def checkpoint(self) -> Any:
        """Return what submitit queues in its place when time is over or the node is needed."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class SlurmLauncher:
    """Submits jobs by submitit.

    Args:
        executor: of submitit, with the resources of a job.
        environment: variables of a job.
    """

    def __init__(self, executor: Any, environment: Mapping[str, str]) -> None:
        self.executor = executor
        self.environment = environment

    def start(self, job: Job, slot: int) -> Any:
        """Submit a job."""
        self.executor.update_parameters(name=f"rnaernie-bench {job.name}")
        return self.executor.submit(Resumable(job, self.environment))

    def poll(self, handle: Any) -> str | None:
        """Return None while the job waits or runs, then why it failed."""
        if not handle.done():
            return None
        error = handle.exception()
        if error is not None:
            return f"job {handle.job_id}: {' '.join(str(error).split())}"
        failure: str = handle.result()
        return failure

    def stop(self, handle: Any) -> None:
        """Take a job out of the queue."""
        handle.cancel()

    def close(self) -> None:
        """Do nothing: nothing was taken."""


def launcher(options: SlurmOptions, folder: Path) -> SlurmLauncher:
    """Return a launcher whose job files lie in ``folder/slurm``.

    Raises:
        ConfigError: if submitit is not installed, or this is no machine of a cluster.
    """
    try:
        import submitit
    except ImportError as error:
        raise ConfigError(
            "launcher=slurm needs the library submitit",
            where="launcher",
            remedy="pip install 'rnaernie-bench[slurm]'",
        ) from error
    try:
        executor = submitit.AutoExecutor(folder / "slurm", cluster=options.cluster)
    except RuntimeError as error:
        raise ConfigError(
            f"Slurm cannot be used here: {error}",
            where="launcher",
            remedy="start the command where sbatch works, or try with launcher.cluster=local",
        ) from error
    executor.update_parameters(
        timeout_min=options.minutes,
        cpus_per_task=options.cpus,
        gpus_per_node=options.gpus,
        **({} if options.memory_gb is None else {"mem_gb": options.memory_gb}),
    )
    if options.cluster == "slurm":
        chosen = {"partition": options.partition, "account": options.account}
        requested = {key: value for key, value in chosen.items() if value is not None}
        executor.update_parameters(
            **{f"slurm_{key}": value for key, value in requested.items()},
            **(
                {"slurm_additional_parameters": dict(options.parameters)}
                if options.parameters
                else {}
            ),
        )
    return SlurmLauncher(executor, threads(options.cpus))


ENTRY = LauncherEntry(
    options=SlurmOptions,
    open="rnaernie_bench.launchers.slurm:launcher",
    summary="jobs of a Slurm cluster, by submitit (extra `slurm`)",
)
