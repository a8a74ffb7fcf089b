"""`embed` and `fill-mask` as a user calls them."""

from __future__ import annotations

import gzip
import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers.utils import logging

from rnaernie_bench.cli.main import main
from rnaernie_bench.prediction.embed import embed
from rnaernie_bench.prediction.fill_mask import fill_mask
from tests.backbone_kit import save_masked_lm

FASTA = b">b first\nACGT\n>a\nggc\nauu\n>c\nNNNNNNN\n"
SEQUENCES = ["ACGU", "GGCAUU", "NNNNNNN"]
CARD = "gguc<mask>cucugguuagaccagaucugagccu"


@pytest.fixture(autouse=True)
def quiet():
    """Tell Transformers what the environment would, had the command line imported it."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity(verbosity)
    if bars:
        logging.enable_progress_bar()


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    save_masked_lm(folder)
    return str(folder)


@pytest.fixture
def call(net, tmp_path, capsys):
    """Give a function that calls a command with the net; it returns status, output and errors."""

    def run(*arguments, content=None):
        if content is not None:
            (tmp_path / "in.fa").write_bytes(content)
        model = () if "--model" in arguments else ("--model", net)
        status = main([*arguments, *model])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def stdin(monkeypatch):
    def give(content):
        buffer = io.BufferedReader(io.BytesIO(content))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))

    return give


def vectors(path):
    with np.load(path) as file:
        return file["ids"].tolist(), file["embeddings"]


def test_vectors_in_the_order_of_the_file(call, net):
    status, out, err = call("embed", "in.fa", "-o", "out.npz", content=FASTA)
    assert (status, out, err) == (0, "", "3 sequences -> out.npz\n")
    ids, rows = vectors("out.npz")
    assert ids == ["b", "a", "c"]
    assert np.allclose(rows, embed(SEQUENCES, model=net), atol=1e-6)


def test_gzip_and_standard_input(call, stdin, tmp_path):
    call("embed", "in.fa", "-o", "plain.npz", content=FASTA)
    call("embed", "in.fa", "-o", "packed.npz", content=gzip.compress(FASTA))
    stdin(FASTA)
    assert call("embed", "-", "-o", "piped.npz")[0] == 0
    files = {(tmp_path / f"{name}.npz").read_bytes() for name in ("plain", "packed", "piped")}
    assert len(files) == 1


def test_poolings_types_and_formats(call, net):
    options = ("--pooling", "token", "--type", "tRNA")
    status, _, err = call("embed", "in.fa", "-o", "new/out.parquet", *options, content=FASTA)
    assert status == 0, err
    table = pq.read_table("new/out.parquet")
    assert table["id"].to_pylist() == ["b", "a", "c"]
    expected = embed(SEQUENCES, model=net, pooling="token", rna_type="tRNA")
    for found, wanted in zip(table["states"].to_pylist(), expected, strict=True):
        assert np.allclose(found, wanted, atol=1e-5)
    metadata = json.loads(table.schema.metadata[b"rnaernie_bench"])
    assert (metadata["pooling"], metadata["type"], metadata["model"]) == ("token", "tRNA", net)


def test_long_sequences(call, tmp_path):
    content = b">a\nACGU\n>b long\n" + b"ACGU" * 128
    status, _, err = call("embed", "in.fa", "-o", "out.npz", content=content)
    assert status == 2
    assert err == (
        "rnaernie-bench: in.fa, record 2 (b long), line 3: the sequence has 512 bases, 508 fit; "
        "cut it, or use its first bases with --length truncate, or all with --length window\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"in.fa"}
    status, _, err = call("embed", "in.fa", "-o", "out.npz", "--length", "truncate")
    assert status == 0
    assert err == "2 sequences, 1 of them cut to their first 508 bases -> out.npz\n"
    status, _, err = call("embed", "in.fa", "-o", "out.npz", "--length", "window")
    assert status == 0
    assert err == "2 sequences, 1 of them read by windows of 508 bases -> out.npz\n"


def test_a_column_of_a_table(call, tmp_path, net):
    text = b"name,seq\none,ACGU\ntwo,ggcat\n"
    options = ("in.csv", "--sequence", "seq", "--id", "name", "-o", "out.npz")
    (tmp_path / "in.csv").write_bytes(text)
    assert call("embed", *options)[0] == 0
    ids, rows = vectors(tmp_path / "out.npz")
    assert ids == ["one", "two"]
    assert np.allclose(rows, embed(["ACGU", "GGCAU"], model=net), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "name"), "--id: it says nothing beside a FASTA file"),
        (("--overlap", "5"), "--overlap: it says nothing beside no --length window"),
        (("--attentions", "--layer", "1"), "--layer: it says nothing beside --attentions"),
        (("--layer", "99"), "there is no layer '99'"),
        (("--sequence", "seq"), "in.fa"),
    ],
)
def test_options_that_say_nothing(call, options, said):
    status, _, err = call("embed", "in.fa", "-o", "out.npz", *options, content=FASTA)
    assert status == 2 and said in err and err.count("\n") == 1


BAD = {
    "a repeated id": (b">a 1\nAC\n>a 2\nG\n", ("in.fa",), "the id 'a' stands in record 1"),
    "a foreign letter": (b">a\nAC!U\n", ("in.fa",), "foreign letter '!' at position 3"),
    "no records": (b"", ("in.fa",), "in.fa: the file is empty"),
    "no file": (FASTA, ("no.fa",), "no.fa: the file cannot be read"),
    "an unknown type": (
        FASTA,
        ("in.fa", "--type", "tRNAs"),
        "no RNA type 'tRNAs'; did you mean tRNA",
    ),
    "a baseline": (FASTA, ("in.fa", "--model", "kmer"), "'kmer' is a baseline"),
    "no model": (FASTA, ("in.fa", "--model", "nothing"), "no backbone or folder is called"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_leaves_no_output(call, tmp_path, case):
    content, arguments, message = BAD[case]
    status, _, err = call("embed", *arguments, "-o", "out.npz", content=content)
    assert status == 2 and message in err and err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"in.fa"}


def test_outputs_that_cannot_be(call):
    status, _, err = call("embed", "in.fa", "-o", "out.csv", content=FASTA)
    assert status == 2 and "out.csv: '.csv' is no format of embeddings" in err
    status, _, err = call("embed", "in.fa", "-o", "in.fa/out.npz")
    assert status == 2 and "in.fa: cannot be written: a file is where" in err


def test_random_weights_are_named(call):
    status, _, err = call(
        "embed", "in.fa", "-o", "out.npz", "--model", "rnaernie-mini", content=FASTA
    )
    assert status == 0
    assert err.startswith("rnaernie-mini has random weights: its output means nothing\n")


def test_candidates_as_a_table(call, net):
    status, out, err = call("fill-mask", CARD)
    assert (status, err) == (0, "")
    [candidates] = fill_mask(CARD, model=net)
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert rows == [[f"{c.score:.4f}", c.token_str, c.sequence] for c in candidates]
    out = call("fill-mask", "a<mask>c<mask>", "--top", "2", "--bases")[1]
    assert [line for line in out.splitlines() if line.startswith("mask")] == ["mask 1", "mask 2"]
    assert len(out.splitlines()) == 6


def test_candidates_as_json(call, net):
    found = json.loads(call("fill-mask", CARD, "--json", "--type", "tRNA", "--top", "3")[1])
    [expected] = fill_mask(CARD, model=net, rna_type="tRNA", top=3)
    assert found == [vars(candidate) for candidate in expected]
    several = json.loads(call("fill-mask", "a<mask>c<mask>", "--json")[1])
    assert [len(mask) for mask in several] == [5, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["acgu"], "sequence: there is nothing to predict; write <mask> in place of a base"),
        (["ac!<mask>"], "sequence: foreign letter '!' at position 3"),
        ([CARD, "--top", "0"], "top: the value must be from 1 to 57"),
        ([CARD, "--type", "tRNAs"], "there is no RNA type 'tRNAs'; did you mean tRNA"),
    ],
)
def test_masks_that_cannot_be_filled(call, arguments, message):
    status, out, err = call("fill-mask", *arguments)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert message in err


def test_vectors_in_the_plane(call, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    content = b"".join(f">{n}\n{'GGCAU' * (n + 2)}\n".encode() for n in range(4))
    (tmp_path / "t.csv").write_text("id,kind\n0,a\n1,b\n2,a\n", encoding="utf-8")
    command = ("embed", tmp_path / "in.fa", "-o", tmp_path / "out.npz", "--plot")
    picture = tmp_path / "map.svg"
    colour = ("--colour", f"{tmp_path / 't.csv'}:kind")
    status, _, err = call(*map(str, (*command, picture, *colour)), content=content)
    assert status == 0, err
    assert picture.stat().st_size > 1000
    for options, message in (
        ((picture, "--pooling", "token"), "--plot: one vector a sequence is drawn"),
        ((picture, "--colour", "kind"), "there is no table to take the column of"),
        ((tmp_path / "map.pdf",), "it is no picture"),
    ):
        status, _, err = call(*map(str, (*command, *options)))
        assert status == 2
        assert message in err
