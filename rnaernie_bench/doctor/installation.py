"""Whether what is installed goes together, and what it computes on.

Versions are read from the metadata of distributions. Nothing heavy is imported into this process:
what must be, is imported by a process of its own, which may fail as it likes.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from rnaernie_bench.core.checks import Finding, without_home
from rnaernie_bench.core.environment import available_cores

PROJECT = "rnaernie-bench"

SHOWN = (
    "torch", "transformers", "multimolecule", "danling", "accelerate", "numpy", "scikit-learn",
    "mlflow", "optuna", "rustworkx",
)  # fmt: skip
"""The distributions whose versions are shown even if all is well."""

HEAVY = ("transformers", "multimolecule", "datasets", "mlflow", "numba", "sklearn")
"""Modules that `imports` tries."""

IMPORT_LIMIT_S = 300.0
"""The longest that an import may take."""

_EXTRAS = {
    "cmaes": "sweeps by CMA-ES",
    "lora": "strategy=lora",
    "postgres": "sweeps shared by machines",
    "structure": "folding by free energy",
}
"""What an extra is for."""

_REASONS = {"transformers": " (multimolecule needs 5.2 without declaring it)"}
"""Why a version matters, where its requirement does not tell."""

_PROBE = """
import json, torch
gpu = torch.cuda.is_available()
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if gpu else []
has = getattr(getattr(torch, "cpu", None), "get_capabilities", dict)()
print(json.dumps({
    "cpu_bf16": sorted(name for name, there in has.items() if there is True and "bf16" in name),
    "gpus": names,
    "bf16": gpu and torch.cuda.is_bf16_supported(),
    "apple": torch.backends.mps.is_available(),
    "for_gpus": bool(torch.version.cuda or torch.version.hip),
    "threads": torch.get_num_threads(),
}))
"""


def packages(installed: Callable[[str], str | None] | None = None) -> Iterator[Finding]:
    """Compare what is installed with what this package and its requirements ask for.

    Args:
        installed: returns the version of a distribution, or None; the interpreter's own if None.
    """
    from packaging.requirements import Requirement

    found = installed or _installed
    yield Finding("ok", "python", platform.python_version())
    try:
        metadata = distribution(PROJECT).metadata
    except PackageNotFoundError:
        yield Finding(
            "warning",
            PROJECT,
            "is not installed, so that its requirements are unknown",
            "run `pip install -e .` in the checkout",
        )
        return
    declared = [Requirement(text) for text in metadata.get_all("Requires-Dist") or ()]
    needed = [r for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})]
    sound = 0
    for requirement in needed:
        wrong = unmet(requirement, found(requirement.name))
        if wrong:
            remedy = f"run `pip install '{requirement.name}{requirement.specifier}'`"
            why = _REASONS.get(requirement.name, "")
            yield Finding("problem", requirement.name, wrong + why, remedy)
        elif requirement.name in SHOWN:
            yield Finding("ok", requirement.name, str(found(requirement.name)))
        else:
            sound += 1
    yield Finding("ok", "other requirements", f"{sound} are as declared")
    yield from _danling(found)
    yield from among_themselves([r.name for r in needed], found)
    for extra in metadata.get_all("Provides-Extra") or ():
        members = [r for r in declared if r.marker and r.marker.evaluate({"extra": extra})]
        if extra != "dev":
            yield from _extra(extra, [r for r in members if r not in needed], found)


def unmet(requirement: Any, found: str | None) -> str:
    """Return what is wrong with version `found` for a requirement; empty if nothing is."""
    if found is None:
        return f"is missing, {requirement.specifier or 'any version'} is needed"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{found} is installed, {requirement.specifier} is needed"
    return ""


def among_themselves(
    names: Iterable[str], found: Callable[[str], str | None], requires: Any = None
) -> Iterator[Finding]:
    """Compare what the distributions called `names` ask for with what is installed.

    Args:
        names: distributions; those that are missing are passed over.
        found: returns the version of a distribution, or None.
        requires: returns the requirements of a distribution as text; the interpreter's own if None.
    """
    from packaging.requirements import Requirement

    declared = requires or (lambda name: distribution(name).requires or ())
    for name in names:
        if found(name) is None:
            continue
        for requirement in map(Requirement, declared(name)):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            wrong = unmet(requirement, found(requirement.name))
            if wrong:
                remedy = f"run `pip install '{requirement.name}{requirement.specifier}'`"
                yield Finding(
                    "problem", f"{name} {found(name)}", f"its {requirement.name} {wrong}", remedy
                )


def accelerator() -> Iterator[Finding]:
    """Tell what is computed on, how precisely and on how many cores: torch is asked, elsewhere."""
    cores = available_cores()
    answer, complaint = _python(_PROBE)
    if complaint:
        yield Finding(
            "problem",
            "torch",
            f"cannot be imported ({complaint}); tasks, data and results work without it",
            "install it anew: `pip install --force-reinstall torch`",
        )
        yield Finding("ok", "cores", str(cores))
        return
    facts = json.loads(answer)
    yield _device(facts)
    threads = facts["threads"]
    if threads > cores:
        remedy = f"set OMP_NUM_THREADS={cores}"
        what = f"{cores}, for {threads} threads that would wait for one another"
        yield Finding("warning", "cores", what, remedy)
    else:
        yield Finding("ok", "cores", f"{cores}, of which torch uses {threads}")


def imports(modules: Iterable[str] = HEAVY) -> Iterator[Finding]:
    """Import each of `modules` in a process of its own."""
    for module in modules:
        _, complaint = _python(f"import {module}")
        if complaint:
            remedy = "install what it names, or this package anew"
            yield Finding("problem", f"import {module}", complaint, remedy)
        else:
            yield Finding("ok", f"import {module}", "works")


def plugins() -> Iterator[Finding]:
    """Load everything that can be chosen by name, what other packages bring among it."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.registry import Registry
    from rnaernie_bench.levels import LEVELS
    from rnaernie_bench.metrics.registry import METRICS
    from rnaernie_bench.task.catalogue import BACKBONES, HEADS, LAUNCHERS, STRATEGIES

    registries: dict[str, Registry[Any]] = {
        "backbones": BACKBONES,
        "strategies": STRATEGIES,
        "heads": HEADS,
        "launchers": LAUNCHERS,
        "levels": LEVELS,
        "metrics": METRICS,
    }
    for kinds, registry in registries.items():
        sound = 0
        for name in registry:
            try:
                registry.get(name)
                sound += 1
            except ConfigError as error:
                yield Finding("problem", kinds, error.what, error.remedy or "")
        yield Finding("ok", kinds, f"{sound} can be chosen")


