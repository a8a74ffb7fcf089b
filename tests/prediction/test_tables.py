"""Tables of predictions, worked out by hand from scores."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.prediction.writing import write
from rnaernie_bench.structure.decoders import DecodingOptions

SURE, UNSURE = "0.880797", "0.119203"
"""Probabilities of log-odds of 2 and -2, which scores of 4 and -4 are at the temperature 2."""
NINTH = 4 * log(3)
"""The score by which a class is 9 times as probable as another at the temperature 2."""
CLASSES = "id class probability entropy_bits truncated p:a p:b"


@dataclass
class Scores:
    """A model whose scores are known."""

    rows: list[list[float]]

    def logits(self, inputs: list[Any]) -> np.ndarray:
        return np.array(self.rows, dtype=np.float32)


TABLES: dict[tuple[str, str], tuple[Any, list[list[float]], str]] = {
    ("sequence", "binary"): (
        "ACG",
        [[0.0]],  # below the threshold of 0.1
        f"{CLASSES}|1 a 0.500000 1.0000 yes 0.500000 0.500000",
    ),
    ("sequence", "multiclass"): (
        "AC",
        [[0.0, 0.0]],
        f"{CLASSES}|1 a 0.500000 1.0000 no 0.500000 0.500000",
    ),
    ("sequence", "multilabel"): (
        "ACG", [[4, -4]], f"id label p:a p:b truncated|1 a {SURE} {UNSURE} yes"
    ),
    ("sequence", "regression"): ("AC", [[1.5, -2]], "id a b truncated|1 1.5 -2 no"),
    ("token", "binary"): (
        "AC", [[4], [-4]], f"id position base label p:b|1 1 A b {SURE}|1 2 C a {UNSURE}"
    ),
    ("token", "multiclass"): (
        "AC", [[0, NINTH], [0, 0]],
        "id position base label p:a p:b|1 1 A b 0.1 0.9|1 2 C a 0.5 0.5",
    ),
    ("token", "multilabel"): (
        "AC", [[4, 4], [-4, -4]],
        f"id position base label p:a p:b|1 1 A a,b {SURE} {SURE}|1 2 C - {UNSURE} {UNSURE}",
    ),
    ("token", "regression"): ("AC", [[1, 2], [3, 4]], "id position base a b|1 1 A 1 2|1 2 C 3 4"),
    ("contact", "multiclass"): (
        "ACG", [[0, NINTH], [0, 0], [NINTH, 0]],
        "id i j bases label p:a p:b|1 1 2 AC b 0.1 0.9|1 1 3 AG a 0.5 0.5|1 2 3 CG a 0.9 0.1",
    ),
    ("contact", "multilabel"): (
        "AC", [[4, -4]], f"id i j bases label p:a p:b|1 1 2 AC a {SURE} {UNSURE}"
    ),
    ("contact", "regression"): ("AC", [[1, 2]], "id i j bases a b|1 1 2 AC 1 2"),
    ("pair", "binary"): (
        ("A", "C"), [[4]], f"first_id second_id class probability|1.1 1.2 b {SURE}"
    ),
    ("pair", "multiclass"): (
        ("A", "C"), [[0, NINTH]], "first_id second_id label p:a p:b|1.1 1.2 b 0.1 0.9"
    ),
    ("pair", "multilabel"): (
        ("A", "C"), [[-4, -4]], f"first_id second_id label p:a p:b|1.1 1.2 - {UNSURE} {UNSURE}"
    ),
    ("pair", "regression"): (("A", "C"), [[1.5, -2]], "first_id second_id a b|1.1 1.2 1.5 -2"),
}  # fmt: skip


@pytest.mark.parametrize(("level", "problem"), TABLES)
def test_tables(level: str, problem: Any) -> None:
    given, scores, lines = TABLES[level, problem]
    predictor = Predictor(
        Scores(scores), level, problem, ("a", "b"), Tuning(2.0, (0.1,)), "truncate", 2
    )
    file = io.StringIO()
    items = predictor.form.name(predictor, [given])
    assert write(predictor, predictor.predict(items), file)[0] == 1
    assert file.getvalue() == lines.replace(" ", "\t").replace("|", "\n") + "\n"


class Matrix:
    """A model of base pairs."""

    def probabilities(self, sequences: list[str]) -> Any:
        for index, sequence in reversed(list(enumerate(sequences))):
            matrix = np.zeros((len(sequence), len(sequence)), dtype=np.float32)
            matrix[0, 4] = matrix[4, 0] = 0.75
            matrix[0, 5] = matrix[5, 0] = 0.01
            matrix[0, 6] = matrix[6, 0] = 0.009
            yield index, matrix


def test_structures_in_each_notation(tmp_path: Any) -> None:
    decoding = DecodingOptions("threshold", threshold=0.5)
    predictor = Predictor(Matrix(), "contact", "binary", (), decoding)
    expected = {
        "o.tsv": "id i j bases probability decoded paired_i paired_j|"
        "1 1 5 GC 0.750000 yes 0.769000 0.750000|1 1 6 GA 0.010000 no 0.769000 0.010000|"
        "2 1 5 AU 0.750000 yes 0.769000 0.750000|2 1 6 AC 0.010000 no 0.769000 0.010000|",
        "o.dbn": ">1|GAAACAA|(...)..|>2|AGGGUCC|(...)..|",
    }
    items = predictor.form.name(predictor, ["gaaacaa", "AGGGTCC"])
    for name, text in expected.items():
        assert write(predictor, predictor.predict(items), tmp_path / name) == (2, 0)
        separator = "\t" if name == "o.tsv" else " "
        found = (tmp_path / name).read_text()
        assert found == text.replace(" ", separator).replace("|", "\n")
    stream = io.StringIO()
    write(predictor, predictor.predict(items), stream)
    assert stream.getvalue() == (tmp_path / "o.dbn").read_text()
