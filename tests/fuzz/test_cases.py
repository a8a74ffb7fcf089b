"""What once broke something, made small: each is refused in one line, or works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.structure_files import read_structures
from tests.task.test_task import change

LONG = "9" * 21


def written(folder: Path, name: str, declared: dict[str, Any]) -> list[str]:
    """Write a task, and return the options that name its folder."""
    path = folder / "tasks" / name / "task.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**declared, "name": name}), encoding="utf-8")
    return ["--task-path", str(folder / "tasks")]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that was said."""
    said = capsys.readouterr()
    (line,) = (said.err or said.out).strip().splitlines()
    return line


@pytest.mark.parametrize("place", ["../../outside.txt", "{tmp}/outside.txt"])
@pytest.mark.parametrize("own", [False, True])
def test_fetching_replaces_nothing_outside_the_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, own: bool
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    file = {"path": place.format(tmp=tmp_path), "sha256": "0" * 64, "records": 1}
    file["url"] = "http://127.0.0.1:9/x.fa"
    declared = change("dataset/files/train", file)
    declared["dataset"]["own"] = own
    assert main(["data", "fetch", "evil", *written(tmp_path, "evil", declared)]) == 2
    key = "url: files of one's own are on no server" if own else "path: "
    assert f"dataset.files.train.{key}" in one_line(capsys)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("splits", {"5 fold": change("name", "x")["splits"]["only"]}),
        ("splits/only/tests", {"all of it": {"part": "test"}}),
        ("splits/only/tests", {"../all": {"part": "test"}}),
        ("name", "a b"),
    ],
)
def test_names_are_checked_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: Any
) -> None:
    declared = change(key, value)
    options = written(tmp_path, declared["name"], declared)
    status = main(["run", f"task={declared['name']}", f"runs_dir={tmp_path}/runs", *options])
    line = one_line(capsys)
    assert status == 2
    assert "a name has letters, digits" in line
    assert not (tmp_path / "runs").exists()


def test_yaml_whose_anchor_holds_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my_t" / "task.yaml"
    path.parent.mkdir()
    path.write_text("&a\nname: my_t\nversion: *a\n")
    assert main(["validate", str(path)]) == 2
    assert "the anchor in line 1 holds itself" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.bpseq", f"1 G {LONG}\n", "line 1: the partner"),
        ("a.bpseq", f"1 G 2\n2 C 1\n3 A 0{LONG}\n", "line 3: the partner"),
        ("a.bpseq", f"{LONG} G 0\n", "line 1: the base number"),
        ("a.ct", f"1 name\n1 G 0 2 {LONG} 1\n", "line 2: the partner"),
        ("a.ct", f"{LONG} name\n1 G 0 2 0 1\n", "line 1: the length"),
        ("a.dbn", ">a\nGı\n..\n", "foreign letter 'ı' at position 2"),
        ("a.dbn", ">a\0b\nGC\n..\n", "line 1: the line has the control character"),
    ],
)
def test_structure_files(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        list(read_structures(tmp_path / name))


@pytest.mark.parametrize("letters", ["ACıGU", "ACßGU", "ACſGU"])
def test_letters_whose_upper_case_is_an_rna_letter(tmp_path: Path, letters: str) -> None:
    (tmp_path / "a.fa").write_text(f">a\n{letters}\n")
    with pytest.raises(DataError, match=r"foreign letter .* at position 3"):
        list(read_fasta(tmp_path / "a.fa"))


def short_model(folder: Path, positions: int = 32) -> Path:
    """Write a network with fewer positions than usual."""
    from multimolecule import RnaErnieConfig, RnaErnieForPreTraining

    from rnaernie_bench.backbones.vocabulary import typed_tokenizer

    tokenizer = typed_tokenizer()
    config = RnaErnieConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=positions,
    )
    RnaErnieForPreTraining(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_checkpoints_with_few_positions_work_within_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = short_model(tmp_path / "m")
    capsys.readouterr()
    arguments = ["--model", str(model), "-o", str(tmp_path / "x.npz")]
    for letters, status in ((27, 0), (28, 2)):
        (tmp_path / "x.fa").write_text(f">a\n{'ACGU' * letters}"[: letters + 3] + "\n")
        assert main(["embed", str(tmp_path / "x.fa"), *arguments]) == status
    assert "the sequence has 28 bases, 27 fit" in capsys.readouterr().err
    (tmp_path / "x.fa").write_text(f">a\n{'ACGU' * 100}\n")
    assert main(["embed", str(tmp_path / "x.fa"), *arguments, "--length", "truncate"]) == 0


def test_weights_that_are_no_numbers_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    file = short_model(tmp_path / "m") / "model.safetensors"
    weights = load_file(file)
    weights["model.embeddings.word_embeddings.weight"][6, 0] = float("inf")
    save_file(weights, file, {"format": "pt"})
    (tmp_path / "x.fa").write_text(">a\nACGU\n")
    capsys.readouterr()
    model = ["--model", str(tmp_path / "m"), "-o", str(tmp_path / "x.npz")]
    assert main(["embed", str(tmp_path / "x.fa"), *model]) == 2
    assert "word_embeddings.weight are not finite" in capsys.readouterr().err


def test_settings_that_are_nested_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "task=ncrna_cls", f"trainer.learning_rates={'[' * 2000}"]) == 2
    assert "is not a setting" in one_line(capsys)


def test_a_list_of_weights_that_leads_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = short_model(tmp_path / "m")
    (model / "model.safetensors").rename(tmp_path / "weights.safetensors")
    index = {"metadata": {}, "weight_map": {"a": "../weights.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "x.fa").write_text(">a\nACGU\n")
    capsys.readouterr()
    named = ["--model", str(model), "-o", str(tmp_path / "x.npz")]
    assert main(["embed", str(tmp_path / "x.fa"), *named]) == 2
    assert "names '../weights.safetensors': a path is relative" in capsys.readouterr().err
