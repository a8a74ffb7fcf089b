"""A finished run on new sequences: columns, order, calibration, and input that is refused."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sys

import numpy as np
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.prediction import classes as module
from rnaernie_bench.prediction.classes import load_run
from rnaernie_bench.results.predictions import hash_ids, read_predictions
from tests.training_kit import LABELS, TINY_NET, fasta, installed

COLUMNS = ["id", "class", "probability", "entropy_bits", "truncated", *(f"p:{x}" for x in LABELS)]
MODELS = {
    "majority": ("backbone=majority",),
    "kmer": ("backbone=kmer", "backbone.max_k=2"),
    "cnn": ("backbone=cnn", "backbone.channels=8", "trainer.max_epochs=1"),
    "full": (*TINY_NET, "strategy=full", "trainer.max_epochs=1"),
    "frozen": (*TINY_NET, "strategy=frozen", "task.head=mean", "task.length=error"),
}
RECORDS = [("long one", "ACGU" * 128), ("b", "acgtn"), ("a a_rich", "AAAAAAAAAAAAAAAACAAA")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("predict")) as task:
        folders = {}
        for name, settings in MODELS.items():
            before = set(task.run_folders())
            assert task.cli(settings=settings) == 0
            (folders[name],) = set(task.run_folders()) - before
        yield task, folders


@pytest.fixture
def call(runs, tmp_path, capsys):
    """Give a function that predicts a file with a model; it returns status, rows and errors."""
    task, folders = runs

    def predict(name, content=None, *, source=None, output=tmp_path / "out.tsv"):
        if content is not None:
            source = tmp_path / "in.fa"
            source.write_bytes(content)
        capsys.readouterr()
        run = str(folders[name]) if name in folders else name
        status = main(
            ["predict", run, str(source), "-o", str(output), "--runs-dir", str(task.runs)]
        )
        captured = capsys.readouterr()
        text = output.read_text() if output != "-" and output.exists() else captured.out
        rows = [line.split("\t") for line in text.splitlines()]
        return status, rows, captured.err

    return predict


@pytest.mark.parametrize("name", ["majority", "kmer", "cnn", "full"])
def test_columns_order_and_probabilities(call, name):
    status, (header, *rows), err = call(name, fasta(RECORDS))
    assert status == 0 and "3 sequences -> " in err
    assert header == COLUMNS
    assert [row[0] for row in rows] == ["long", "b", "a"]
    for row in rows:
        p = np.array(row[5:], dtype=float)
        assert p.sum() == pytest.approx(1, abs=1e-5)
        assert row[1] == LABELS[p.argmax()]
        assert float(row[2]) == p.max()
        entropy = -(p * np.log2(np.maximum(p, 1e-12))).sum()
        assert float(row[3]) == pytest.approx(entropy, abs=1e-3)
    reads_all = name in ("majority", "kmer")
    assert [row[4] for row in rows] == ["no" if reads_all else "yes", "no", "no"]


@pytest.mark.parametrize("name", MODELS)
def test_agrees_with_the_predictions_of_the_run(runs, name):
    task, folders = runs
    predictor = load_run(folders[name])
    stored = read_predictions(folders[name] / "predictions.parquet")
    items = task.split().tests["full"]
    row = {identity: index for index, identity in enumerate(stored.ids)}
    order = [row[identity] for identity in hash_ids(item.id for item in items)]
    expected = np.exp(stored.scores[order].astype(float))
    found = predictor([item.sequence for item in items])
    got = np.array([list(prediction.probabilities.values()) for prediction in found])
    assert np.allclose(got, expected, atol=2e-3)  # stored in half precision


def test_gzip_standard_input_and_standard_output(call, monkeypatch):
    _, plain, _ = call("kmer", fasta(RECORDS))
    _, packed, _ = call("kmer", gzip.compress(fasta(RECORDS)))
    assert packed == plain
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(fasta(RECORDS))))
    monkeypatch.setattr(sys, "stdin", stdin)
    status, piped, _ = call("kmer", source="-", output="-")
    assert status == 0 and piped == plain


def test_chunks_do_not_matter(call, monkeypatch):
    _, whole, _ = call("kmer", fasta(RECORDS))
    monkeypatch.setattr(module, "CHUNK", 2)
    _, chunked, _ = call("kmer", fasta(RECORDS))
    assert chunked == whole


BAD = {
    "a repeated id": (fasta([*RECORDS, ("b again", "ACGU")]), "record 4", "'b' stands in record 2"),
    "a foreign letter": (b">x\nACGU\n>y\nAC!U\n", "record 2 (y), line 3", "letter '!'"),
    "no records": (b"", "in.fa", "the file is empty"),
    "a record without sequence": (b">x\n>y\nACGU\n", "record 1 (x)", "no sequence"),
    "no FASTA": (b"ACGU\n", "line 1", "before the first header"),
    "half a gzip": (gzip.compress(fasta(RECORDS))[:-12], "in.fa", "truncated or damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_leaves_no_output(call, tmp_path, case, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)  # so that lines are written before the fault is met
    content, *words = BAD[case]
    status, _, err = call("kmer", content)
    assert status == 2
    assert err.count("\n") == 1 and all(word in err for word in words), err
    assert {path.name for path in tmp_path.iterdir()} == {"in.fa"}


def test_over_the_limit_of_a_run_that_cuts_nothing(call, tmp_path):
    status, _, err = call("frozen", fasta(RECORDS))
    assert status == 2
    assert "record 1 (long one), line 1: the sequence has 512 bases, 508 fit" in err
    assert "use a run with task.length=truncate" in err
    assert not (tmp_path / "out.tsv").exists()
    status, rows, _ = call("frozen", fasta(RECORDS[1:]))
    assert status == 0 and len(rows) == 3


def test_runs_by_id_and_runs_there_are_not(call, runs):
    _, folders = runs
    assert call(folders["kmer"].name[:8], fasta(RECORDS))[0] == 0
    status, _, err = call("abcdef", fasta(RECORDS))
    assert status == 2 and "there is no run 'abcdef'" in err
    status, _, err = call("kmer", source="no/such.fa")
    assert status == 2 and "no/such.fa" in err


def test_a_run_that_the_test_set_chose_says_so(call, runs):
    task, folders = runs
    copy = task.folder / "published" / "tiny_cls" / folders["majority"].name
    shutil.copytree(folders["majority"], copy)
    record = json.loads((copy / "record.json").read_text())
    (copy / "record.json").write_text(json.dumps({**record, "protocol": "as_published"}))
    assert "AS PUBLISHED" in call(str(copy), fasta(RECORDS))[2]
    assert "AS PUBLISHED" not in call("majority", fasta(RECORDS))[2]


@pytest.mark.parametrize("missing", ["record.json", "model"])
def test_unfinished_runs(call, runs, tmp_path, missing):
    task, folders = runs
    unfinished = task.folder / "other" / "tiny_cls" / folders["kmer"].name
    shutil.rmtree(unfinished.parents[1], ignore_errors=True)
    shutil.copytree(folders["kmer"], unfinished)
    victim = unfinished / missing
    shutil.rmtree(victim) if victim.is_dir() else victim.unlink()
    status, _, err = call(str(unfinished), fasta(RECORDS))
    assert status == 2 and err.count("\n") == 1
    assert str(unfinished) in err and "finished" in err
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize(
    ("name", "file"),
    [("kmer", "kmer.npz"), ("full", "model.safetensors"), ("cnn", "cnn.safetensors"),
     ("frozen", "head.safetensors"), ("full", "config.json"), ("frozen", "backbone/config.json")],
)  # fmt: skip
@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_damaged_models(call, runs, tmp_path, name, file, damage):
    damaged = tmp_path / "run"
    shutil.copytree(runs[1][name], damaged)
    victim = damaged / "model" / file
    if damage == "removed":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:20])
    status, _, err = call(str(damaged), fasta(RECORDS[1:]))
    # Transformers, if another test imported it first, also shows its progress bars.
    (line,) = [line for line in err.splitlines() if line.startswith("rnaernie-bench: ")]
    assert status == 2 and "cannot be loaded" in line and line.endswith("repeat the run")


def test_an_empty_list_is_an_empty_list(runs):
    assert load_run(runs[1]["full"])([]) == []


def test_calibration_is_that_of_the_run(runs):
    _, folders = runs
    saved = json.loads((folders["kmer"] / "model" / "predictor.json").read_text())
    predictor = load_run(folders["kmer"])
    logits = predictor.fitted.logits(["ACGUACGU"])[0] / saved["temperature"]
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    (prediction,) = predictor(["ACGUACGU"])
    assert np.allclose(list(prediction.probabilities.values()), expected, atol=2e-3)
