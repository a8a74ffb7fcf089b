from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.checks import Finding
from rnaernie_bench.doctor import installation, places
from rnaernie_bench.doctor.examination import examine

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the process that imports torch."""
    monkeypatch.setattr(installation, "accelerator", lambda: iter(()))


def test_a_check_that_fails_is_a_problem_and_no_end(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Iterator[Finding]:
        yield Finding("ok", "first", "is well")
        raise RuntimeError(f"broken in {Path.home()}/lib\nwith details")

    monkeypatch.setattr(installation, "packages", fail)
    found = list(examine())
    assert found[0].subject == "first"
    assert (found[1].status, found[1].subject) == ("problem", "packages")
    assert found[1].what == "RuntimeError: broken in ~/lib"
    assert found[-1].subject == "tracking"


def test_the_command_prints_lines_or_json_and_fails_on_problems(
    quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation, "packages", lambda: iter(()))
    assert main(["doctor"]) == 0
    assert "ok       embedded weights: those of rnaernie-tiny are in place\n" in (
        capsys.readouterr().out
    )
    trouble = Finding("problem", "weights", "are gone", "fetch them")
    monkeypatch.setattr(places, "weights", lambda: iter([trouble]))
    assert main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["sound"] is False
    assert {
        "status": "problem", "subject": "weights", "what": "are gone", "remedy": "fetch them",
    } in report["findings"]  # fmt: skip


def test_an_unreachable_server_is_named(quick: None) -> None:
    *_, last = examine(tracking_uri="http://user:secret@127.0.0.1:9")
    assert (last.status, last.subject) == ("problem", "tracking")
    assert "127.0.0.1" in last.what
    assert "secret" not in str(last)


def test_it_works_where_everything_heavy_is_broken(tmp_path: Path) -> None:
    for module in ("torch", "transformers", "multimolecule", "mlflow", "numpy", "datasets"):
        (tmp_path / f"{module}.py").write_text("raise ImportError('broken')")
    done = subprocess.run(
        [sys.executable, "-m", "rnaernie_bench.cli.main", "doctor", "--json"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    findings = json.loads(done.stdout)["findings"]
    problems = {f["subject"] for f in findings if f["status"] == "problem"}
    assert problems <= {"torch", "strategies", "backbones", "heads"}
    assert "torch" in problems
    assert "data of ncrna_cls" in {f["subject"] for f in findings}
