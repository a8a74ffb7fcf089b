"""`score`: files of sequences and variants, what is written, and what is refused."""

from __future__ import annotations

import io

import pytest

import rnaernie_bench
from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import BenchError

WILD = "GGGCUUCGGCCC"


@pytest.fixture(scope="module")
def encoder():
    return load_backbone("rnaernie-tiny", masked_lm=True)


@pytest.fixture
def written(tmp_path, monkeypatch, encoder):
    """Return what `score` writes of a file, as rows of cells."""
    monkeypatch.setattr("rnaernie_bench.cli.score.load_model", lambda *_, **__: encoder)

    def rows(text, *options, name="in.csv"):
        source = tmp_path / name
        source.write_text(text)
        out = tmp_path / "out.tsv"
        assert main(["score", str(source), *options, "-o", str(out)]) == 0
        return [line.split("\t") for line in out.read_text().splitlines()]

    return rows


def test_sequences_have_pseudo_likelihoods(written, encoder):
    header, first, second = written(f">a\n{WILD}\n>b\nacgun\n", name="in.fa")
    assert header == ["id", "bases", "pll", "per_base"]
    assert [first[:2], second[:2]] == [["a", "12"], ["b", "4"]]
    assert float(first[2]) == pytest.approx(12 * float(first[3]), abs=1e-4)
    [same, _] = rnaernie_bench.score([WILD, "ACGUN"], model=encoder)
    assert same.score == pytest.approx(float(first[2]), abs=1e-5)
    strided = written(f">a\n{WILD}\n", "--stride", "3", name="in.fa")
    assert strided[1][2] != first[2]
    four = written(f">a\n{WILD}\n", "--bases", name="in.fa")
    assert float(four[1][2]) > float(first[2])  # other tokens have no share


def test_variants_have_their_mutations_and_fill(written, encoder):
    text = f"variant\nG1A\ng1a:g2c\n{WILD[:-1]}A\n{WILD}A\n{WILD}\n"
    header, *rows = written(text, "--reference", WILD.lower())
    assert header == ["id", "mutations", "fill", "score"]
    assert [row[:3] for row in rows] == [
        ["G1A", "G1A", "masked"],
        ["g1a:g2c", "G1A:G2C", "masked"],
        ["3", "C12A", "masked"],
        ["4", "", "pseudo"],  # one base was inserted
        ["5", "WT", "masked"],
    ]
    assert float(rows[4][3]) == 0
    ours = rnaernie_bench.score(["G1A"], model=encoder, reference=WILD, fill="mutant")
    mutant = written("seq,id\nG1A,x\n", "--reference", WILD, "--fill", "mutant")
    assert mutant[1][:3] == ["x", "G1A", "mutant"]
    assert ours[0].score == pytest.approx(float(mutant[1][3]), abs=1e-5)
    assert mutant[1][3] != rows[0][3]


def test_standard_input_is_fasta_or_a_table(monkeypatch, capsys, encoder):
    monkeypatch.setattr("rnaernie_bench.cli.score.load_model", lambda *_, **__: encoder)
    for text, options in ((f">a\n{WILD}\n", []), ("mutant\nG1A\n", ["--reference", WILD])):
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(text.encode())))
        monkeypatch.setattr("sys.stdin", stream)
        assert main(["score", "-", *options]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("variant\nG1A\n", [], "row 1: 'G1A' is told of a reference, and there is none"),
        ("variant\nA1G\n", ["--reference", WILD], "row 1: 'A1G' is no mutation: the reference has"),
        ("name\nG1A\n", ["--reference", WILD], "there is no column variant or mutant"),
        ("seq\nACGU\n", ["--fill", "mutant"], "fill: mutant marginals compare a variant"),
        ("seq\nACGU\n", ["--reference", WILD, "--stride", "4"], "stride: it belongs to pseudo"),
        ("seq\nACGU\n", ["--reference", WILD, "--bases"], "bases: it belongs to pseudo"),
        ("seq\nACGX!\n", [], "row 1: foreign letter '!'"),
        ("seq\nACGU\n", ["--model", "kmer-states"], "'kmer-states' cannot predict masked tokens"),
        ("seq\nACGU\n", ["--model", "kmer"], "'kmer' is a baseline"),
        ("seq\nACGU\n", ["--type", "dRNA"], "there is no RNA type 'dRNA'"),
        ("", [], "the file is empty"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path, capsys, text, options, reason):
    source = tmp_path / "in.csv"
    source.write_text(text)
    assert main(["score", str(source), *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("rnaernie-bench: ")
    assert reason in error


def test_one_text_is_no_list(encoder):
    with pytest.raises(BenchError, match="one text is no list"):
        rnaernie_bench.score(WILD, model=encoder)
