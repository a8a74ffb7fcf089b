"""Where a run took place and what it cost: for the record, never for the run id.

Nothing here names the host, the user or a path.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

from rnaernie_bench import __version__

MEBIBYTE = 2**20

PACKAGES = ("torch", "transformers", "multimolecule", "accelerate", "numpy", "scikit-learn")
"""The distributions whose versions can change a result."""

SAMPLES_PER_SECOND = 20


def describe() -> dict[str, str | int | list[str] | None]:
    """Return the software and hardware of this process, ready for JSON.

    Versions are read from installed metadata, so nothing heavy is imported. `accelerator` and
    `threads` are null where torch was not loaded: such a run used neither.
    """
    torch = sys.modules.get("torch")
    return {
        "rnaernie_bench": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        **({"bf16_features": bf16_features()} if torch else {}),
        "cores": available_cores(),
        "threads": torch.get_num_threads() if torch else None,
        "accelerator": _accelerator(),
        **{name: _version(name) for name in PACKAGES},
    }


def git_commit() -> str | None:
    """Return the commit of the checkout this package runs from, or None outside of one.

    `-dirty` is appended where code, tasks or settings differ from the commit, or are new.
    """
    root = Path(__file__).resolve().parents[2]
    # A package installed inside somebody else's repository must not report their commit.
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git(root, "status", "--porcelain", "--", "rnaernie_bench", "tasks", "configs")
    return f"{commit}-dirty" if changes else commit


def peak_rss_mb() -> float:
    """Return the largest resident memory this process ever had, in MiB.

    It never falls: the cost of one block of a longer process is `PeakMemory`'s to measure.
    """
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / MEBIBYTE
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return peak * unit / MEBIBYTE


def peak_gpu_mb() -> float | None:
    """Return the most GPU memory torch held since the start or `PeakMemory`, in MiB.

    Summed over the visible GPUs; None if there is none or torch was not loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    devices = range(torch.cuda.device_count())
    return sum(torch.cuda.max_memory_allocated(device) for device in devices) / MEBIBYTE


class PeakMemory:
    """The peak memory of a block, sampled 20 times a second in a thread of its own.

        with PeakMemory() as memory:
            train()
        memory.rss_mb, memory.gpu_mb

    Only this process is measured, not its workers. Peaks shorter than 50 ms can be missed.
    """

    rss_mb: float
    """The largest resident memory seen, in MiB."""
    gpu_mb: float | None
    """As `peak_gpu_mb`, for the block alone."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self.rss_mb = 0.0
        self.gpu_mb = None

    def __enter__(self) -> Self:
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():  # else there is nothing to reset
            for device in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(device)
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        self.gpu_mb = peak_gpu_mb()

    def _watch(self) -> None:
        while not self._stop.wait(1 / SAMPLES_PER_SECOND):
            self._sample()

    def _sample(self) -> None:
        self.rss_mb = max(self.rss_mb, self._process.memory_info().rss / MEBIBYTE)


def cpu_model() -> str | None:
    """Return what the processor calls itself, if that can be read."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def bf16_features() -> list[str]:
    """Return the names of the instructions for bfloat16 that this processor has, sorted.

    Such as `avx512_bf16` and `amx_bf16`. None are known where torch was not loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities().items()
        return sorted(name for name, has in found if has is True and "bf16" in name)
    earlier = {
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported,
        "amx_bf16": torch.cpu._is_amx_tile_supported,
    }
    return sorted(name for name, has in earlier.items() if has())


def available_cores() -> int:
    """Count the logical cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _accelerator() -> str | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return f"{count} x {torch.cuda.get_device_name(0)}"
    return "Apple GPU" if torch.backends.mps.is_available() else None


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it is missing or refuses."""
    # A hook's or a user's GIT_DIR would point at another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
