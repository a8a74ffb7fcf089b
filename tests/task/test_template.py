from __future__ import annotations

from pathlib import Path

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import PROBLEMS, Problem
from rnaernie_bench.task.task import load_task
from rnaernie_bench.task.template import Source, new_task


@pytest.mark.parametrize("source", ["fasta", "table"])
def test_a_template_loads_and_is_simulated(tmp_path: Path, source: Source) -> None:
    folder = new_task("my_task", tmp_path / "tasks", source=source)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "task.yaml"]
    task = load_task("my_task", [tmp_path / "tasks"])
    assert bool(task.dataset.files) == (source == "fasta")
    assert bool(task.dataset.tables) == (source == "table")
    split = make_split(task, load_dataset(task, simulated=True), task.default_split)
    assert (len(split.train), len(split.validation)) == (60, 20)
    assert {name: len(items) for name, items in split.tests.items()} == {
        "full": 40, "deduplicated": 40,
    }  # fmt: skip


@pytest.mark.parametrize("source", ["fasta", "table"])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("level", list(LEVELS))
def test_every_kind_of_task_has_a_template(
    tmp_path: Path, level: str, problem: Problem, source: Source
) -> None:
    new_task("my_task", tmp_path, level=level, problem=problem, source=source)
    task = load_task("my_task", [tmp_path])
    assert (task.level, task.problem) == (level, problem)
    split = make_split(task, load_dataset(task, simulated=True), task.default_split)
    assert (len(split.train), len(split.tests["full"])) == (60, 40)


@pytest.mark.parametrize("name", ["", "x", "Capital", "1st", "a b", "../up", "a/b", "é_task"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a task"):
        new_task(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my_task").mkdir()
    with pytest.raises(ConfigError, match="it is there already"):
        new_task("my_task", tmp_path)
    with pytest.raises(ConfigError, match="another task has this name"):
        new_task("ncrna_cls", tmp_path)


def test_the_command_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "new", "my_task", "--folder", str(tmp_path)]) == 0
    assert "rnaernie-bench run task=my_task" in capsys.readouterr().out
    run = [
        "run",
        "task=my_task",
        "backbone=majority",
        "tracking=none",
        "--task-path",
        str(tmp_path),
    ]
    assert main(run) == 0
    assert main(["tasks", "new", "my_task", "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_wrong_task_leaves_the_others_usable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    new_task("sound", tmp_path)
    broken = new_task("broken", tmp_path) / "task.yaml"
    broken.write_text(broken.read_text().replace("level: sequence", "level: sentence"))
    assert main(["tasks", "list", "--task-path", str(tmp_path)]) == 0
    assert "sound@1" in capsys.readouterr().out
    assert "the task 'broken' is left out" in caplog.text
    assert "level: 'sentence' is not allowed" in caplog.text
    common = ["run", "backbone=majority", "tracking=none", "--task-path", str(tmp_path)]
    assert main([*common, "task=sound"]) == 0
    capsys.readouterr()
    assert main([*common, "task=broken"]) == 2
    assert "'sentence' is not allowed" in capsys.readouterr().err
