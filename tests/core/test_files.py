"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnaernie_bench.core import files
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.files import (
    as_bench_error,
    atomic_folder,
    atomic_path,
    together,
    write_json,
    write_text,
)


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.tsv.gz"
    with atomic_path(target) as temporary:
        temporary.write_text("x")
        assert temporary.parent == target.parent
        assert temporary.name.endswith("table.tsv.gz")
        assert not target.exists()
    assert target.read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failed_block_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left; free some"),
        (errno.EROFS, "the file system is read-only; choose a folder"),
        (errno.EACCES, "permission is denied; choose a folder"),
    ],
)
def test_disk_failures_name_the_file_and_the_remedy(
    tmp_path: Path, number: int, words: str
) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(BenchError, match=words) as caught, atomic_path(target) as temporary:
        temporary.write_text("half")
        raise OSError(number, "as the system puts it")
    assert caught.value.where == str(target)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_about_another_file_names_that_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError) as caught, atomic_path(tmp_path / "a.txt"):
        raise PermissionError(errno.EACCES, "denied", "elsewhere.fa")
    assert caught.value.where == "elsewhere.fa"


def test_other_system_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(BenchError, match="a file is where a folder is needed"):
        write_text(tmp_path / "a" / "b.txt", "x")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(BenchError, match="a folder is where a file is needed"):
        write_text(tmp_path / "a", "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_json_keeps_order_and_ends_in_a_line_break(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": ["ü"]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n "b": 1,\n "a": ["ü"]\n}\n'
    assert json.loads(text) == {"b": 1, "a": ["ü"]}


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] failed writing data/0: file write failed"),
        OSError("400 requested and 0 written"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["torch", "NumPy", "safetensors"],
)
def test_a_full_disk_is_known_by_the_words_of_libraries(error: Exception) -> None:
    known = as_bench_error(error, "model/")
    assert str(known).startswith("model/: cannot be written: no space is left")


def test_other_failures_are_not_taken_for_a_full_disk() -> None:
    assert as_bench_error(RuntimeError("shapes differ")) is None
    assert as_bench_error(OSError(2, "No such file")) is None


def test_a_folder_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "new" / "net"
    with atomic_folder(target) as temporary:
        (temporary / "a.txt").write_text("x")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failed_block_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "net"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with pytest.raises(failure), atomic_folder(target, replace=True) as temporary:
        (temporary / "new.txt").write_text("half")
        raise failure
    assert [path.name for path in target.iterdir()] == ["old.txt"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_holds_files_is_replaced_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(BenchError, match="it contains files already"), atomic_folder(tmp_path):
        pass
    with atomic_folder(tmp_path, replace=True) as temporary:
        (temporary / "new.txt").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["new.txt"]


def test_a_failed_swap_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "net"
    target.mkdir()
    (target / "old.txt").write_text("old")
    rename = Path.rename

    def refuse(self: Path, other: Path) -> Path:
        if other == target and (self / "new.txt").exists():
            raise OSError(errno.ENOSPC, "full")
        return rename(self, other)

    with pytest.raises(BenchError, match="no space"), atomic_folder(target, replace=True) as new:
        (new / "new.txt").write_text("new")
        monkeypatch.setattr(Path, "rename", refuse)
    assert [path.name for path in target.iterdir()] == ["old.txt"]
    assert list(tmp_path.iterdir()) == [target]


def dead() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftovers_of_dead_processes_are_swept_away(tmp_path: Path) -> None:
    gone = f".{files._host()}-{dead()}-00000000-"
    mine = tmp_path / f".{files._host()}-{os.getpid()}-00000000-b"
    elsewhere = tmp_path / f".ffffff-{dead()}-00000000-b"
    for path in (tmp_path / f"{gone}a.json", mine, elsewhere):
        path.write_text("half")
    (tmp_path / f"{gone}c").mkdir()
    (tmp_path / f"{gone}c" / "inner").write_text("half")
    for name in ("d", "e"):  # replaced by a folder that never came, and by one that did
        (tmp_path / f"{gone}{name}.former").mkdir()
        (tmp_path / f"{gone}{name}.former" / "old").write_text("whole")
    (tmp_path / "e").mkdir()
    write_text(tmp_path / "new", "text")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"new", mine.name, elsewhere.name, "d", "e"}
    assert (tmp_path / "d" / "old").read_text() == "whole"
    assert list((tmp_path / "e").iterdir()) == []


def test_files_that_appear_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), together():
        write_text(tmp_path / "a", "new")
        write_text(tmp_path / "b", "new")
        raise RuntimeError
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "old"}
    with together():
        write_text(tmp_path / "a", "new")
        write_text(tmp_path / "b", "new")
        assert (tmp_path / "a").read_text() == "old" and not (tmp_path / "b").exists()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "new", "b": "new"}


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, "target"), (errno.EACCES, "source")])
def test_a_copy_that_fails_names_the_side_that_is_to_blame(
    tmp_path: Path, number: int, named: str
) -> None:
    """`shutil.copyfile` names its source first, whichever of the two is full."""
    with pytest.raises(BenchError) as caught, atomic_path(tmp_path / "target") as temporary:
        raise OSError(number, "no", str(tmp_path / "source"), None, str(temporary))
    assert caught.value.where == str(tmp_path / named)


@pytest.mark.parametrize(
    "said",
    [
        "[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0",
        "PytorchStreamWriter failed writing file data/3",
        "(sqlite3.OperationalError) database or disk is full",
    ],
)
def test_libraries_that_say_otherwise_that_the_disk_is_full(said: str) -> None:
    assert "no space is left" in str(as_bench_error(RuntimeError(said), "x"))


def test_devices_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    with atomic_path("/dev/null") as temporary:
        temporary.write_text("x")
    assert not temporary.exists()
    assert Path("/dev/null").is_char_device()
    full = pytest.raises(BenchError, match=r"/dev/full: .*no space is left")
    with full, atomic_path("/dev/full") as temporary:
        temporary.write_text("x")
    assert Path("/dev/full").is_char_device()
