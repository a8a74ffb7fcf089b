"""`convert` and `inspect` as a user types them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnaernie_bench.cli.main import main
from tests.paddle_kit import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("paddle"))


@pytest.fixture(scope="module")
def folder(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("user") / "net"
    assert main(["convert", str(checkpoint), str(folder), "--heads", "2"]) == 0
    return folder


@pytest.fixture
def call(capsys):
    def run(*arguments):
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def golden(folder, tmp_path):
    """Write golden vectors of the folder itself."""
    import torch
    from multimolecule import RnaErnieModel, RnaTokenizer

    model, tokenizer = RnaErnieModel.from_pretrained(folder), RnaTokenizer.from_pretrained(folder)
    items = []
    for name, sequence in (("one", "ACGUACGUA"), ("two", "CGAUUCNCG--CCC")):
        with torch.inference_mode():
            state = model.eval()(**tokenizer(sequence, return_tensors="pt")).last_hidden_state
        items.append({"id": name, "sequence": sequence, "cls": state[0, 0, :4].tolist()})
    path = tmp_path / "golden.json"
    path.write_text(json.dumps({"source": "a test", "dims": [0, 4], "items": items}))
    return path


def test_convert_says_what_it_made(call, checkpoint, tmp_path):
    status, out, _ = call("convert", checkpoint, "net", "--heads", "2")
    assert status == 0
    assert "2 layers, hidden size 16, 2 heads, 57 tokens -> net" in out
    assert "copies of the authors' UNK row: <null> N R" in out
    assert (tmp_path / "net" / "model.safetensors").exists()
    status, _, err = call("convert", checkpoint, "net", "--heads", "2")
    assert status == 2 and "net: it contains files already; choose another folder" in err
    assert call("convert", checkpoint, "net", "--heads", "2", "--force")[0] == 0


def test_nothing_is_left_of_a_conversion_that_fails(call, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    path = write_checkpoint(bad, {"x.weight": np.ones(3)})
    status, out, err = call("convert", path, "net")
    assert (status, out) == (2, "") and "word_embeddings.weight' is missing" in err
    assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == ["bad"]


def test_check_of_a_folder_and_of_a_checkpoint(call, checkpoint, folder, golden):
    for source in ([folder], [checkpoint, "--heads", "2"]):
        status, out, _ = call("convert", *source, "--check", golden)
        assert status == 0
        assert [line.split()[0] for line in out.splitlines()] == ["one", "two"]


def test_a_failed_check_writes_nothing(call, checkpoint, golden, tmp_path):
    content = json.loads(golden.read_text())
    content["items"][1]["cls"][2] += 0.5
    golden.write_text(json.dumps(content))
    status, out, err = call("convert", checkpoint, "net", "--heads", "2", "--check", golden)
    assert status == 2 and "two" in out
    assert "differ from the golden vectors by up to 5.0e-01, more than 0.001" in err
    assert not (tmp_path / "net").exists()
    with_tolerance = ("--check", golden, "--tolerance", "0.6")
    assert call("convert", checkpoint, "--heads", "2", *with_tolerance)[0] == 0


def test_arguments_that_ask_for_nothing(call, checkpoint, folder):
    status, _, err = call("convert", checkpoint)
    assert status == 2 and "there is nothing to do; add OUT, --check GOLDEN or both" in err
    status, _, err = call("convert", folder, "out")
    assert status == 2 and "it is a folder, not a Paddle checkpoint" in err


def test_inspect_prints_the_table_of_the_card(call):
    status, out, _ = call("inspect", "backbone=rnaernie")
    assert status == 0
    for figure in ("86.06", "86.66", "96.88", "48.32", "22.36", "11.17", "3072"):
        assert figure in out.split() or f"{figure} at" in out


def test_inspect_as_json_of_a_converted_folder(call, folder):
    settings = ("backbone=rnaernie", f"backbone.source={folder}")
    status, out, _ = call("inspect", *settings, "--tokens", "8,16", "--json")
    table = json.loads(out)
    assert status == 0 and table["backbone"] == "rnaernie"
    assert (table["hidden_size"], table["vocabulary"], table["max_tokens"]) == (16, 57, 31)
    assert [cost["tokens"] for cost in table["costs"]] == [8, 16]
    cost = table["costs"][0]
    assert cost["flops"] > cost["earlier_flops"] > cost["matrix_products"] == 2 * cost["macs"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["backbone=kmer"], "backbone: 'kmer' is no RNAErnie: it has no layers and heads"),
        (["backbone=rnaerni"], "there is no backbone 'rnaerni'; did you mean rnaernie"),
        (["seed=1"], "'seed=1' is not a setting of a backbone"),
        (["backbone=rnaernie,kmer"], "backbone: one backbone at a time"),
        (["backbone.hidden_size=7"], "backbone.hidden_size: 7 is not a multiple of 6 heads"),
        (["--tokens", "1,x"], "'1,x' is not N or N,N"),
        (["--tokens", "513"], "--tokens: 513 is not from 1 to 512 tokens"),
    ],
)
def test_inspect_of_what_cannot_be_counted(call, arguments, words):
    status, out, err = call("inspect", *arguments)
    assert (status, out) == (2, "")
    assert words in err and err.count("\n") == 1


def test_inspect_of_a_folder_without_a_model(call, tmp_path):
    (tmp_path / "empty").mkdir()
    settings = ("backbone=rnaernie", f"backbone.source={tmp_path / 'empty'}")
    status, _, err = call("inspect", *settings)
    assert status == 2 and "cannot be loaded" in err and "check the folder" in err
