"""Several processes on one study, one of them killed: in SQLite, and in a real PostgreSQL."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.sweeps import objective
from rnaernie_bench.sweeps.objective import NOT_NEEDED
from tests.ports import free_port
from tests.sweeps.sweep_kit import alike, figures, settings, sweep
from tests.training_kit import TinyTask, installed

pytestmark = pytest.mark.services

TRIALS = 8


@pytest.fixture
def task(tmp_path: Path) -> Iterator[TinyTask]:
    for heavy in ("multimolecule", "optuna", "rnaernie_bench.learning.fit"):
        importlib.import_module(heavy)  # once, and not in each of the workers
    with installed(tmp_path) as task:
        yield task


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """Give the address of an empty database of a server that lives as long as the tests."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = programs[-1] if programs else None
    if found is None:
        which = shutil.which("initdb")
        if which is None:
            pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
        found = Path(which).parent
    folder = Path(tempfile.mkdtemp(prefix="studies-"))
    user: list[str] = []
    if os.getuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(folder, "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    port = free_port()

    def call(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*user, str(found / program), "-D", str(folder / "data"), *arguments],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    try:
        call("initdb", "-U", "searcher", "-A", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://searcher@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def work(chosen: list[str], dies_in: int | None) -> None:
    """Be a worker whose trials take a while, and which is killed in the trial of a turn."""
    turns, fit = 0, objective.fit

    def slow_fit(*arguments: Any) -> Any:
        nonlocal turns
        turns += 1
        if turns == dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)
        return fit(*arguments)

    objective.fit = slow_fit
    os._exit(main(["sweep", *chosen]))


def start(task: TinyTask, *more: str, dies_in: int | None = None) -> Any:
    """Start a worker; forked, for it need not import everything again."""
    chosen = ["--task-path", str(task.tasks), *settings(task.runs, *more)]
    process = multiprocessing.get_context("fork").Process(target=work, args=(chosen, dies_in))
    process.start()
    return process


@pytest.mark.parametrize("storage", ["sqlite", "postgresql"])
def test_four_workers_of_which_one_is_killed(
    task: TinyTask, tmp_path: Path, storage: str, request: pytest.FixtureRequest
) -> None:
    if storage == "sqlite":  # one machine: who shares the folder of runs sees a death at once
        address = f"sqlite:///{tmp_path}/studies.db"
        own = [["sweep.heartbeat=600"]] * 4
    else:  # four machines: only the heartbeat tells
        address = request.getfixturevalue("postgresql")
        own = [["sweep.heartbeat=5", f"runs_dir={tmp_path}/machine-{n}"] for n in range(4)]
    more = [f"sweep.storage={address}", "sweep.study=shared", f"sweep.trials={TRIALS}",
            "sweep.seeds=1"]  # fmt: skip
    workers = [start(task, *more, *own[n], dies_in=2 if n == 0 else None) for n in range(4)]
    for worker in workers:
        worker.join(500)
    assert [worker.exitcode for worker in workers] == [-signal.SIGKILL, 0, 0, 0]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="shared", storage=address.replace("ql://", "ql+psycopg://")
    )
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(len(trials)))
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert len(complete) == TRIALS
    assert len({str(sorted(trial.params.items())) for trial in complete}) == TRIALS
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    [lost] = [trial for trial in failed if trial.user_attrs.get("error") != NOT_NEEDED]
    [again] = [t for t in trials if t.system_attrs.get("retry_history") == [lost.number]]
    assert (again.state.name, again.params) == ("COMPLETE", lost.params)
    # The features of all sequences were computed by one of them.
    cached = [trial.user_attrs["figures"]["embedding_cached"] for trial in complete]
    assert cached.count(False) == 1


def test_killed_and_repeated_it_ends_as_if_nothing_had_happened(
    task: TinyTask, tmp_path: Path
) -> None:
    with installed(tmp_path / "other") as other:
        undisturbed = sweep(other)
    for turn in (2, 3):  # of what is then left
        killed = start(task, dies_in=turn)
        killed.join(300)
        assert killed.exitcode == -signal.SIGKILL
    resumed = sweep(task)
    assert [trial.state.name for trial in resumed.trials].count("FAIL") == 2
    assert resumed.best.params == pytest.approx(undisturbed.best.params, rel=1e-4)
    assert alike(figures(resumed.trials), figures(undisturbed.trials))
    for one, other_run in zip(resumed.runs, undisturbed.runs, strict=True):
        assert one.record["run_id"] == other_run.record["run_id"]
        for part, test in one.record["tests"].items():
            for metric, figure in test["metrics"].items():
                expected = other_run.record["tests"][part]["metrics"][metric]["value"]
                assert figure["value"] == pytest.approx(expected, abs=1e-6), (part, metric)
