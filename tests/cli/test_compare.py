"""`compare`, from names to a table."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from rnaernie_bench.cli import compare
from rnaernie_bench.cli.main import main
from rnaernie_bench.leaderboard import comparison
from rnaernie_bench.results.store import read_records

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few resamples: these tests are about what is printed."""
    few = functools.partial(comparison.Options, n_resamples=50)
    monkeypatch.setattr(comparison, "Options", few)


def run(*arguments: str) -> int:
    return main(["compare", *arguments, "--results-dir", str(RESULTS), "--task", "ncrna_cls"])


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Give two runs of the committed records, of different backbones."""
    by_backbone = {
        record["backbone"]["name"]: record["run_id"]
        for record in read_records(RESULTS)
        if record["task"]["name"] == "ncrna_cls"
    }
    return sorted(by_backbone.values())[:2]


def test_table(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--metric", "accuracy", "--part", "full", "--by", "item")
    assert run(*names, "--items", "3", *chosen) == 0
    printed = capsys.readouterr().out
    assert "test part full\n2,600 items; 95 % intervals" in printed
    first, second = (line for line in printed.splitlines() if line.startswith(names[0]))
    assert second.split()[1] == names[1]
    assert second.endswith("mcnemar")
    assert first.split()[1] == "1"
    assert " of 2,600 items are disputed" in printed
    items = printed.split("\nitem ")[1].split("\n\n")[0].splitlines()[2:]
    assert len(items) == 3


def test_json_holds_all_figures(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*names, "--json", "--by", "group", "--items", "0") == 0
    value = json.loads(capsys.readouterr().out)
    assert [row["run_ids"] for row in value["rows"]] == [[name] for name in names]
    assert value["options"]["by"] == "group"
    assert value["n_units"] < value["n"] == 2253
    [pair] = value["pairs"]
    gap = value["rows"][0]["value"] - value["rows"][1]["value"]
    assert pair["difference"] == pytest.approx(gap)
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert value["disagreement"]["items"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "two rows or more are needed"),
        (["no-such-row"], "there is no run or row 'no-such-row'"),
    ],
)
def test_refusals_are_one_line(
    arguments: list[str], message: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(names[0], *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_metric_that_is_not_there(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*names, "--metric", "auroc") == 2
    assert (
        "--metric: auroc cannot be compared on predictions of the kind multiclass of 13"
        in capsys.readouterr().err
    )


def test_p_values_are_not_shown_beyond_what_is_known() -> None:
    assert [compare._p_value(p) for p in (1e-9, 0.0001, 0.25)] == ["<0.0001", "0.0001", "0.2500"]
