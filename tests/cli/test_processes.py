"""The command line in processes of its own: what it imports, and streams that are gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def script(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with standard output buffered as usual."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "rnaernie_bench.cli.main", *arguments],
        text=True, check=False, timeout=120, env=environment, **options,
    )  # fmt: skip


BASELINE = "run task=ncrna_cls task.data=simulated backbone=majority tracking=none"


HEAVY = (
    "torch", "multimolecule", "transformers", "pandas", "scipy", "sklearn", "mlflow",
    "matplotlib", "datasets", "numba",
)  # fmt: skip


NOT_FOR_BASELINES = (
    "torch", "torch.distributed", "multimolecule", "transformers", "scipy.stats", "sklearn",
    "mlflow", "matplotlib", "datasets", "numba",
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY),
        (["tasks", "list"], HEAVY),
        (["leaderboard"], HEAVY),
        (BASELINE.split(), NOT_FOR_BASELINES),
    ],
)
def test_commands_import_nothing_that_they_do_not_need(
    tmp_path: Path, arguments: list[str], heavy: tuple[str, ...]
) -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', *sys.modules))\n"
        "from rnaernie_bench.cli.main import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        text=True, capture_output=True, check=False, timeout=120, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("LOADED ")[2].split())
    assert "rnaernie_bench.cli.main" in loaded
    assert loaded.isdisjoint(heavy)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_that_is_full() -> None:
    with Path("/dev/full").open("w") as full:
        done = script("tasks", "list", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == (
        "rnaernie-bench: output: cannot be written: no space is left; "
        "free some or choose another folder\n"
    )


def test_a_reader_that_goes_away_is_no_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = script("tasks", "show", "ncrna_cls", stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_uncaught_error_becomes_an_exit_status(tmp_path: Path) -> None:
    done = script("run", "task=nothing", capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "rnaernie-bench: task: there is no task 'nothing'; choose one of "
    )
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_streams_that_the_caller_has_closed_are_no_failure(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m rnaernie_bench.cli.main tasks list >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False, cwd=tmp_path).returncode == 0
