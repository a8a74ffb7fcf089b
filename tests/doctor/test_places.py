from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from rnaernie_bench.core import paths
from rnaernie_bench.core.errors import TrackingError
from rnaernie_bench.doctor import places
from rnaernie_bench.doctor.places import cache, damage, data, storage, tracking, weights
from tests.training_kit import TASK, TinyTask


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyTask:
    """Return a small task, the only one there is."""
    task = TinyTask(tmp_path / "own")
    monkeypatch.setattr(paths, "tasks_folder", lambda: task.tasks)
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(task.data))
    return task


def lines(full: bool = False) -> list[str]:
    return [f"{f.status} {f.what}" for f in data(full=full) if f.subject == f"data of {TASK}"]


def test_data_is_found_and_hashed_when_asked(task: TinyTask) -> None:
    assert lines() == ["ok 3 of 3 files are found; --full compares their checksums"]
    assert lines(full=True) == ["ok 3 of 3 files are as declared"]
    task.path("test").write_text(">changed\n")
    assert lines() == ["ok 3 of 3 files are found; --full compares their checksums"]
    changed, rest = lines(full=True)
    assert changed.startswith("problem")
    assert "SHA-256" in changed
    assert rest == "ok 2 of 3 files are as declared"


def test_missing_files_are_a_warning_with_the_command(task: TinyTask) -> None:
    task.path("test").unlink()
    [found] = [f for f in data() if f.subject.startswith("data of")]
    assert (found.status, found.what) == ("warning", "1 of 3 files are missing: test")
    assert f"rnaernie-bench data fetch {TASK}" in found.remedy


def test_folders_of_the_variable(
    task: TinyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", f"{task.data}{os.pathsep}{tmp_path / 'nowhere'}")
    found = [f.status for f in data() if f.subject == "RNAERNIE_BENCH_DATA"]
    assert found == ["ok", "problem"]
    monkeypatch.delenv("RNAERNIE_BENCH_DATA")
    assert "is not set" in next(iter(data())).what


def test_a_wrong_task_is_named_and_the_others_are_looked_at(task: TinyTask) -> None:
    broken = task.tasks / "broken"
    shutil.copytree(task.tasks / TASK, broken)
    found = {f.subject: f for f in data()}
    assert found["task broken"].status == "problem"
    assert "its folder otherwise" in found["task broken"].what
    assert found[f"data of {TASK}"].status == "ok"


def test_the_cache_is_measured_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "cache"
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(folder))
    [found] = cache()
    assert found.status == "ok"
    assert str(folder) in found.what
    assert not folder.exists()
    monkeypatch.setattr(places, "LITTLE_SPACE", 2**80)
    assert [f.status for f in cache()] == ["warning"]


def test_a_cache_at_home_is_not_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNAERNIE_BENCH_CACHE")
    [found] = cache()
    assert str(Path.home()) not in str(found)


def test_a_file_in_the_way_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    [found] = storage(tmp_path / "runs" / "deeper")
    assert found.status == "problem"
    assert "cannot be written" in found.what


def test_tracking_databases(tmp_path: Path) -> None:
    assert "first run" in next(tracking(tmp_path)).what
    sqlite3.connect(tmp_path / "mlflow.db").close()
    assert "can be written" in next(tracking(tmp_path)).what
    (tmp_path / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(TrackingError, match="tracking=none"):
        next(tracking(tmp_path))


def test_the_embedded_weights_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.status for f in weights()] == ["ok"]
    monkeypatch.setattr(paths, "embedded_weights", lambda name: None)
    assert [f.status for f in weights()] == ["problem"]


def test_embedded_weights_with_missing_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "embedded_weights", lambda name: tmp_path)
    found = [f.what for f in weights()]
    assert "config.json is missing" in found
    assert found[-1].startswith("model.safetensors cannot be read")


def test_damaged_weights(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    header = json.dumps({"__metadata__": {}, "w": {"data_offsets": [0, 4]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + b"1234"
    path.write_bytes(whole)
    assert damage(path) == ""
    path.write_bytes(whole[:-1])
    assert damage(path) == f"has {len(whole) - 1} bytes, its header says {len(whole)}"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert damage(path) == "is cut off, or no safetensors file"
    path.write_bytes((2).to_bytes(8, "little") + b"[]")
    assert damage(path) == "is no safetensors file"
