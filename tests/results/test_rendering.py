"""What a reader and a program see of the tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.files import write_json
from rnaernie_bench.results.leaderboard import Table, TaskInfo, build
from rnaernie_bench.results.rendering import build_results, render
from rnaernie_bench.results.store import read_records

TASKS = {
    "ncrna_cls": TaskInfo(
        "ncRNA classes", "macro_f1", True, "full", ("accuracy", "mcc"), ("Families recur.",)
    )
}
COSTS = {"parameters": 5, "train_s": 3.25, "items_per_s": 12345.6, "peak_rss_mb": None}

TEXT = """\
ncRNA classes (ncrna_cls@1), test part full
Split published, 4 test items, protocol clean, data aaaaaaaaaaaa; sorted by macro_f1 (higher is better).
Budget of every trained row: max_epochs=20, patience=3.

backbone                strategy  seeds       macro_f1   95 % interval       accuracy  parameters  train s  items/s  notes
----------------------  --------  -----  -------------  --------------  -------------  ----------  -------  -------  --------------------------
rnaernie-tiny (random)  full          2  0.550 ± 0.071  [0.450, 0.650]  0.750 ± 0.000   1,900,000       12      100  2 of 2 ended by the budget
kmer [baseline]         baseline      1          0.300  [0.200, 0.400]          0.750           5     3.25   12,346
- Families recur.

Mean ± standard deviation over seeds; in brackets the 95 % bootstrap interval over test items (its mean over seeds).
"""  # noqa: E501

MARKDOWN = """\
## ncRNA classes (ncrna_cls@1), test part full

Split published, 4 test items, protocol clean, data aaaaaaaaaaaa; sorted by macro_f1 (higher is better).
Budget of every trained row: max_epochs=20, patience=3.

| backbone | strategy | seeds | macro_f1 | 95 % interval | accuracy | parameters | train s | items/s | notes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| rnaernie-tiny (random) | full | 2 | 0.550 ± 0.071 | [0.450, 0.650] | 0.750 ± 0.000 | 1,900,000 | 12 | 100 | 2 of 2 ended by the budget |
| kmer [baseline] | baseline | 1 | 0.300 | [0.200, 0.400] | 0.750 | 5 | 3.25 | 12,346 |  |

- Families recur.

Mean ± standard deviation over seeds; in brackets the 95 % bootstrap interval over test items (its mean over seeds).
"""  # noqa: E501


@pytest.fixture
def records(make_record: Any) -> list[dict[str, Any]]:
    kmer = make_record(
        0.3,
        backbone={"name": "kmer", "kind": "baseline", "init": None, "parameters": 5},
        strategy={"name": "baseline"},
        cost={name: COSTS[name] for name in ("train_s", "items_per_s", "peak_rss_mb")},
    )
    trained = [
        make_record(f1, seed=seed, recipe={"converged": False}, cost={"peak_rss_mb": None})
        for seed, f1 in enumerate((0.5, 0.6))
    ]
    made = [kmer, *trained]
    for record in made:
        del record["tests"]["deduplicated"]
    return made


@pytest.fixture
def tables(records: list[dict[str, Any]]) -> list[Table]:
    return build(records, tasks=TASKS)


def test_text(tables: list[Table]) -> None:
    assert render(tables, "table") == TEXT


def test_markdown(tables: list[Table]) -> None:
    assert render(tables, "md") == MARKDOWN


def test_csv_has_a_line_a_row_and_metric(tables: list[Table]) -> None:
    lines = list(csv.DictReader(io.StringIO(render(tables, "csv"))))
    assert [(line["backbone"], line["metric"]) for line in lines] == [
        ("rnaernie-tiny (random)", "macro_f1"),
        ("rnaernie-tiny (random)", "accuracy"),
        ("kmer", "macro_f1"),
        ("kmer", "accuracy"),
    ]
    assert float(lines[0]["mean"]) == 0.55
    assert (lines[0]["seeds"], lines[0]["part"], lines[0]["simulated"]) == ("0 1", "full", "False")
    assert (lines[2]["sd"], lines[2]["seeds_low"], lines[2]["parameters"]) == ("", "", "5")
    assert set(lines[0]) >= {"task", "dataset", "split", "fold", "protocol", "run_ids", "low"}


def test_json_holds_unrounded_figures(tables: list[Table], records: list[dict[str, Any]]) -> None:
    [table] = json.loads(render(tables, "json"))
    assert (table["task"], table["part"], table["main_metric"]) == (
        "ncrna_cls@1",
        "full",
        "macro_f1",
    )
    assert table["rows"][1]["metrics"]["macro_f1"] == {
        "mean": 0.3,
        "sd": None,
        "low": 0.3 - 0.1,
        "high": 0.4,
        "seeds_low": None,
        "seeds_high": None,
    }
    assert table["rows"][1]["run_ids"] == [records[0]["run_id"]]


@pytest.mark.parametrize(
    ("format", "empty"), [("table", ""), ("md", ""), ("csv", ""), ("json", "[]\n")]
)
def test_no_tables(format: str, empty: str) -> None:
    assert render([], format) == empty


def test_simulated_data_and_folds_are_in_the_title(make_record: Any) -> None:
    record = make_record(dataset={"simulated": True}, split={"fold": "srp"})
    text = render(build([record], tasks=TASKS), "table")
    assert text.startswith(
        "SIMULATED DATA: ncRNA classes (ncrna_cls@1), test part full, fold srp\n"
    )
    assert "- The data is simulated: the figures say nothing about real RNA.\n" in text
    assert TASKS["ncrna_cls"].caveats[0] not in text


def test_a_missing_metric_or_interval_is_a_dash(make_record: Any) -> None:
    records = [make_record(0.9, seed=0), make_record(0.5, head="mean")]
    metrics = records[0]["tests"]["full"]["metrics"]
    metrics["macro_f1"] |= {"low": None, "high": None}
    del metrics["accuracy"]
    line = render(build(records, tasks=TASKS), "md").splitlines()[7]
    assert [text.strip() for text in line.split("|")][4:7] == ["0.900", "-", "-"]


def test_markdown_escapes_bars(make_record: Any) -> None:
    record = make_record(backbone={"name": "a|b"})
    assert "| a\\|b (random) |" in render(build([record], tasks=TASKS), "md")


def test_the_results_page(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        write_json(tmp_path / "ncrna_cls" / "published" / f"{record['run_id']}.json", record)
    path = build_results(
        tmp_path, read_records(tmp_path), tasks=TASKS, protocol="Clean.", limits=["One.", "Two."]
    )
    assert path == tmp_path / "README.md"
    assert path.read_text(encoding="utf-8") == (
        "# Results\n\n"
        "Built by `rnaernie-bench results build` from the 3 records beside this page; "
        "changes made by hand are lost.\n\n"
        "Clean.\n\n" + MARKDOWN + "\n"
        "## What the figures do not show\n\n- One.\n- Two.\n"
    )
    before = path.read_bytes()
    build_results(
        tmp_path, read_records(tmp_path), tasks=TASKS, protocol="Clean.", limits=["One.", "Two."]
    )
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"README.md", "ncrna_cls"}
