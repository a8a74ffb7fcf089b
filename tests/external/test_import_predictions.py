"""Files of predictions become records, of every level and problem, or nothing does."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import ContactItem
from rnaernie_bench.external.source import Reading
from rnaernie_bench.external.structures import structures_reader
from rnaernie_bench.results.record import identity_of, run_id_of
from rnaernie_bench.results.store import read_records, validate_folder
from tests.kit import LABELS, NAME, Made, make_task

Rows = list[dict[str, Any]]
CLASSES = ("binary", "multiclass")
WHOLE = {"sequence", "pair"}
"""Levels whose items are one unit."""


def imported(made: Made, rows: Rows, *options: str, name: str = "theirs.csv") -> tuple[int, Any]:
    """Write rows as a table, import it, and return the status and the record, if there is one."""
    path = made.folder / name
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if ".tsv" in name else ",")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return run(made, path, *options)


def run(made: Made, path: Path, *options: str) -> tuple[int, Any]:
    results = made.folder / "results"
    before = {r["run_id"] for r in read_records(results)} if results.is_dir() else set()
    tasks = ["--task", NAME, "--task-path", str(made.folder / "tasks")]
    fixed = [*tasks, "--name", "Theirs", "--results-dir", str(results)]
    status = main(["results", "import-predictions", str(path), *fixed, *options])
    found = read_records(results) if results.is_dir() else []
    return status, next((r for r in found if r["run_id"] not in before), None)


def right(made: Made, kind: str) -> tuple[Rows, tuple[str, ...]]:
    """Return rows that predict what is true, of one kind, and the options they need.

    What is not known is predicted as well.
    """
    labels, rows = LABELS[made.level, made.problem], []
    for row in made.rows["test"]:
        names = ("first", "second") if made.level == "pair" else ("sequence",)
        cells: dict[str, Any] = {} if made.level == "pair" else {"id": identity(made, row)}
        cells |= {name: row[name].lower().replace("u", "t") for name in names}
        if made.level == "contact" and made.problem == "binary":
            i, j = row["pair"]
            cells["base_pairs"] = f"[[{i + 1}, {j + 1}]]"
        elif made.problem in CLASSES:
            told = [value or labels[0] for value in row["told"][0]]
            if kind == "classes":
                cells["class"] = listed(made, told)
            for label in (labels[-1:] if made.problem == "binary" else labels) * (
                kind != "classes"
            ):
                cells[f"p:{label}"] = listed(made, [0.9 if t == label else 0.1 for t in told])
        else:
            for label, told in zip(labels, row["told"], strict=True):
                cells[label] = listed(made, [0.5 if value is None else value for value in told])
        rows.append(cells)
    if kind == "scores":
        return rows, ("--gives", "scores")
    labelled = made.problem == "multilabel"
    return rows, ("--gives", "probabilities") if labelled else ()


def identity(made: Made, row: dict[str, Any]) -> str:
    structures = made.level == "contact" and made.problem == "binary"
    return f"{row['id']}_{row['group']}" if structures else row["id"]


def listed(made: Made, values: list[Any]) -> Any:
    return values[0] if made.level in WHOLE else json.dumps(values)


@pytest.mark.parametrize(("level", "problem"), list(LABELS))
def test_what_is_right_is_scored_so_at_every_level(
    tmp_path: Path, level: str, problem: str
) -> None:
    made = make_task(tmp_path, level, problem)
    kinds = ("classes", "scores") if problem in CLASSES else ("values",)
    for kind in kinds if level != "contact" or problem != "binary" else ("pairs",):
        needs_order = made.metric in ("auroc", "macro_auroc")
        if (kind == "classes" and needs_order) or (kind == "scores" and problem == "multiclass"):
            continue
        rows, options = right(made, kind)
        if kind == "scores" and made.metric == "mcc":
            options = (*options, "--threshold", "0.5")
        status, record = imported(made, rows, *options, "--licence", "MIT")
        assert status == 0
        figure = record["tests"]["all"]["metrics"][made.metric]
        assert figure["value"] == pytest.approx(0.0 if made.metric == "mcrmse" else 1.0, abs=1e-3)
        assert record["external"]["licence"] == "MIT"
        assert record["run_id"] == run_id_of(identity_of(record))
    assert validate_folder(tmp_path / "results") == []


def test_probabilities_decide_and_are_calibrated(tmp_path: Path) -> None:
    made = make_task(tmp_path, "sequence", "binary")
    truth = np.array([row["told"][0][0] == "yes" for row in made.rows["test"]])
    rows, _ = right(made, "probabilities")
    for k, row in enumerate(rows):
        row["p:yes"] = 0.2 + 0.05 * (k % 9)
    status, record = imported(made, rows, name="theirs.csv.gz")
    assert status == 0
    metrics = record["tests"]["all"]["metrics"]
    shares = np.array([row["p:yes"] for row in rows])
    assert metrics["accuracy"]["value"] == pytest.approx(np.mean((shares >= 0.5) == truth))
    assert metrics["brier"]["value"] == pytest.approx(np.mean((shares - truth) ** 2), abs=1e-3)


def test_scores_rank_and_neither_decide_nor_calibrate(tmp_path: Path) -> None:
    """Energies of which half precision would not tell any apart."""
    made = make_task(tmp_path, "sequence", "binary")
    truth = np.array([row["told"][0][0] == "yes" for row in made.rows["test"]])
    energies = np.random.default_rng(0).permutation(len(truth)) * 1e-6 - 1000 - truth * 5e-6
    rows = [
        {"sequence": row["sequence"], "energy": repr(float(energy))}
        for row, energy in zip(made.rows["test"], energies, strict=True)
    ]
    options = ("--column", "yes=energy", "--gives", "scores", "--lower-is-better")
    status, record = imported(made, rows, *options)
    assert status == 0
    metrics = record["tests"]["all"]["metrics"]
    assert set(metrics) == {"auroc", "auprc"}
    assert metrics["auroc"]["value"] == pytest.approx(roc_auc_score(truth, -energies))
    assert "confusion" not in record["tests"]["all"]
    threshold = float(np.median(energies))
    status, record = imported(made, rows, *options, "--threshold", repr(threshold))
    accuracy = np.mean((energies <= threshold) == truth)
    assert record["tests"]["all"]["metrics"]["accuracy"]["value"] == pytest.approx(accuracy)
    assert "brier" not in record["tests"]["all"]["metrics"]


def test_an_import_is_repeated_without_effect(tmp_path: Path, capsys: Any) -> None:
    made = make_task(tmp_path, "sequence", "multiclass")
    rows, _ = right(made, "classes")
    imported(made, rows)
    capsys.readouterr()
    status, record = imported(made, rows)
    assert (status, record) == (0, None)
    assert "which was there already" in capsys.readouterr().out
    assert imported(made, rows, "--citation", "Somebody 2020")[0] == 2
    assert "another record of run" in capsys.readouterr().err


def test_structure_files_are_read_in_folders(tmp_path: Path) -> None:
    made = make_task(tmp_path, "contact", "binary")
    folder = tmp_path / "theirs"
    folder.mkdir()
    for row in made.rows["test"]:
        i, j = row["pair"]
        lines = [
            f"{k + 1} {base} {j + 1 if k == i else i + 1 if k == j else 0}"
            for k, base in enumerate(row["sequence"])
        ]
        (folder / f"{identity(made, row)}.bpseq").write_text("\n".join(lines) + "\n")
    status, record = run(made, folder)
    assert status == 0
    assert record["tests"]["all"]["metrics"]["f1"]["value"] == 1
    assert len(record["external"]["files"]) == len(made.rows["test"])


def test_several_partners_count_as_published_and_are_resolved_beside(tmp_path: Path) -> None:
    made = make_task(tmp_path, "contact", "binary")
    rows, _ = right(made, "pairs")
    for cells, row in zip(rows, made.rows["test"], strict=True):
        i, j = row["pair"]
        cells["base_pairs"] = json.dumps([[i + 1, j + 1], [i + 2, j], [i + 1, j]])
    _, record = imported(made, rows)
    test = record["tests"]["all"]
    n = len(rows)
    assert test["metrics"]["f1"]["value"] == pytest.approx(2 / 4)  # 1 of 3 pairs is right
    assert test["one_partner"]["n"] == n
    assert test["one_partner"]["metrics"]["f1"] == pytest.approx(2 / 3)  # of the 2 that stack
    assert validate_folder(tmp_path / "results") == []
    _, record = imported(made, rows, "--partners", "one")
    assert record["tests"]["all"]["metrics"]["f1"]["value"] == pytest.approx(2 / 3)
    assert record["backbone"]["options"] == {"partners": "one"}


def edited(rows: Rows, **changes: Any) -> Rows:
    """Return rows with the cells of the second one changed."""
    return [rows[0], rows[1] | changes, *rows[2:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "1 missing (first 'test0')"),
        (lambda rows: [*rows, rows[0]], "1 duplicate (first"),
        (lambda rows: edited(rows, id="nobody"), "row 2: 'nobody'), 1 missing (first 'test1')"),
        (lambda rows: edited(rows, sequence="ACGU"), "another sequence than that of 'test1'"),
        (lambda rows: [*rows, rows[0] | {"p:yes": 0.3}], "'test0' is predicted otherwise before"),
        (lambda rows: edited(rows, **{"p:yes": 1.5}), "row 2: 1.5 is no probability"),
        (
            lambda rows: edited(rows, **{"p:yes": "x"}),
            "row 2, column 'p:yes': 'x' is no finite number",
        ),
        (lambda rows: edited(rows, **{"p:yes": ""}), "row 2, column 'p:yes': a value is missing"),
        (lambda rows: [{"id": r["id"]} for r in rows], "no column tells a prediction"),
        (lambda rows: [{"p:yes": r["p:yes"]} for r in rows], "which item a row is of"),
        (lambda rows: [{"id": r["id"], "yes": r["p:yes"]} for r in rows], "say --gives"),
        (lambda rows: [{"id": r["id"], "class": "yes"} for r in rows], "do not define auroc"),
    ],
)
def test_nothing_is_imported_by_halves(
    tmp_path: Path, change: Any, message: str, capsys: Any
) -> None:
    made = make_task(tmp_path, "sequence", "binary")
    rows, _ = right(made, "probabilities")
    status, record = imported(made, change(rows))
    error = capsys.readouterr().err
    assert (status, record, error.count("\n")) == (2, None, 1)
    assert message in error
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--part", "al"), "did you mean all"),
        (("--column", "yse=p:yes"), "did you mean yes"),
        (("--column", "yes=p:no"), "there is no column 'p:no'"),
        (("--lower-is-better",), "it says nothing of probabilities"),
        (("--partners", "one"), "it says nothing of probabilities"),
        (("--gives", "values"), "'values' do not answer binary"),
        (("--id", "name"), "there is no column 'name'"),
    ],
)
def test_options_without_an_effect_are_refused(
    tmp_path: Path, options: tuple[str, ...], message: str, capsys: Any
) -> None:
    made = make_task(tmp_path, "sequence", "binary")
    assert imported(made, right(made, "probabilities")[0], *options) == (2, None)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("[[1, 99]]", "1 and 99 are no two of"),
        ("[[0, 5]]", "counted from 1; correct it, or say what the first base is with --pairs-from"),
        ("[[3, 3]]", "3 and 3 are no two of"),
        ("[[1, 2, 3]]", "not a list of pairs"),
        ("[[1.5, 3]]", "not a list of pairs"),
        ("nothing", "not a list of pairs"),
    ],
)
def test_pairs_that_are_none_are_refused(
    tmp_path: Path, cell: str, message: str, capsys: Any
) -> None:
    made = make_task(tmp_path, "contact", "binary")
    rows, _ = right(made, "pairs")
    assert imported(made, edited(rows, base_pairs=cell)) == (2, None)
    assert message in capsys.readouterr().err


def test_letters_tell_what_the_first_base_is() -> None:
    item = ContactItem("x", "AAGGGGAAAACCCCA", np.array([[2, 13], [3, 12], [4, 11], [5, 10]]))
    for first in (0, 1):
        cell = ",".join(f"{i + first}-{j + first}" for i, j in item.pairs.tolist())
        row = {"pairs": cell}
        for stated in (None, 0, 1):
            reader = structures_reader(Reading(pairs_from=stated), ["pairs"])  # type: ignore[arg-type]
            read = reader.read(row, item, "here")
            if first == 0 and stated is None:
                with pytest.raises(DataError, match=", 4 if it is 0"):
                    reader.finish([item], [read])
                continue
            found = reader.finish([item], [read]).predicted
            assert found["correct"] == (4 if stated in (None, first) else 0)


def test_what_is_missing_is_marked_and_not_ranked(tmp_path: Path, capsys: Any) -> None:
    made = make_task(tmp_path, "sequence", "binary")
    rows, _ = right(made, "probabilities")
    wrong = [row | {"p:yes": 1 - row["p:yes"]} for row in rows]
    _, whole = imported(made, wrong)
    _, part = imported(made, rows[3:], "--allow-missing", "--seed", "1")
    assert part["tests"]["all"]["n_missing"] == part["external"]["items"]["missing"] == 3
    folder, tasks = str(tmp_path / "results"), ["--task-path", str(tmp_path / "tasks")]
    assert main(["results", "build", "--results-dir", folder, *tasks]) == 0
    page = (tmp_path / "results" / "README.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| Theirs \\[external]") or
             line.startswith("| Theirs [external]")]  # fmt: skip
    assert "3 of 16 items missing: not ranked" in lines[-1]
    assert "0.000" in lines[0]
    assert "Rows marked external are predictions that others made" in page
    capsys.readouterr()
    ids = [whole["run_id"], part["run_id"]]
    assert main(["compare", *ids, "--results-dir", folder, *tasks]) == 0
    assert "13 items" in capsys.readouterr().out
    bundle = tmp_path / "mine.zip"
    submit = ["results", "submit", *ids, "-o", str(bundle), "--results-dir", folder]
    assert main(submit) == 0
    assert main(["results", "merge", str(bundle), "--results-dir", str(tmp_path / "other")]) == 0
    assert {r["run_id"] for r in read_records(tmp_path / "other")} == set(ids)
    assert main(["results", "reproduce", ids[0], "--results-dir", folder, *tasks]) == 2
    assert "its predictions were made elsewhere" in capsys.readouterr().err
