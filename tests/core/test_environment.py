from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rnaernie_bench.core import environment


def test_description_is_plain_and_names_neither_host_nor_user_nor_path() -> None:
    text = json.dumps(environment.describe())
    known = json.loads(text)
    assert known["python"] == platform.python_version()
    assert known["torch"] and known["transformers"]
    assert 1 <= known["cores"] <= (os.cpu_count() or 1)
    values = [str(value) for value in known.values()]
    assert platform.node() not in values and getpass.getuser() not in values
    assert not any(value.startswith(("/", "~")) for value in values)
    assert str(Path.home()) + "/" not in text


def test_description_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rnaernie_bench.core.environment import describe; d = describe();"
        "assert d['threads'] is None and d['accelerator'] is None;"
        "assert not {'torch', 'numpy', 'psutil'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, which the module is made to believe it stands in."""
    package = tmp_path / "rnaernie_bench"
    package.mkdir()
    (package / "core").mkdir()
    (package / "core" / "environment.py").write_text("")
    (tmp_path / "README.md").write_text("read me")
    monkeypatch.setattr(environment, "__file__", str(package / "core" / "environment.py"))
    return tmp_path


def commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return git("rev-parse", "HEAD")


def test_commit_and_whether_the_code_differs_from_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(checkout)
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert environment.git_commit() == first
    (checkout / "README.md").write_text("changed")
    assert environment.git_commit() == first
    (checkout / "rnaernie_bench" / "new.py").write_text("")
    assert environment.git_commit() == f"{first}-dirty"


def test_no_commit_of_a_repository_around_an_installation(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(checkout)
    installed = checkout / "site-packages" / "rnaernie_bench" / "core" / "environment.py"
    monkeypatch.setattr(environment, "__file__", str(installed))
    assert environment.git_commit() is None


def test_no_commit_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(checkout)
    monkeypatch.setenv("PATH", "")
    assert environment.git_commit() is None


BLOCK = """
import time
from rnaernie_bench.core import environment
with environment.PeakMemory() as small:
    pass
with environment.PeakMemory() as large:
    block = b"x" * (64 * environment.MEBIBYTE)
    time.sleep(0.5)
    del block
with environment.PeakMemory() as after:
    pass
print(small.rss_mb, large.rss_mb, after.rss_mb, environment.peak_rss_mb())
"""


def test_peak_memory_sees_a_block_that_is_given_back() -> None:
    """In a process of its own: a system may take back what a long one has not touched lately."""
    told = subprocess.run([sys.executable, "-c", BLOCK], capture_output=True, text=True, check=True)
    small, large, after, ever = map(float, told.stdout.split())
    assert large > small + 48
    assert after < large - 48
    assert ever >= large - 1


def test_peak_memory_lets_errors_through_and_stops_its_thread() -> None:
    with pytest.raises(ZeroDivisionError), environment.PeakMemory() as memory:
        raise ZeroDivisionError
    assert memory.rss_mb > 0
    assert "peak-memory" not in {thread.name for thread in threading.enumerate()}
