"""What a reader and a program see of the tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.files import write_json
from rnaernie_bench.leaderboard.across import Across
from rnaernie_bench.leaderboard.extra_tables import extra_tables
from rnaernie_bench.leaderboard.front import as_markdown, front
from rnaernie_bench.leaderboard.references import references_for
from rnaernie_bench.leaderboard.rendering import (
    FORMATS,
    build_results,
    references_of,
    render,
)
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build
from rnaernie_bench.results.store import read_records

TASKS = {
    "ncrna_cls": TaskInfo(
        "ncRNA classes", "macro_f1", True, "full", ("accuracy", "mcc"), ("Families recur.",)
    )
}
COSTS = {"parameters": 5, "train_s": 3.25, "items_per_s": 12345.6, "peak_rss_mb": None}

TEXT = """\
ncRNA classes (ncrna_cls@1), test part full
No row of this board can be tested yet. What this does not show: Families recur.
Split published, 4 test items, protocol clean, data aaaaaaaaaaaa; sorted by macro_f1 (higher is better).
Budget of every trained row: max_epochs=20, patience=3.

backbone                strategy  seeds       macro_f1   95 % interval       accuracy  parameters  train s  items/s  trials  provenance     notes
----------------------  --------  -----  -------------  --------------  -------------  ----------  -------  -------  ------  -------------  --------------------------
rnaernie-tiny (random)  full          2  0.550 ± 0.071  [0.000, 1.000]  0.750 ± 0.000   1,900,000       12      100       0  self-reported  2 of 2 ended by the budget
kmer [baseline]         baseline      1          0.300  [0.200, 0.400]          0.750           5     3.25   12,346       0  self-reported
- Families recur.

Mean ± standard deviation over seeds; in brackets the 95 % interval of the mean over seeds and test items, over items alone where there is one run.
"""  # noqa: E501

MARKDOWN = """\
## ncRNA classes (ncrna_cls@1), test part full

No row of this board can be tested yet. What this does not show: Families recur.
Split published, 4 test items, protocol clean, data aaaaaaaaaaaa; sorted by macro_f1 (higher is better).
Budget of every trained row: max_epochs=20, patience=3.

| backbone | strategy | seeds | macro_f1 | 95 % interval | accuracy | parameters | train s | items/s | trials | provenance | notes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| rnaernie-tiny (random) | full | 2 | 0.550 ± 0.071 | [0.000, 1.000] | 0.750 ± 0.000 | 1,900,000 | 12 | 100 | 0 | self-reported | 2 of 2 ended by the budget |
| kmer [baseline] | baseline | 1 | 0.300 | [0.200, 0.400] | 0.750 | 5 | 3.25 | 12,346 | 0 | self-reported |  |

- Families recur.

