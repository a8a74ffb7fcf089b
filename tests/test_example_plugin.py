"""The example in examples/plugin, installed in a folder of its own and used from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"


def process(*words: str | Path, **options: object) -> str:
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_plugin(tmp_path: Path) -> None:
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile")
    process("pip", "install", *options, "--target", site, EXAMPLE)
    shared = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    paths = os.pathsep.join(map(str, (site, ROOT)))
    environment = {**shared, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def there(*words: str | Path) -> str:
        return process(*words, cwd=work, env=environment)

    tests = ("-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", EXAMPLE)
    there("pytest", "-q", *tests, "--basetemp", tmp_path / "tests", EXAMPLE / "tests")
    [run] = (tmp_path / "tests").glob("test_backbone_and_task0/runs/terminators/*/")
    cli = "rnaernie_bench.cli.main"
    assert "terminators@1" in there(cli, "tasks", "list")
    shown = there(cli, "backbones", "show", "example-gru").splitlines()
    assert any(line.startswith("hidden_size: 32 ") for line in shown)
    (work / "in.fa").write_text(">one\nGGGCUUCGGCCC\n")
    header, line = there(cli, "predict", run, "in.fa").splitlines()
    assert header.endswith("p:hairpin\tp:terminator")
    assert line.startswith("one\t")