def _device(facts: dict[str, Any]) -> Finding:
    """Return the accelerator and the precision that `trainer.precision=auto` stands for."""
    if facts["gpus"]:
        precision = "bf16" if facts["bf16"] else "fp32"
        return Finding("ok", "accelerator", f"{', '.join(facts['gpus'])}; trains in {precision}")
    if facts["apple"]:
        return Finding("ok", "accelerator", "Apple GPU; trains in fp32")
    if _has_nvidia_gpu():
        reason = "does not reach it" if facts["for_gpus"] else "is built for CPUs alone"
        return Finding(
            "warning",
            "accelerator",
            f"there is an NVIDIA GPU, but this torch {reason}",
            "install the torch build that fits the driver (pytorch.org says which)",
        )
    low = ", ".join(facts["cpu_bf16"])
    trains = (
        f"has {low}; trains in bf16 where that is measured to be faster"
        if low
        else ("trains in fp32")
    )
    return Finding("ok", "accelerator", f"none, a CPU; {trains}")


def _danling(found: Callable[[str], str | None]) -> Iterator[Finding]:
    multimolecule, danling = found("multimolecule"), found("danling")
    if multimolecule == "0.2.2" and danling:
        what = f"{danling}; multimolecule's own mmtrain fails with it, nothing here uses that"
        yield Finding("ok", "danling", what)


def _extra(
    extra: str, members: Iterable[Any], found: Callable[[str], str | None]
) -> Iterator[Finding]:
    use = f" (for {_EXTRAS[extra]})" if extra in _EXTRAS else ""
    remedy = f"run `pip install '{PROJECT}[{extra}]'` if you want it"
    for requirement in members:
        wrong = unmet(requirement, found(requirement.name))
        what = wrong or str(found(requirement.name))
        subject = f"{requirement.name}, extra {extra}{use}"
        yield Finding("warning" if wrong else "ok", subject, what, remedy if wrong else "")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _has_nvidia_gpu() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _python(code: str) -> tuple[str, str]:
    """Run code in an interpreter like this one; return its last line, and why it failed, if so."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            timeout=IMPORT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return "", type(error).__name__
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
        return "", without_home(lines[-1])
    return (done.stdout.strip().splitlines() or [""])[-1], ""
