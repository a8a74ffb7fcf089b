"""Finished runs on other data: figures, what the models have seen, comparisons, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.results.store import unfit
from tests.kit import LABELS, NAME, Made, agree, make_task

BASELINES = {
    "sequence": ("backbone=kmer", "backbone.max_k=2"),
    "token": ("backbone=letters",),
    "contact": ("backbone=vienna_mfe",),
    "pair": ("backbone=pair_kmer", "backbone.max_k=1"),
}
CASES = {
    ("sequence", "multiclass"): "macro_f1",
    ("sequence", "regression"): "spearman",
    ("token", "binary"): "auroc",
    ("contact", "binary"): "f1",
    ("pair", "binary"): "auroc",
}


def table_of(made: Made, rows: list[dict[str, Any]], path: Path) -> list[str]:
    """Write rows as files of one's own, and return the options that name them."""
    spelt = made.problem in ("binary", "multiclass")
    names = ["label"] if spelt else [f"is_{label}" for label in LABELS[made.level, made.problem]]
    if made.level == "contact":
        path = path.with_suffix(".dbn")
        marks = [["."] * len(row["sequence"]) for row in rows]
        for row, letters in zip(rows, marks, strict=True):
            letters[row["pair"][0]], letters[row["pair"][1]] = "()"
        path.write_text(
            "".join(
                f">{row['id']}\n{row['sequence']}\n{''.join(letters)}\n"
                for row, letters in zip(rows, marks, strict=True)
            )
        )
        return ["--test", str(path)]
    keys = ["first", "second"] if made.level == "pair" else ["id", "sequence"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, "group", *names])
        for row in rows:
            cells = [column if made.level == "token" else column[0] for column in row["told"]]
            cells = [
                json.dumps(["" if v is None else v for v in cell]) if made.level == "token"
                else "" if cell is None else cell
                for cell in cells
            ]  # fmt: skip
            writer.writerow([*(row[key] for key in keys), row["group"], *cells])
    labels = [] if names == ["label"] else [word for n in names for word in ("--label", n)]
    return ["--test", str(path), *labels]


def evaluate(made: Made, run: Path, *options: str) -> int:
    """Call `rnaernie-bench evaluate`."""
    runs, tasks = str(made.folder / "runs"), str(made.folder / "tasks")
    return main(["evaluate", str(run), "--runs-dir", runs, "--task-path", tasks, *options])


def evaluations(made: Made) -> list[dict[str, Any]]:
    """Return all records of evaluations, in the order of their making."""
    paths = sorted((made.folder / "runs").glob("*/*/record.json"), key=lambda p: p.stat().st_mtime)
    records = [json.loads(path.read_text()) for path in paths]
    return [record for record in records if record.get("kind") == "evaluation"]


@pytest.mark.parametrize(("level", "problem"), CASES)
def test_a_run_scores_the_same_on_its_test_part_as_a_file_and_as_a_task(
    tmp_path: Path, level: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if level == "contact":
        pytest.importorskip("RNA")
    made = make_task(tmp_path, level, problem)
    assert made.run(*BASELINES[level]) == 0
    [run] = made.run_folders()
    trained = json.loads((run / "record.json").read_text())
    # Two of the records stand in train as well.
    rows = [*made.rows["test"], *made.rows["train"][:2]]
    assert evaluate(made, run, *table_of(made, made.rows["test"], tmp_path / "new.csv")) == 0
    assert evaluate(made, run, *table_of(made, rows, tmp_path / "more.csv")) == 0
    assert evaluate(made, run, "--task", NAME) == 0
    printed = capsys.readouterr().out
    alone, more, declared = evaluations(made)
    metric = CASES[level, problem]
    expected = trained["tests"]["all"]["metrics"]
    assert agree(declared["tests"]["all"]["metrics"], expected)
    values = {name: figure["value"] for name, figure in expected.items()}
    found = {name: figure["value"] for name, figure in alone["tests"]["full"]["metrics"].items()}
    assert agree(found, values)
    seen = more["tests"]["full"]["training"]
    assert seen["identical"] == alone["tests"]["full"]["training"]["identical"] + 2
    assert seen["others"]["n"] == len(rows) - seen["identical"] - seen["near"]
    assert f"{seen['identical']} of {len(rows)} trained or validated the model" in printed
    assert metric in seen["others"]["metrics"]
    for record in (alone, more, declared):
        validate_record(record)
        assert record["evaluation"]["model"]["runs"] == [run.name]
    assert "evaluation of a model" in next(unfit(declared))


def test_models_are_compared_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_task(tmp_path, "sequence", "multiclass")
    assert made.run(*BASELINES["sequence"]) == made.run("backbone=majority") == 0
    options = table_of(made, made.rows["test"], tmp_path / "new.csv")
    for run in made.run_folders():
        assert evaluate(made, run, *options) == 0
    first, second = (record["run_id"] for record in evaluations(made))
    runs = ["--runs-dir", str(made.folder / "runs")]
    capsys.readouterr()
    assert main(["compare", first, second, "--json", *runs]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["n"] == len(made.rows["test"])
    for row in compared["rows"]:
        record = next(r for r in evaluations(made) if r["run_id"] == row["run_ids"][0])
        figure = record["tests"]["full"]["metrics"]["macro_f1"]["value"]
        assert np.isclose(row["value"], figure)
    # What was evaluated is read again, and nothing can be trained on such a task.
    assert evaluate(made, made.run_folders()[0], *options) == 0
    assert "evaluated before" in capsys.readouterr().out
    task = evaluations(made)[0]["task"]["name"]
    settings = [f"task={task}", "preset=bench", "backbone=kmer", f"runs_dir={made.folder / 'runs'}"]
    assert main(["run", *settings]) == 2
    assert "test parts alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "text", "said"),
    [
        ([], "id,sequence,label\n1,ACGU,A\n", "give --test FILE or --task TASK"),
        (["--test", "?"], "id,sequence,label\n1,ACGU,X\n", "'X'"),
        (["--test", "?"], "id,sequence,class\n1,ACGU,A\n", "'label'"),
        (["--test", "?", "--label", "a", "--label", "b"], "id\n", "1 columns are needed, not 2"),
        (["--test", "?", "--part", "all"], "id\n", "--part: it says nothing beside --test"),
        (["--task", NAME, "--group", "g"], "id\n", "--group: it says nothing beside --task"),
        (["--task", "rri"], "id\n", "the model's 'sequence'"),
        (["--task", NAME, "--part", "al"], "id\n", "has no test part 'al'"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused_in_one_line(
    runs_of_sequences: Made, capsys: pytest.CaptureFixture[str], options: list[str], text: str,
    said: str,
) -> None:  # fmt: skip
    made = runs_of_sequences
    path = made.folder / "wrong.csv"
    path.write_text(text)
    options = [str(path) if option == "?" else option for option in options]
    assert evaluate(made, made.run_folders()[0], *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.fixture(scope="module")
def runs_of_sequences(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of a task of sequences and classes."""
    made = make_task(tmp_path_factory.mktemp("made"), "sequence", "multiclass")
    assert made.run(*BASELINES["sequence"]) == 0
    return made
