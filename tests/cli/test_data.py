from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rnaernie_bench.cli import data
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.task.task import load_task

PARTS = {
    "train": ">RF1_a tRNA\nACGT\n>RF2_b miRNA\nGGGG\n",
    "validation": ">RF1_c tRNA\nCCCC\n",
    "test": ">RF1_a tRNA\nacgu\n>RF2_e miRNA\nUUUU\n",
}


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.execute(parser.parse_args(arguments))


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of tasks with one small task, whose files lie in a data folder."""
    raw = yaml.safe_load((load_task("ncrna_cls").folder / "task.yaml").read_text())
    raw |= {"name": "small", "labels": ["tRNA", "miRNA"], "types": {}}
    raw |= {"splits": {"published": raw["splits"]["published"]}, "default_split": "published"}
    del raw["splits"]["published"]["tests"]["no_neighbour"], raw["dataset"]["pools"]
    raw["simulation"] = {
        "families": {"tRNA": "cloverleaf", "miRNA": "hairpin"},
        "sizes": {"train": 6, "validation": 4, "test": 4},
    }
    raw["dataset"]["files"] = {}
    for part, content in PARTS.items():
        path = tmp_path / "data" / f"{part}.fasta"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        raw["dataset"]["files"][part] = {
            "path": path.name,
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
            "records": content.count(">"),
        }
    folder = tmp_path / "tasks" / "small"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    (folder / "README.md").write_text("# Small\n<!-- audit:begin -->\n<!-- audit:end -->\n")
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    return folder.parent


def test_fetch_prints_where_files_lie(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fetch", "small", "--task-path", str(tasks)) == 0
    expected = [f"small: {tmp_path / 'data' / part}.fasta" for part in PARTS]
    assert capsys.readouterr().out.splitlines() == expected


def test_verify_tells_what_is_wrong(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "small", "--task-path", str(tasks)) == 0
    assert "small train: ok" in capsys.readouterr().out
    (tmp_path / "data" / "train.fasta").write_text("changed")
    (tmp_path / "data" / "test.fasta").unlink()
    assert run("verify", "small", "--task-path", str(tasks)) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "SHA-256" in lines[0]
    assert lines[1].startswith("small validation: ok")
    assert "data fetch small" in lines[2]


def test_tables_are_read_by_fetch_and_named_by_verify(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = tasks / "small" / "task.yaml"
    raw = yaml.safe_load(declaration.read_text())
    raw["dataset"]["tables"] = {"extra": {"source": "extra.csv"}}
    declaration.write_text(yaml.safe_dump(raw, sort_keys=False))
    (tmp_path / "data" / "extra.csv").write_text("id,sequence,label\na,ACGU,tRNA\n")
    assert run("fetch", "small", "--task-path", str(tasks)) == 0
    assert "small: extra, 1 rows of extra.csv" in capsys.readouterr().out
    assert run("verify", "small", "--task-path", str(tasks)) == 0
    assert "small extra: extra.csv declares no checksum" in capsys.readouterr().out


def test_audit_prints_and_writes_only_when_asked(
    tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tasks / "small" / "README.md"
    before = card.read_text()
    assert run("audit", "small", "--task-path", str(tasks)) == 0
    printed = capsys.readouterr().out
    assert "split `published`" in printed
    assert card.read_text() == before
    assert run("audit", "small", "--task-path", str(tasks), "--write-card") == 0
    assert f"<!-- audit:begin -->\n{printed}<!-- audit:end -->" in card.read_text()


def test_audit_of_the_simulated_set_needs_no_files(
    tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "data")
    assert run("audit", "small", "--task-path", str(tasks), "--simulated") == 0
    assert "The data are simulated" in capsys.readouterr().out
    with pytest.raises(BenchError, match="a card has the figures of real data"):
        run("audit", "small", "--task-path", str(tasks), "--simulated", "--write-card")


def test_a_misspelt_task_is_named(tasks: Path) -> None:
    with pytest.raises(BenchError, match="did you mean ncrna_cls"):
        run("verify", "ncrna_clz")


def test_declaring_the_arguments_imports_nothing_heavy() -> None:
    code = (
        "import sys, argparse; from rnaernie_bench.cli import data;"
        "data.add_arguments(argparse.ArgumentParser());"
        "print([m for m in ('numpy', 'yaml', 'pooch', 'datasets', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
