from __future__ import annotations

import io
from math import log
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.pairs import NamedPair
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction.pairs import (
    PairPredictor,
    check_picture,
    draw_pair,
    predict_all,
    predict_pairs,
    write_pairs_tsv,
)
from tests.pair_kit import PAIRS, tiny_pairs


def predictor() -> PairPredictor:
    return PairPredictor(tiny_pairs(), ("none", "interaction"), Tuning(2.0, (0.1,)))


def test_a_table_is_predicted_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = [f"q{first},{first},t{second},{second}\n" for first, second in PAIRS]
    path.write_text("first_id,first,second_id,second\n" + "".join(rows))
    found = list(predict_pairs(predictor(), path))
    logits = predictor().fitted.logits(PAIRS)[:, 0]
    expected = 1 / (1 + np.exp(-logits / 2))
    assert [one.probability for one in found] == pytest.approx(expected.tolist(), abs=1e-3)
    assert [one.label for one in found] == [
        "interaction" if logit / 2 >= 0.1 else "none" for logit in logits
    ]
    file = io.StringIO()
    assert write_pairs_tsv(iter(found), predictor(), file) == 3
    lines = file.getvalue().splitlines()
    assert lines[0] == "first_id\tsecond_id\tclass\tprobability"
    assert lines[1].startswith("qACGUACG\ttUUGCAUGCAA\t")


def test_a_sequence_that_does_not_fit_is_named(tmp_path: Path) -> None:
    short = PairPredictor(tiny_pairs(max_bases=6), ("none", "interaction"), Tuning())
    path, fasta = tmp_path / "pairs.csv", tmp_path / "t.fa"
    path.write_text("first_id,first,second_id,second\na,ACGU,x,ACGU\na,ACGU,y,ACGUACG\n")
    with pytest.raises(DataError, match=r"pairs.csv, pair 'a' and 'y': a sequence has 7 bases, 6"):
        list(predict_pairs(short, path))
    fasta.write_text(">x\nACGU\n>y\nACGUACG\n")
    with pytest.raises(DataError, match=r"t.fa, record 2 \(y\), line 3: the sequence has 7 bases"):
        list(predict_all(short, fasta, fasta, top=1))


@pytest.mark.parametrize(
    ("problem", "scores", "header", "line"),
    [
        ("regression", [[1.5, -2]], "none\tsite", "1.5\t-2"),
        ("multilabel", [[4, -4]], "label\tp:none\tp:site", "none\t0.880797\t0.119203"),
        ("multilabel", [[-4, -4]], "label\tp:none\tp:site", "-\t0.119203\t0.119203"),
        ("multiclass", [[0, 4 * log(3)]], "label\tp:none\tp:site", "site\t0.1\t0.9"),
    ],
)
def test_other_problems_have_other_columns(
    problem: Problem, scores: list[list[float]], header: str, line: str
) -> None:
    """Log-odds of 4 are 2 at the temperature 2; and so 2 log 3 is that of .9 against .1."""
    asked = PairPredictor(tiny_pairs(), ("none", "site"), Tuning(2.0, ()), problem)
    told = asked.told([NamedPair("a", "A", "x", "C")], np.array(scores, dtype=np.float32))
    file = io.StringIO()
    assert write_pairs_tsv(told, asked, file) == 1
    assert file.getvalue().splitlines() == [f"first_id\tsecond_id\t{header}", f"a\tx\t{line}"]


def test_targets_are_ranked_by_one_number(tmp_path: Path) -> None:
    fasta = tmp_path / "q.fa"
    fasta.write_text(">a\nACGUACG\n>b\nGGAC\n")
    fitted = tiny_pairs(problem="regression")
    one = PairPredictor(fitted, ("affinity",), Tuning(), "regression")
    found = list(predict_all(one, fasta, fasta, top=1))
    scores = fitted.logits([(a, b) for a in ("ACGUACG", "GGAC") for b in ("ACGUACG", "GGAC")])
    best = scores.reshape(2, 2).max(axis=1)
    assert [p.numbers["affinity"] for p in found] == pytest.approx(best.tolist(), abs=1e-5)
    many = PairPredictor(fitted, ("a", "b", "c"), Tuning(), "multiclass")
    with pytest.raises(ConfigError, match="3 numbers, targets are ranked by one"):
        next(predict_all(many, fasta, fasta, top=1))


def test_two_files_are_held_against_each_other(tmp_path: Path) -> None:
    queries, targets = tmp_path / "q.fa", tmp_path / "t.fa"
    queries.write_text(">a\nACGUACG\n>b\nGGAC\n")
    targets.write_text(">x\nUUGCAUGCAA\n>y\nGGGGCC\n>z\nAAAAAA\n")
    found = list(predict_all(predictor(), queries, targets, top=2))
    assert [one.pair.first_id for one in found] == ["a", "a", "b", "b"]
    assert found[0].probability >= found[1].probability
    assert found[0].pair.second_id != found[1].pair.second_id


@pytest.mark.parametrize("end", [".svg", ".png"])
def test_the_picture_shows_map_and_duplex(tmp_path: Path, end: str) -> None:
    pytest.importorskip("RNA")
    chosen, path = predictor(), tmp_path / f"pair{end}"
    pair = NamedPair("a", "GGGAAACC", "x", "AAGGUUUCCCAA")
    [found] = chosen.told([pair], np.array([[0.3]], dtype=np.float32))
    draw_pair(chosen, found, path)
    assert path.stat().st_size > 2000
    if end == ".svg":
        assert "duplex" in path.read_text()


def test_pictures_have_two_formats() -> None:
    check_picture(Path("a.svg"))
    with pytest.raises(ConfigError, match="no format of pictures"):
        check_picture(Path("a.jpg"))
