"""The figures of the documents are those of the committed records."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from rnaernie_bench.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = README.partition("<!-- results:begin -->\n")[2].partition("<!-- results:end -->")[0]
FIGURE = re.compile(r"(?:`(?P<name>[^`]+)`(?: (?P<decoder>with ViennaRNA))? )?(?P<figure>\..+)")


def leaderboard(format: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["leaderboard", "--format", format, "--results-dir", str(ROOT / "results")]) == 0
    return capsys.readouterr().out


def test_the_page_of_results_is_that_of_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    """So are the contrasts: where those of a table are out of date, its columns are missing."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert leaderboard("md", capsys).strip() in page


def test_the_table_of_the_readme_is_that_of_the_records(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = list(csv.DictReader(io.StringIO(leaderboard("csv", capsys))))
    lines = [line.strip("|\n").split("|") for line in SHOWN.splitlines()[2:]]
    assert len(lines) == 8
    for task, _, part, metric, baseline, network, untrained in (map(str.strip, x) for x in lines):
        of_part = [
            row
            for row in rows
            if row["task"].partition("@")[0] == task.strip("`")
            and row["metric"] == metric.lower().replace(" ", "_")
            and {row["split"], row["part"]} >= set(re.findall("`(.*?)`", part))
        ]
        # The table of the default split comes first, but one that no network is in yet.
        keys = ("task", "split", "fold", "part")
        first = next(row for row in of_part if row["kind"] == "encoder")
        table = [row for row in of_part if all(row[k] == first[k] for k in keys)]
        best = next(row for row in table if row["kind"] == "baseline")
        assert baseline == f"`{best['backbone']}` {figure(best)}"
        trained = FIGURE.fullmatch(network)
        assert trained
        for cell, init in ((network, ""), (untrained, " (random)")):
            found = FIGURE.fullmatch(cell)
            decoder = f" {trained['decoder']}" if trained["decoder"] else ""
            same = [
                figure(row)
                for row in table
                if row["backbone"] == f"rnaernie-tiny{init}{decoder}"
                and row["strategy"] == trained["name"]
            ]
            assert found["figure"] in same if found else same == []


def figure(row: dict[str, str]) -> str:
    """Return the mean over seeds, and where there are several the standard deviation."""
    numbers = [row["mean"], row["sd"]] if row["sd"] else [row["mean"]]
    return " ± ".join(f"{float(number):.3f}".lstrip("0") for number in numbers)
