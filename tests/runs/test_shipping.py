"""Finished runs as models that come with the package: packaged, listed, predicted with, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import rnaernie_bench
from rnaernie_bench.cli.main import main
from rnaernie_bench.core import paths
from rnaernie_bench.core.files import write_json
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.prediction import ready
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.results.record import validate_record
from tests.kit import Made, make_task

NOT_FOR = ["--not-for", "Decisions about patients."]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two seeds of a network of letters, and ViennaRNA, on a task of structures."""
    pytest.importorskip("RNA")
    made = make_task(tmp_path_factory.mktemp("made"), "contact", "binary")
    small = ("backbone=onehot", "backbone.width=8", "trainer.max_epochs=2",
             "trainer.learning_rates=[]")  # fmt: skip
    for settings in ((*small, "seed=0"), (*small, "seed=1"), ("backbone=vienna_mea",)):
        assert made.run(*settings) == 0
    return made


def runs_of(made: Made, backbone: str) -> list[str]:
    """Return the folders of all runs of a backbone that trained."""
    records = [(f, json.loads((f / "record.json").read_text())) for f in made.run_folders()]
    named = [f for f, r in records if r["backbone"]["name"] == backbone and "kind" not in r]
    return [str(folder) for folder in named]


def ship(made: Made, name: str, *options: str) -> int:
    """Package the networks, beside ViennaRNA."""
    folder = paths.ready_models_folder() / name
    common = ["--runs-dir", str(made.folder / "runs"), "--results-dir", str(made.folder / "none"),
              "--task-path", str(made.folder / "tasks"), "--to", str(folder)]  # fmt: skip
    named = ["--name", name, "--title", "base pairs", *NOT_FOR]
    return main(["models", "ship", *runs_of(made, "onehot"), *named, *common, *options])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models in place of that of the package."""
    monkeypatch.setattr(paths, "ready_models_folder", lambda: tmp_path / "models")
    return tmp_path


def test_seeds_of_a_row_become_a_model(
    made: Made, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = ["--beside", "vienna_mea", "--rival", "vienna_mea"]
    assert ship(made, "letters") == 0
    assert ship(made, "structure", *beside, "--without-vienna", "letters") == 0
    folder = home / "models" / "structure"
    weights = load_file(folder / "member-1" / "onehot.safetensors")
    assert {array.dtype for array in weights.values()} == {np.dtype("float16")}
    record = json.loads((folder / "record.json").read_text())
    validate_record(record)
    assert sorted(record["evaluation"]["model"]["runs"]) == sorted(
        Path(run).name for run in runs_of(made, "onehot")
    )
    # The ensemble's probabilities are the means of those of its members.
    sequence = "GAAAAAAAAC"
    members = [load_predictor(Path(run)).fitted for run in runs_of(made, "onehot")]
    singles = [next(iter(m.probabilities([sequence])))[1] for m in members]
    model = rnaernie_bench.load_model("structure", engine="network")
    [(_, found)] = model.predictor.fitted.probabilities([sequence])
    assert np.allclose(found, np.mean(singles, axis=0), atol=2e-3)
    # What the data hold, folding does not know: whoever is better by figures predicts.
    said = ready.about(folder)
    ahead = said.figures["only/all"].ahead["vienna_mea"]
    assert said.above == (ahead["low"] > 0)
    (home / "in.fa").write_text(f">one\n{sequence}\n")
    command = ["predict", "--model", "structure", str(home / "in.fa"), "-o", str(home / "o.dbn")]
    capsys.readouterr()
    assert main(command) == 0
    assert "vienna_mea" in capsys.readouterr().err.splitlines()[0]
    # The same where the network is not above its rival: that predicts, the network is an option.
    below = replace(said, above=False)
    write_json(folder / "about.json", as_dict(below))
    assert main(command) == main([*command, "--engine", "network"]) == 0
    first, _, second, _ = capsys.readouterr().err.splitlines()
    assert "vienna_mea predicts" in first
    assert "the network predicts, as asked" in second
    assert main(["models", "list", "--json"]) == main(["models", "show", "letters"]) == 0
    assert "Decisions about patients." in capsys.readouterr().out
    # Without ViennaRNA, the letters serve, and the line says what that costs.
    monkeypatch.setattr(ready, "find_spec", lambda name: None)
    assert main(command) == 0
    line = capsys.readouterr().err.splitlines()[0]
    assert "ViennaRNA is not installed, so that letters predicts" in line
    assert "instead of" in line


def test_a_model_is_evaluated_like_a_run_and_knows_its_inputs_by_hashes(
    made: Made, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ship(made, "letters") == 0
    rows = [made.rows["train"][0], *made.rows["test"][:3]]
    marks = [["."] * len(row["sequence"]) for row in rows]
    for row, letters in zip(rows, marks, strict=True):
        letters[row["pair"][0]], letters[row["pair"][1]] = "()"
    named = zip(rows, marks, strict=True)
    lines = [f">{row['id']}\n{row['sequence']}\n{''.join(m)}\n" for row, m in named]
    (home / "new.dbn").write_text("".join(lines))
    capsys.readouterr()
    # The task is not found from here: hashes tell what was seen exactly.
    options = ["--test", str(home / "new.dbn"), "--runs-dir", str(home / "runs")]
    assert main(["evaluate", "letters", *options]) == 0
    assert (
        "1 of 4 trained or validated the model; how many have relatives" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rival", "vienna_mea"], "no figures of 'vienna_mea' stand beside"),
        (["--beside", "kmer"], "no published row 'kmer' has records"),
    ],
)
def test_what_is_no_model_is_not_packaged(
    made: Made, home: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert ship(made, "letters", *options) == 2
    assert said in capsys.readouterr().err
    assert not (home / "models" / "letters").exists()
    assert main(["predict", "--model", "letters", "in.fa"]) == 2
    assert "no model called 'letters' comes with the package" in capsys.readouterr().err
