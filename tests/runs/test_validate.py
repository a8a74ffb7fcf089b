from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.checks import Finding
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.audit import identical
from rnaernie_bench.runs import validate
from rnaernie_bench.runs.validate import check, declaration_of
from rnaernie_bench.task.template import new_task
from tests.training_kit import COPIES, LABELS, TASK, TinyTask, fasta, installed

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyTask:
    """Return a sound task, whose network is not trained."""
    monkeypatch.setattr(
        validate, "_training", lambda task, data, split: Finding("ok", "training", "spared")
    )
    with installed(tmp_path / "own") as task:
        yield task


def declaration(task: TinyTask) -> Path:
    return task.tasks / TASK / "task.yaml"


def edit(task: TinyTask, change: Change) -> None:
    raw = yaml.safe_load(declaration(task).read_text())
    change(raw)
    declaration(task).write_text(yaml.safe_dump(raw, sort_keys=False))


def problems(task: TinyTask) -> list[Finding]:
    return [finding for finding in check(declaration(task)) if finding.status == "problem"]


def test_a_sound_task_learns_from_its_own_items(tmp_path: Path) -> None:
    with installed(tmp_path) as task:
        found = list(check(declaration(task)))
    assert [f.subject for f in found if f.status == "problem"] == []
    assert found[-1] == Finding("ok", "training", "a tiny network learns from 8 items")
    assert f"{TASK}@1" in found[0].what


def test_identical_sequences_are_counted_part_by_part(task: TinyTask) -> None:
    assert identical(task.split()) == {
        ("full", "train"): COPIES,
        ("full", "validation"): 0,
        ("deduplicated", "train"): 0,
        ("deduplicated", "validation"): 0,
        ("validation", "train"): 0,
    }


def test_leakage_is_a_problem_only_in_the_part_that_ranks(task: TinyTask) -> None:
    [warning] = [f for f in check(declaration(task)) if "leakage" in f.subject][:-1]
    assert (warning.status, warning.what) == (
        "warning",
        f"{COPIES} sequences of full also stand in train",
    )
    edit(task, lambda raw: raw.update(default_test_part="full"))
    [found] = problems(task)
    assert found.what == warning.what
    assert found.remedy == "declare it `without_identical_to: [train, validation]`"


def test_wrong_numbers_of_a_file_are_told_at_once_and_hide_nothing(task: TinyTask) -> None:
    before = yaml.safe_load(declaration(task).read_text())["dataset"]["files"]["test"]
    task.path("test").write_bytes(fasta([("RF0_x a_rich", "AAAA"), ("RF0_y unheard", "ACGU")]))
    checksum, count, label = problems(task)
    assert checksum.subject == count.subject == "data file test"
    assert before["sha256"] not in checksum.remedy
    assert "write `sha256: " in checksum.remedy
    assert count.remedy.endswith("write `records: 2`")
    assert label.subject == "data"
    assert "record 2 (RF0_y unheard), line 3: unknown label 'unheard'" in label.what


def test_a_missing_file_is_named_and_the_rest_is_simulated(task: TinyTask) -> None:
    task.path("test").unlink()
    *_, last = check(declaration(task))
    assert last.subject == "training"
    [found] = problems(task)
    assert found.subject == "data file test"
    assert "RNAERNIE_BENCH_DATA" in found.remedy


def test_a_label_that_nothing_teaches(task: TinyTask) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["labels"].append("unseen")
        raw["simulation"]["families"]["unseen"] = "aptamer"

    edit(task, change)
    [found] = problems(task)
    assert found.what == "no record of train is of unseen"


def test_a_head_that_is_not_there(task: TinyTask) -> None:
    edit(task, lambda raw: raw.update(head="pool"))
    [found] = problems(task)
    assert (found.subject, found.remedy) == ("head", "did you mean pooled?")


@pytest.mark.parametrize(
    ("change", "subject", "what"),
    [
        (
            lambda raw: raw["dataset"]["files"]["test"].update(sha256="12"),
            "dataset.files.test.sha256",
            "64 digits",
        ),
        (lambda raw: raw["labels"].append(LABELS[0]), "labels", f"listed twice: {LABELS[0]}"),
        (lambda raw: raw["labels"].append(True), "labels[3]", "true is not a text"),
        (lambda raw: raw.update(level="sentence"), "level", "is not allowed"),
        (lambda raw: raw.pop("title"), "", "the key 'title' is missing"),
    ],
)
def test_a_wrong_declaration_has_a_line(
    task: TinyTask, change: Change, subject: str, what: str
) -> None:
    edit(task, change)
    [found] = check(declaration(task))
    assert what in found.what
    if subject:
        key = subject.split(".")[-1].split("[")[0]
        number = int(found.subject.split("line ")[1].split(",")[0])
        line = declaration(task).read_text().splitlines()[number - 1]
        assert found.subject.endswith(f", {subject}")
        assert key in line or line == "- true"
    else:
        assert found.subject == "task.yaml"


def test_keys_that_stand_twice(task: TinyTask) -> None:
    with declaration(task).open("a") as stream:
        stream.write("level: sequence\n")
    lines = declaration(task).read_text().splitlines()
    [found] = problems(task)
    assert found.subject == f"task.yaml, line {len(lines)}"
    assert found.what == f"'level' stands in line {lines.index('level: sequence') + 1} already"


def test_what_a_template_leaves_open_is_named(task: TinyTask, tmp_path: Path) -> None:
    path = new_task("my_task", tmp_path) / "task.yaml"
    found = list(check(path))
    assert not [f for f in found if f.status == "problem"]
    warnings = [f.subject for f in found if f.status == "warning"]
    lines = path.read_text().splitlines()
    expected = [f"task.yaml, line {n}" for n, line in enumerate(lines, 1) if "FILLED" in line]
    files = [f"data file {part}" for part in ("train", "validation", "test")]
    assert warnings == [*expected, "card", *files]


def test_all_faults_of_a_declaration_are_named_with_their_remedies(tmp_path: Path) -> None:
    path = new_task("my_task", tmp_path, problem="regression", source="table") / "task.yaml"
    text = path.read_text().replace("labels: {value: value}", "label: value")
    text = text.replace("resampling: item", "resampling: group_in_class")
    path.write_text(text.replace("default_split: standard", "default_split: standart"))
    found = {f.subject.rpartition(", ")[2]: f.remedy for f in check(path) if f.status == "problem"}
    assert found == {
        "dataset.tables.train.labels": "write labels: {value: COLUMN}",
        "default_split": "did you mean standard?",
        "resampling": "write item or group",
    }


def test_a_training_that_fails_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(validate, "compose", fail)
    with installed(tmp_path) as task:
        [found] = problems(task)
    assert (found.subject, found.what) == ("training", "RuntimeError: no memory")


def test_names_folders_and_files(task: TinyTask) -> None:
    path = declaration(task).resolve()
    assert declaration_of(TASK, [task.tasks]).resolve() == path
    assert declaration_of(str(path.parent)) == path
    assert declaration_of(str(path)) == path
    with pytest.raises(ConfigError, match="did you mean ncrna_cls"):
        declaration_of("ncrna_clz")


def test_the_command_goes_through_every_task(
    task: TinyTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken" / "task.yaml"
    broken.parent.mkdir()
    broken.write_text("level: [")
    assert main(["validate", str(broken), str(declaration(task))]) == 2
    out = capsys.readouterr().out
    assert out.startswith("broken:\nproblem  task.yaml: the task cannot be read")
    assert f"{TASK}:\nok " in out
    assert main(["validate", TASK, "--task-path", str(task.tasks)]) == 0
