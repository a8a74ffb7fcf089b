"""The folder of a run: what is kept, what is removed, who may write."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnaernie_bench.core.errors import BenchError, ResultError
from rnaernie_bench.runs.folder import RECORD, run_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "task" / "abcdef012345"


def finish(folder: Path, text: str = "first") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text(text)


def test_a_new_run_is_kept_when_it_finishes(folder: Path) -> None:
    with run_folder(folder, repeat=False) as state:
        assert state == "new"
        finish(folder)
    with run_folder(folder, repeat=False) as state:
        assert state == "finished"


def test_a_failure_without_checkpoint_leaves_nothing(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder(folder, repeat=False):
        folder.mkdir(parents=True)
        raise KeyboardInterrupt
    assert not folder.exists()


def test_a_failure_with_a_checkpoint_can_be_gone_on_with(folder: Path) -> None:
    with pytest.raises(ValueError), run_folder(folder, repeat=False):
        (folder / "checkpoints" / "checkpoint-7").mkdir(parents=True)
        raise ValueError
    with run_folder(folder, repeat=False) as state:
        assert state == "unfinished"


def test_a_failure_behind_the_record_loses_nothing(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder(folder, repeat=False):
        finish(folder)
        raise KeyboardInterrupt
    assert (folder / RECORD).exists()


def test_a_repetition_replaces_the_run_only_when_it_finishes(folder: Path) -> None:
    finish(folder)
    with pytest.raises(ValueError), run_folder(folder, repeat=True) as state:
        assert state == "new"
        (folder / "checkpoints" / "checkpoint-7").mkdir(parents=True)
        raise ValueError
    assert (folder / RECORD).read_text() == "first"
    with run_folder(folder, repeat=True):
        finish(folder, "second")
    assert (folder / RECORD).read_text() == "second"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_killed_repetition_gives_the_run_back(folder: Path) -> None:
    finish(folder)
    folder.rename(folder.with_name(f".{folder.name}"))
    (folder / "checkpoints" / "checkpoint-7").mkdir(parents=True)
    with run_folder(folder, repeat=False) as state:
        assert state == "finished"
    assert (folder / RECORD).read_text() == "first"


def test_one_process_at_a_time(folder: Path) -> None:
    with (
        pytest.raises(
            ResultError,
            match="another process is at work there; wait for it to end, or",
        ),
        run_folder(folder, repeat=False),
        run_folder(folder, repeat=False),
    ):
        pytest.fail("both got in")


def test_a_full_disk_is_one_line(folder: Path) -> None:
    with (
        pytest.raises(BenchError, match="no space is left"),
        run_folder(folder, repeat=False),
    ):
        raise RuntimeError("No space left on device (os error 28)")
