from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.data.pairs import NamedPair
from rnaernie_bench.errors import ConfigError
from rnaernie_bench.measures.answers import Tuning
from rnaernie_bench.pairs.predict import (
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
    assert write_pairs_tsv(iter(found), file) == 3
    lines = file.getvalue().splitlines()
    assert lines[0] == "first_id\tsecond_id\tclass\tprobability"
    assert lines[1].startswith("qACGUACG\ttUUGCAUGCAA\t")


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
    draw_pair(chosen, chosen.told(NamedPair("a", "GGGAAACC", "x", "AAGGUUUCCCAA"), 0.3), path)
    assert path.stat().st_size > 2000
    if end == ".svg":
        assert "duplex" in path.read_text()


def test_pictures_have_two_formats() -> None:
    check_picture(Path("a.svg"))
    with pytest.raises(ConfigError, match="no format of pictures"):
        check_picture(Path("a.jpg"))