Mean ± standard deviation over seeds; in brackets the 95 % interval of the mean over seeds and test items, over items alone where there is one run.
"""  # noqa: E501


EMPTY = """\
{
 "tables": [],
 "across_tasks": null,
 "external": []
}
"""


@pytest.fixture
def records(make_record: Any) -> list[dict[str, Any]]:
    kmer = make_record(
        0.3,
        backbone={"name": "kmer", "kind": "baseline", "init": None, "parameters": 5},
        strategy={"name": "baseline"},
        cost={name: COSTS[name] for name in ("train_s", "items_per_s", "peak_rss_mb")},
    )
    trained = [
        make_record(f1, seed=seed, selection={"ended_by": "steps"}, cost={"peak_rss_mb": None})
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
    assert (lines[2]["sd"], lines[2]["shortcut_gain"], lines[2]["parameters"]) == ("", "", "5")
    assert set(lines[0]) >= {"task", "dataset", "split", "fold", "protocol", "run_ids", "low"}


def test_json_holds_unrounded_figures(tables: list[Table], records: list[dict[str, Any]]) -> None:
    [table] = json.loads(render(tables, "json"))["tables"]
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
        "undefined": "",
    }
    assert table["rows"][1]["run_ids"] == [records[0]["run_id"]]


def test_provenance_is_in_every_format(records: list[dict[str, Any]]) -> None:
    kmer, first, second = (record["run_id"] for record in records)

    def shown(*reproduced: str) -> list[str]:
        rows = build(records, tasks=TASKS, reproduced=reproduced)[0].rows
        return [row.provenance for row in rows]

    assert shown() == ["self-reported", "self-reported"]
    assert shown(kmer, first) == ["1 of 2 reproduced", "reproduced"]
    assert shown(first, second, "0" * 12) == ["reproduced", "self-reported"]
    tables = build(records, tasks=TASKS, reproduced=[first])
    for format in FORMATS:
        if format == "front":
            continue  # it shows the best rows alone
        text = render(tables, format)
        assert text.count("1 of 2 reproduced") == (2 if format == "csv" else 1)
        assert text.count("self-reported") == (2 if format == "csv" else 1)


def test_external_figures_stand_apart(tables: list[Table]) -> None:
    references = references_of(tables)
    assert {reference.source for reference in references} == {"BEACON"}
    for format in ("table", "md"):
        text = render(tables, format, references=references)
        ours, external = text.split("External: BEACON, accuracy, beside ncrna_cls")
        assert "RNA-FM" not in ours
        assert "not ranked with ours" in external
        assert "split of nRC is not ours" in external
        assert "0.968" in external
    plain = json.loads(render(tables, "json", references=references))
    assert plain["tables"] == json.loads(render(tables, "json"))["tables"]
    assert {figure["task"] for figure in plain["external"]} == {"ncrna_cls"}
    lines = list(csv.DictReader(io.StringIO(render(tables, "csv", references=references))))
    external = [line for line in lines if line["external"] == "True"]
    assert len(external) == len(references) == 18
    assert all(line["notes"].startswith("BEACON, https://") for line in external)
    assert {line["backbone"] for line in lines if line["external"] == "False"} == {
        "rnaernie-tiny (random)",
        "kmer",
    }


def test_splits_are_columns_and_their_notes_are_told_apart() -> None:
    references = references_for("ss_contacts")
    table = build([], tasks={})
    assert references_of(table) == []
    blocks = {block.title: block for block in extra_tables([], references, None)}
    assert list(blocks) == [
        "External: BEACON, f1, beside ss_contacts",
        "External: sinc-lab, f1, beside ss_contacts",
    ]
    theirs = blocks["External: sinc-lab, f1, beside ss_contacts"]
    assert theirs.header[:3] == ["model", "ArchiveII k-fold", "bpRNA TS0"]
    assert ["RNAErnie", "0.706", "0.442"] in [line[:3] for line in theirs.lines]
    assert any("one family left out" in caveat for caveat in theirs.caveats)


def test_ranks_over_tasks_are_shown(tables: list[Table]) -> None:
    across = Across(
        ("one@1", "two@1"), (("kmer", "baseline"), ("net", "full")), (1.0, 2.0), 1.3859,
        ((0.5, 1.0), (0.0, 0.5)), (("cnn", "full"),),
    )  # fmt: skip
    text = render(tables, "table", across=across)
    assert "less than 1.39 apart do not differ" in text
    assert "- Not ranked, as they lack one of the tasks: cnn/full." in text
    assert "1  kmer/baseline          1.00  0.50  1.00" in text
    assert "| 2 | net/full | 2.00 | 0.00 | 0.50 |" in render(tables, "md", across=across)
    assert json.loads(render(tables, "json", across=across))["across_tasks"] == {
        "tasks": ["one@1", "two@1"],
        "rows": [["kmer", "baseline"], ["net", "full"]],
        "average_ranks": [1.0, 2.0],
        "critical_difference": 1.3859,
        "win_rates": [[0.5, 1.0], [0.0, 0.5]],
        "left_out": [["cnn", "full"]],
        "other_tasks": [],
    }


def test_names_cannot_break_out_of_their_cell(make_record: Any) -> None:
    record = make_record(backbone={"name": "a|<b>\n\x1b[2J&amp;"})
    tables = build([record], tasks=TASKS)
    assert "| a\\|&lt;b>  [2J&amp;amp; (random) |" in render(tables, "md")
    assert "a|<b>  [2J&amp; (random)" in render(tables, "table")


@pytest.mark.parametrize(
    ("format", "empty"), [("table", ""), ("md", ""), ("front", ""), ("csv", ""), ("json", EMPTY)]
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
    line = render(build(records, tasks=TASKS), "md").splitlines()[8]
    assert [text.strip() for text in line.split("|")][4:7] == ["0.900", "-", "-"]


def test_markdown_escapes_bars(make_record: Any) -> None:
    record = make_record(backbone={"name": "a|b"})
    for format, end in (("md", " |"), ("front", " full")):
        assert f"| a\\|b (random){end}" in render(build([record], tasks=TASKS), format)


def test_the_results_page(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    for record in records:
        write_json(tmp_path / "ncrna_cls" / "published" / f"{record['run_id']}.json", record)
    tables = build(read_records(tmp_path), tasks=TASKS)
    path = build_results(tmp_path, tables, records=3, protocol="Clean.", limits=["One.", "Two."])
    assert path == tmp_path / "README.md"
    page = path.read_text(encoding="utf-8")
    external = page.index("## External: BEACON")
    assert page[:external] + page[page.index("## What the") :] == (
        "# Results\n\n"
        "Built by `rnaernie-bench results build` from the 3 records beside this page; "
        "changes made by hand are lost.\n\n"
        "Clean.\n\n" + as_markdown(front(tables)) + "\n" + MARKDOWN + "\n"
        "## What the figures do not show\n\n- One.\n- Two.\n"
    )
    before = path.read_bytes()
    build_results(tmp_path, tables, records=3, protocol="Clean.", limits=["One.", "Two."])
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"README.md", "ncrna_cls"}
