"""What all tests share: isolation from this machine, real data where it is, skips that count."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["tests.record_kit"]

# Nets of the tests' size are slower on two threads than on one; read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing a test does may depend on a server elsewhere.
os.environ["HF_HUB_OFFLINE"] = "1"

if "PYTHONPATH" in os.environ:  # tests start processes from folders of their own
    folders = os.environ["PYTHONPATH"].split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(str(Path(folder).resolve()) for folder in folders)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="count every skipped test as a failed one"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.skipped and item.config.getoption("no_skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]} (--no-skips counts this as a failure)"
    return report


KEPT = "RNAERNIE_BENCH_TESTS_DATA"
"""Where the processes of pytest-xdist find what the first one took."""
REAL_DATA = os.environ.pop("RNAERNIE_BENCH_DATA", None) or os.environ.get(KEPT)
"""Given back to tests marked `realdata`; the others see the folders of their fixtures alone."""
if REAL_DATA is not None:
    os.environ[KEPT] = REAL_DATA


@pytest.fixture(scope="session", autouse=True)
def float32() -> Iterator[None]:
    """Hide processor features: what `trainer.precision=auto` stands for depends on the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnaernie_bench.core.environment.bf16_features", list)
        yield


frozen_at = 0
"""Modules that had been imported when what they hold was last frozen."""


@pytest.fixture(autouse=True)
def quick_collections() -> None:
    """Keep what was imported out of collections of garbage, with which each training begins."""
    global frozen_at
    if len(sys.modules) > frozen_at + 200:
        gc.collect()
        gc.freeze()
        frozen_at = len(sys.modules)


@pytest.fixture(autouse=True)
def isolated(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give every test a working folder and a cache of its own, and real data if it is marked so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    if REAL_DATA is not None and request.node.get_closest_marker("realdata"):
        monkeypatch.setenv("RNAERNIE_BENCH_DATA", REAL_DATA)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an MLflow database without runs, to be copied: to make one takes seconds."""
    from rnaernie_bench.tracking.store import local_database

    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    with local_database(database):
        return database


@pytest.fixture
def data_folder() -> Path:
    """Return the folder of the real data."""
    value = os.environ.get("RNAERNIE_BENCH_DATA", "")
    for folder in filter(None, value.split(os.pathsep)):
        if (Path(folder) / "nrc").is_dir():
            return Path(folder)
    pytest.skip("RNAERNIE_BENCH_DATA names no folder with the nRC files")
