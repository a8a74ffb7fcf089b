from __future__ import annotations

import sqlite3
from pathlib import Path

import platformdirs
import pytest
import sqlalchemy

from rnaernie_bench.core import paths


@pytest.mark.parametrize("name", ["plain", "run%20s", "a?b", "c#d", "läufe 1"])
def test_databases_lie_in_folders_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    address = paths.sqlite_address(tmp_path / name / "m.db")
    with sqlalchemy.create_engine(address).begin() as database:
        database.execute(sqlalchemy.text("create table t (x integer)"))
    assert paths.sqlite_file(address) == tmp_path / name / "m.db"
    found = sqlite3.connect(tmp_path / name / "m.db").execute("select name from sqlite_master")
    assert found.fetchall() == [("t",)]


def test_a_cache_that_cannot_be_written_gives_way_to_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("RNAERNIE_BENCH_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "home" / name)
    assert paths.cache_folder() == tmp_path / "home" / "rnaernie-bench"
    (tmp_path / "file").write_text("")  # what root cannot make a folder in
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "file" / name)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert paths.cache_folder().parent == tmp_path / "temporary"
    assert paths.cache_folder() == paths.cache_folder()
    [said] = caplog.messages
    assert "cannot be written" in said and "RNAERNIE_BENCH_CACHE" in said
