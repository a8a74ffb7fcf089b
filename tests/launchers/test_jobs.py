"""Jobs as processes: what they say, how they end, how many go on, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.launchers.jobs import Job, launch, opened
from rnaernie_bench.launchers.local import LocalLauncher, LocalOptions, share
from rnaernie_bench.launchers.ray import RayOptions
from rnaernie_bench.launchers.slurm import SlurmOptions


@dataclass
class Imagined:
    """A launcher whose jobs end in the second look; those called `bad` fail."""

    going: dict[int, int] = field(default_factory=dict)
    most: int = 0
    slots: list[int] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def start(self, job: Job, slot: int) -> int:
        assert slot not in (self.slots[handle] for handle in self.going)
        self.slots.append(slot)
        self.names.append(job.name)
        handle = len(self.slots) - 1
        self.going[handle] = 2
        self.most = max(self.most, len(self.going))
        return handle

    def poll(self, handle: int) -> str | None:
        self.going[handle] -= 1
        if self.going[handle]:
            return None
        del self.going[handle]
        return "it is bad" if self.names[handle] == "bad" else ""

    def stop(self, handle: int) -> None:
        self.stopped.append(handle)

    def close(self) -> None:
        pass


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    return lambda *arguments: Job(" ".join(arguments), arguments, tmp_path / "logs" / "job.log")


def test_so_many_at_a_time_and_failures_stop_nothing(job: Callable[..., Job]) -> None:
    launcher, told = Imagined(), []
    jobs = [job(name) for name in ("a", "bad", "b", "c")]
    failures = launch(launcher, jobs, 2, ended=lambda job, why: told.append((job.name, why)))
    assert failures == ["", "it is bad", "", ""]
    assert (launcher.most, set(launcher.slots), launcher.names) == (
        2,
        {0, 1},
        ["a", "bad", "b", "c"],
    )
    assert told == [("a", ""), ("bad", "it is bad"), ("b", ""), ("c", "")]


def test_an_interrupt_stops_what_goes_on(job: Callable[..., Job]) -> None:
    launcher = Imagined()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch(launcher, [job("a"), job("b"), job("c")], 3, ended=interrupt)
    assert launcher.stopped == [1, 2]


def test_a_command_says_why_it_failed(job: Callable[..., Job]) -> None:
    assert job("--version").run() == ""
    failure = job("run", "task=none").run()
    assert failure.startswith("task: there is no task 'none'; ")
    assert failure in job("run").log.read_text()


def test_a_killed_command_is_one_that_failed(job: Callable[..., Job]) -> None:
    assert job("run").ending(-signal.SIGKILL) == "killed by SIGKILL"
    assert job("run").ending(1) == "exit status 1"


def test_cores_are_divided() -> None:
    cores = list(range(5))
    assert [share(cores, slot, 2) for slot in range(2)] == [[0, 1], [2, 3, 4]]
    assert [share([3, 7], slot, 3) for slot in range(3)] == [[3], [7], [3]]


def test_threads_and_gpus_are_divided(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []

    class Ended:
        pid = os.getpid()

    def start(self: Job, environment: dict[str, str]) -> Ended:
        seen.append(environment)
        return Ended()

    monkeypatch.setattr(Job, "start", start)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = sorted(os.sched_getaffinity(0))
    launcher = LocalLauncher(3, [cores[0]], ["0", "1"])
    for slot in range(3):
        launcher.start(job("run"), slot)
    os.sched_setaffinity(0, cores)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in seen] == ["0", "1", "0"]
    assert {place["OMP_NUM_THREADS"] for place in seen} == {"1"}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("launcher=rai", "launcher: there is no launcher 'rai'; did you mean ray?"),
        ("launcher.n_processes=0", "launcher.n_processes: the value must be 1 or more"),
        ("launcher.address=x", "launcher.address: unknown key 'launcher.address'"),
    ],
)
def test_a_wrong_setting(setting: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(["task=ncrna_cls", setting])
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("options", "library", "extra"),
    [(RayOptions("ray"), "ray", "[ray]"), (SlurmOptions("slurm"), "submitit", "[slurm]")],
)
def test_a_missing_extra_is_named(
    options: object, library: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with (
        pytest.raises(ConfigError, match=f"needs the library {library}") as caught,
        opened(options, tmp_path),
    ):
        pass
    assert extra in str(caught.value)


def test_one_process_needs_no_launcher(tmp_path: Path) -> None:
    with opened(LocalOptions("local", 2), tmp_path) as launcher:
        assert isinstance(launcher, LocalLauncher)


PARENT = """
import sys, time
from pathlib import Path
from rnaernie_bench.launchers.jobs import Job
Job("a", ("run", "task=ncrna_cls", "backbone=kmer"), Path("log")).start()
time.sleep(600)
"""


@pytest.mark.services
def test_nothing_outlives_its_launcher(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (children := psutil.Process(parent.pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_one_command_takes_no_launcher(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "task=ncrna_cls", "launcher.n_processes=2"]) == 2
    assert "launchers execute suites and sweeps" in capsys.readouterr().err
