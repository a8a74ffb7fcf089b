"""The subcommands `leaderboard` and `results`, with a declared task stood in for."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rnaernie_bench.cli import leaderboard, results
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.files import write_json

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give `run(module, *arguments) -> (status, stdout, stderr)`, in `tmp_path`."""
    task = SimpleNamespace(
        title="ncRNA classes",
        main_metric=SimpleNamespace(name="macro_f1", higher_is_better=True),
        default_test_part="deduplicated",
        metrics=("accuracy", "mcc"),
        caveats=("Families recur.",),
        resampling="item",
        default_split="published",
        shortcuts=(),
        version=1,
    )
    tasks, resources = ModuleType("task"), ModuleType("resources")
    tasks.load_tasks = lambda folders=(): dict.fromkeys(  # type: ignore[attr-defined]
        ("ncrna_cls", *(folder.name for folder in folders)), task
    )
    resources.results_folder = lambda: tmp_path / "shipped"  # type: ignore[attr-defined]
    resources.own_tasks = lambda runs_dir: []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rnaernie_bench.task.task", tasks)
    monkeypatch.setitem(sys.modules, "rnaernie_bench.core.paths", resources)
    monkeypatch.chdir(tmp_path)

    def call(module: ModuleType, *arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        status = module.execute(parser.parse_args(arguments))
        return status, *capsys.readouterr()

    return call


def test_import_build_validate_and_show(tmp_path: Path, run: Run, make_run: Any) -> None:
    folder = make_run()
    path = f"results/ncrna_cls/published/{folder.name}.json"
    status, out, _ = run(results, "import", folder.name[:6])
    assert (status, out) == (0, f"{path}\n")
    assert run(results, "build")[:2] == (0, "results/README.md\nresults/index.html\n")
    assert folder.name in (tmp_path / "results" / "index.html").read_text(encoding="utf-8")
    page = (tmp_path / "results" / "README.md").read_text(encoding="utf-8")
    assert page.index("test part deduplicated") < page.index("test part full")
    assert results.PROTOCOL in page
    assert all(limit in page for limit in results.LIMITS)
    assert run(results, "validate")[:2] == (0, "results: all records are sound\n")
    status, out, _ = run(leaderboard, "--format", "json")
    assert status == 0
    assert [table["part"] for table in json.loads(out)["tables"]] == ["deduplicated", "full"]
    assert run(leaderboard, "--format", "html", "-o", "board.html")[:2] == (0, "board.html\n")
    assert run(leaderboard, "--format", "html")[1].startswith("<!doctype html>")


def test_a_misspelt_run_stops_the_import_before_it_starts(
    tmp_path: Path,
    run: Run,
    make_run: Any,
) -> None:
    with pytest.raises(ResultError, match="no run 'nosuchrun'"):
        run(results, "import", str(make_run()), "nosuchrun")
    assert not (tmp_path / "results").exists()


def test_a_folder_of_runs_is_imported_but_for_what_is_unfit(
    tmp_path: Path, run: Run, make_run: Any
) -> None:
    folders = [make_run(seed=seed) for seed in (0, 1)]
    make_run(seed=2, dataset={"simulated": True})
    for _ in range(2):  # what is there stays
        status, out, error = run(results, "import", "runs")
        assert (status, {Path(line).stem for line in out.split()}) == (0, {f.name for f in folders})
        assert "runs: 1 left out: the run is on simulated data" in error
    assert len(list((tmp_path / "results").rglob("*.seeds.parquet"))) == 1
    _, out, error = run(results, "import", "runs", "--most-kib", "0.5")
    assert (out, error.splitlines()[0]) == (
        "\n",
        "runs: 3 left out: its predictions take more than 0.5 KiB",
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match="the folder has no finished runs"):
        run(results, "import", "empty")


def test_validate_lists_problems_and_fails(tmp_path: Path, run: Run) -> None:
    write_json(tmp_path / "results" / "a" / "b" / "c.json", {})
    status, out, error = run(results, "validate")
    assert status == 2
    assert out.startswith("results/a/b/c.json: not a result record of schema 1")
    assert error == "1 problem(s) in results\n"


def test_runs_are_shown_beside_results_once_and_simulated_ones_apart(
    run: Run,
    make_run: Any,
) -> None:
    imported = make_run(seed=0)
    run(results, "import", str(imported))
    make_run(seed=1)
    make_run(seed=2, status="interrupted")
    make_run(seed=3, dataset={"simulated": True, "fingerprint": "b" * 64})
    tables = json.loads(run(leaderboard, "--format", "json", "--runs")[1])["tables"]
    assert [(t["simulated"], t["rows"][0]["seeds"]) for t in tables] == [
        (False, [0, 1]),
        (False, [0, 1]),
        (True, [3]),
        (True, [3]),
    ]
    assert "SIMULATED DATA: ncRNA classes" in run(leaderboard, "--runs")[1]
    assert len(json.loads(run(leaderboard, "--format", "json")[1])["tables"]) == 2


def test_shipped_records_serve_where_there_are_no_others(
    tmp_path: Path,
    run: Run,
    make_run: Any,
) -> None:
    run(results, "import", str(make_run()), "--results-dir", "shipped")
    assert "rnaernie-tiny (random)" in run(leaderboard)[1]
    (tmp_path / "results").mkdir()
    assert run(leaderboard)[1:] == ("", "no records in results\n")
    assert "rnaernie-tiny (random)" in run(leaderboard, "--results-dir", "shipped")[1]


def test_records_of_unknown_tasks_are_left_out_with_one_line(
    tmp_path: Path, run: Run, make_run: Any
) -> None:
    run(results, "import", str(make_run()))
    for seed in (1, 2):
        run(results, "import", str(make_run(task={"name": "elsewhere"}, seed=seed)))
    warning = (
        "2 records of unknown tasks (elsewhere) are left out; name their folder with --task-path\n"
    )
    status, out, err = run(leaderboard, "--format", "json")
    assert (status, err) == (0, warning)
    assert {table["task"] for table in json.loads(out)["tables"]} == {"ncrna_cls@1"}
    assert run(results, "build") == (0, "results/README.md\nresults/index.html\n", warning)
    page = tmp_path / "results" / "README.md"
    assert "elsewhere" not in page.read_text(encoding="utf-8")
    assert run(leaderboard, "--task", "ncrna_cls")[2] == ""


def test_a_task_path_makes_tasks_known(tmp_path: Path, run: Run, make_run: Any) -> None:
    for name in ("ncrna_cls", "elsewhere", "further"):
        run(results, "import", str(make_run(task={"name": name})))
    paths = ("--task-path", "elsewhere", "--task-path", "further")
    _, out, err = run(leaderboard, "--format", "json", *paths)
    assert {table["task"] for table in json.loads(out)["tables"]} == {
        "ncrna_cls@1",
        "elsewhere@1",
        "further@1",
    }
    assert err == ""
    assert run(results, "build", *paths)[2] == ""
    assert "elsewhere" in (tmp_path / "results" / "README.md").read_text(encoding="utf-8")


def test_a_record_that_is_not_valid_is_named_by_its_file(run: Run, make_run: Any) -> None:
    path = Path(run(results, "import", str(make_run()))[1].strip())
    record = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**record, "task": None})
    with pytest.raises(ResultError, match=rf"{path}: .*\$\.task: None must be object"):
        run(leaderboard)


def test_an_unknown_task_is_an_error(run: Run) -> None:
    with pytest.raises(ConfigError, match="no task 'ncrna_clas'; choose one of ncrna_cls, or"):
        run(leaderboard, "--task", "ncrna_clas")


def test_the_leaderboard_imports_nothing_heavy() -> None:
    code = (
        "import sys; import rnaernie_bench.cli.leaderboard, rnaernie_bench.cli.results;"
        "import rnaernie_bench.leaderboard.rendering;"
        "heavy = {'numpy', 'torch', 'pyarrow', 'hydra', 'scipy', 'multimolecule'};"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
