"""Suites of real runs by every launcher: what dies is continued, and ends as if undisturbed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.launchers.jobs import Job, opened
from rnaernie_bench.launchers.ray import RayOptions
from rnaernie_bench.results.predictions import read_predictions
from rnaernie_bench.runs.suites import run_suite
from tests.kit import predict_alike
from tests.training_kit import QUICK, TASK, TINY_NET, TinyTask, installed

RUNS = [
    ("backbone=majority",),
    (*TINY_NET, "strategy=full", "trainer.max_epochs=3"),
    (*TINY_NET, "strategy=frozen", "task.head=mean"),
    ("backbone=kmer", "backbone.max_k=2", "split=only"),
]
FAILING = ("backbone=majority", "task.data=real", "seed=7", "protocol=as_published")
"""Composes, but a test part of 12 items fills no batch of the published evaluation."""

SUITE = """
import json, sys
from pathlib import Path
from rnaernie_bench.runs.suites import run_suite
runs = [tuple(run) for run in json.loads(sys.argv[2])]
run_suite(runs, task_folders=[Path(sys.argv[1])])
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyTask]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with installed(tmp_path / "tiny") as task:
        yield task


def runs_in(folder: Path, *launcher: str, runs: Any = RUNS) -> list[tuple[str, ...]]:
    return [(*QUICK, f"runs_dir={folder}", *run, *launcher) for run in runs]


def figures(folder: Path) -> dict[str, Any]:
    """Return the metrics of each finished run and whether its predictions were rounded alike."""
    found = {}
    for path in sorted((folder / TASK).glob("*/record.json")):
        record = json.loads(path.read_text())
        metrics = {
            (part, name): value["value"]
            for part, test in record["tests"].items()
            for name, value in test["metrics"].items()
        }
        found[record["run_id"]] = metrics, read_predictions(path.with_name("predictions.parquet"))
    return found


def assert_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for run_id, (metrics, predictions) in left.items():
        assert right[run_id][0] == pytest.approx(metrics, abs=1e-6)
        assert predict_alike(right[run_id][1], predictions)


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


@pytest.mark.services
def test_a_suite_that_is_killed_at_random_ends_as_if_undisturbed(
    task: TinyTask, tmp_path: Path
) -> None:
    lines = run_suite(runs_in(tmp_path / "a"), task_folders=[task.tasks])
    assert [line.outcome for line in lines] == ["finished"] * len(RUNS)
    two = ("launcher.n_processes=2",)
    runs = runs_in(tmp_path / "b", *two)
    command = [sys.executable, "-c", SUITE, str(task.tasks), json.dumps(runs)]
    killed = subprocess.Popen(command)
    logs, deadline = tmp_path / "b" / "logs", time.monotonic() + 120
    while not logs.exists():
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(random.uniform(0, 20))
    processes = family(killed) if killed.poll() is None else []
    killed.kill()
    killed.wait()
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    before = len(figures(tmp_path / "b"))
    failing = runs_in(tmp_path / "b", *two, runs=[FAILING])
    lines = run_suite([*runs, *failing, runs[0]], task_folders=[task.tasks])
    assert [line.failed for line in lines] == [False] * len(RUNS) + [True, False]
    assert sum(line.outcome == "skipped" for line in lines[: len(RUNS)]) == before
    assert "none is scored in whole batches" in lines[-2].outcome
    assert_equal(figures(tmp_path / "a"), figures(tmp_path / "b"))


@pytest.mark.services
def test_slurm_jobs_on_this_machine(task: TinyTask, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    launcher = ("launcher=slurm", "launcher.cluster=local", "launcher.cpus=1")
    runs = runs_in(tmp_path / "runs", *launcher, runs=[RUNS[0], FAILING])
    said: list[str] = []
    lines = run_suite(runs, task_folders=[task.tasks], notify=said.append)
    assert (lines[0].outcome, lines[0].failed) == ("finished", False)
    assert lines[1].failed
    assert f"{lines[0].run_id}: finished" in said
    assert len(figures(tmp_path / "runs")) == 1
    assert list((tmp_path / "runs" / "logs" / "slurm").iterdir())


@pytest.mark.services
def test_slurm_without_a_cluster(task: TinyTask, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    runs = runs_in(tmp_path / "runs", "launcher=slurm", runs=[RUNS[0]])
    with pytest.raises(ConfigError, match=r"Slurm cannot be used here"):
        run_suite(runs, task_folders=[task.tasks])


@pytest.mark.services
def test_ray_starts_a_job_again_whose_node_is_lost(task: TinyTask, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    other = cluster.add_node(num_cpus=1)
    options = RayOptions("ray", 2, cluster.address)
    seen: set[int] = set()
    try:
        with opened(options, tmp_path) as launcher:
            jobs = [
                Job(
                    f"seed {seed}",
                    ("run", "--task-path", str(task.tasks), *run, f"seed={seed}"),
                    tmp_path / f"{seed}.log",
                )
                for seed in (0, 1)
                for run in runs_in(tmp_path / "runs", runs=[RUNS[0]])
            ]
            going = {index: launcher.start(job, index) for index, job in enumerate(jobs)}
            deadline = time.monotonic() + 400
            while going:
                assert time.monotonic() < deadline
                seen |= workers(tmp_path)
                if other is not None and len(seen) == 2:
                    cluster.remove_node(other, allow_graceful=False)
                    other = None
                for index in list(going):
                    failure = launcher.poll(going[index])
                    if failure is not None:
                        assert failure == ""
                        del going[index]
                time.sleep(0.2)
    finally:
        cluster.shutdown()
    assert other is None
    assert len(seen) >= 3  # one was started again
    assert len(figures(tmp_path / "runs")) == 2


def workers(folder: Path) -> set[int]:
    """Return the processes that execute runs below a folder."""
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "rnaernie_bench.cli.worker" in words and any(str(folder) in word for word in words):
            found.add(process.pid)
    return found


@pytest.mark.services
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RayOptions("ray", address="127.0.0.1:1"), "no Ray cluster answers at '127.0.0.1:1'"),
        (RayOptions("ray", address="nowhere"), "no Ray cluster answers at 'nowhere'"),
    ],
)
def test_an_unreachable_cluster(options: RayOptions, expected: str, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(ConfigError, match=expected), opened(options, tmp_path):
        pass
