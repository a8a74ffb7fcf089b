"""Models that release 0.1.0 saved load, and predict what they predicted then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench import load_run, predict
from rnaernie_bench.cli.main import main
from tests.golden_kit import KINDS, unpack

TOLERANCE = {"rtol": 2e-3, "atol": 1e-4}
"""Of numbers: probabilities go through half precision, and processors round differently."""


def inputs(folder: Path) -> list[Any]:
    """Return the sequences, or pairs of them, that a kind was given."""
    if (folder / "pairs.csv").exists():
        rows = (folder / "pairs.csv").read_text().split()[1:]
        return [(row.split(",")[1], row.split(",")[3]) for row in rows]
    return [line for line in (folder / "in.fa").read_text().split() if line[0] != ">"]


def as_json(found: Any) -> dict[str, Any]:
    """Return the fields of a prediction as expected.json names them."""
    if hasattr(found, "record"):
        matrix = found.probabilities
        rows = [matrix[i, i + 1 :].tolist() for i in range(len(matrix) - 1)]
        return {
            "id": found.record.id, "pairs": found.record.pairs.tolist(), "upper": rows,
            "sum": float(matrix.sum(dtype=float)), "largest": float(matrix.max()),
            "symmetric": np.allclose(matrix, matrix.T),
        }  # fmt: skip
    if hasattr(found, "pair"):
        named = {"first": found.pair.first_id, "second": found.pair.second_id}
        return {**named, "label": found.label, "numbers": dict(found.numbers)}
    fields = dict(vars(found))
    fields.pop("sequence", None)
    return {name: getattr(value, "tolist", lambda v=value: v)() for name, value in fields.items()}


def assert_alike(found: Any, expected: Any, place: str) -> None:
    """Compare numbers by `TOLERANCE`, all else exactly; fields that are not expected may be any."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert_alike(found[name], value, f"{place}.{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_alike(one, other, f"{place}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=TOLERANCE["rtol"], abs=TOLERANCE["atol"]), place
    else:
        assert found == expected, place


def cells(text: str) -> list[list[Any]]:
    """Return the cells of a table, those that are numbers as numbers."""

    def cell(text: str) -> Any:
        try:
            return float(text)
        except ValueError:
            return text

    return [[cell(part) for part in line.split("\t")] for line in text.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_the_first_release_predicts_as_then(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unpack(kind, tmp_path)
    expected = json.loads((folder / "expected.json").read_text())
    predictor = load_run(folder / "run")
    table = folder / ("pairs.csv" if (folder / "pairs.csv").exists() else "in.fa")
    found = predict(predictor, table)
    assert_alike([as_json(one) for one in found], expected["predictions"], kind)
    if "columns" in expected:
        assert list(predictor.columns) == expected["columns"]

    given = inputs(folder)
    again = predict(predictor, given)  # from Python, whatever the case
    assert [as_json(one).get("label") for one in again] == [
        as_json(one).get("label") for one in found
    ]
    if expected["type"] != "structures":
        normalised: list[Any] = [
            tuple(map(rna, one)) if isinstance(one, tuple) else rna(one) for one in given
        ]
        assert np.allclose(predictor.fitted.logits(normalised), expected["logits"], **TOLERANCE)

    for path in sorted(folder.glob("out*")):
        source = [str(table)]
        if path.name == "out_targets.tsv":
            targets = ["--targets", str(folder / "targets.fa"), "--top", "3"]
            source = [str(folder / "queries.fa"), *targets]
        output = tmp_path / path.name
        assert main(["predict", str(folder / "run"), *source, "-o", str(output)]) == 0
        assert capsys.readouterr().err.endswith(f" -> {output}\n")
        wanted = cells(path.read_text())  # columns that came later stand behind them
        written = [line[: len(wanted[0])] for line in cells(output.read_text())]
        assert_alike(written, wanted, path.name)


def rna(text: str) -> str:
    return text.upper().replace("T", "U")
