"""What is told of pairs of bases: lists in tables, simulated stand-ins, targets, answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import ContactValuesItem
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.data.tables import read_table
from rnaernie_bench.data.targets import targets_of, units_of
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.targets import UNLABELLED
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import read_task

SIZES = {"train": 48, "validation": 8, "test": 8}
LABELS = {
    "multiclass": ["none", "canonical", "wobble"],
    "multilabel": ["strong", "purines"],
    "regression": ["bonds", "rings"],
}
METRICS = {"multiclass": "macro_f1", "multilabel": "macro_f1", "regression": "mcrmse"}
NAN = float("nan")


def letters(sequence, i, j):
    """Return the two letters of a pair of bases, in the order of the alphabet."""
    return "".join(sorted(sequence[i] + sequence[j]))


def declaration(problem):
    """Return the declaration of a task."""
    tables = {part: {"source": f"{part}.json"} for part in SIZES}
    if problem != "multiclass":
        for table in tables.values():
            table["labels"] = {label: label for label in LABELS[problem]}
    metric = METRICS[problem]
    return {
        "name": "made", "version": 1, "title": "Made", "level": "contact", "problem": problem,
        "labels": LABELS[problem], "metrics": [], "length": "error", "head": "bilinear",
        "main_metric": {"name": metric, "higher_is_better": metric != "mcrmse"},
        "dataset": {"name": "made", "licence": "none", "citation": "none", "tables": tables},
        "splits": {
            "only": {
                "train": "train", "validation": "validation", "tests": {"all": {"part": "test"}}
            }
        },
        "default_split": "only", "default_test_part": "all",
        "simulation": {"families": {"any": "hairpin"}, "sizes": dict.fromkeys(SIZES, 4)},
    }  # fmt: skip


def write_task(folder, values):
    """Write a declaration below `folder`, and return the folder of tasks."""
    path = folder / "tasks" / "made" / "task.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values))
    return folder / "tasks"


def write_rows(path, rows):
    """Write rows as JSON by columns."""
    columns = {name: {str(n): row[name] for n, row in enumerate(rows)} for name in rows[0]}
    path.write_text(json.dumps(columns))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_simulated_pairs_are_told_by_structure_and_letters(place):
    for problem in LABELS:
        task = read_task(write_task(place, declaration(problem)) / "made" / "task.yaml")
        item = load_dataset(task, simulated=True).parts["train"][0]
        i, j = item.places[0]
        known = {
            "multiclass": [1.0 + (letters(item.sequence, i, j) == "AU")],
            "multilabel": [{"CG": 1.0, "AU": 0.0, "GU": 1.0}[letters(item.sequence, i, j)]],
            "regression": [(j - i) / len(item.sequence)],
        }[problem]
        if problem != "multiclass" or letters(item.sequence, i, j) != "GU":
            assert item.labels[0, :1].tolist() == pytest.approx(known)
        assert np.isnan(item.unlisted) == (problem == "regression")


def test_units_are_the_pairs_of_bases_row_by_row():
    item = ContactValuesItem("i", "ACGU", np.array([[0, 2], [1, 3]]), np.float32([[2], [NAN]]), 0)
    assert item.values()[:, 0].tolist()[:4] == [0, 2, 0, 0]  # 01, 02, 03, 12
    other = ContactValuesItem("j", "AC", np.empty((0, 2), int), np.empty((0, 1), np.float32), NAN)
    targets = targets_of([item, other], "multiclass")
    assert targets.values.tolist() == [0, 2, 0, 0, UNLABELLED, 0, UNLABELLED]  # 13, 23, and 01
    assert targets.sizes.tolist() == [6, 1] == units_of(["ACGU", "AC"], "contact").tolist()
    assert targets.amounts().tolist() == [5, 0]
    assert item != other
    assert len({item.line(), other.line()}) == 2


def test_answers_are_sums_over_the_pairs_of_bases_of_a_sequence():
    items = [
        ContactValuesItem("a", "ACG", np.array([[0, 2]]), np.float32([[1]]), 0),
        ContactValuesItem("b", "AC", np.array([[0, 1]]), np.float32([[NAN]]), 0),
    ]
    targets = targets_of(items, "multiclass")
    scores = np.float32([[0, 1], [0, 1], [1, 0], [0, 1]])  # said: yes, yes, no; and yes
    answer = ANSWERS["token_multiclass"]
    truth, predicted = answer.arrays(targets, scores, answer.untuned())
    assert predicted["confusion"].tolist() == [[[1, 1], [0, 1]], [[0, 0], [0, 0]]]
    assert truth.tolist() == [[2, 1], [0, 0]]


def rows_of(**changes):
    row = {"id": "one", "sequence": "GGGAAACCC", "places": [[8, 0], [2, 3], [1, 7]]}
    return [row | {"label": ["canonical", None, "wobble"]} | changes]


def read(place, problem, **changes):
    task = read_task(write_task(place, declaration(problem)) / "made" / "task.yaml")
    write_rows(place / "t.json", rows_of(**changes))
    return read_table(Table("t.json", labels=task.dataset.tables["train"].labels), task)


def test_lists_are_read_in_any_order(place):
    [item] = read(place, "multiclass")
    assert item.places.tolist() == [[0, 8], [1, 7], [2, 3]]
    assert item.labels[:2, 0].tolist() == [1, 2]
    assert np.isnan(item.labels[2, 0])
    assert item.unlisted == 0
    [item] = read(place, "multilabel", strong=[1, 0, None], purines=[0, 1, 0])
    assert item.labels[0].tolist() == [1, 0]
    assert item.labels[1:].tolist() == [[pytest.approx(NAN, nan_ok=True), 0], [0, 1]]
    [item] = read(place, "regression", bonds=[3, None, 2.5], rings=[1, 2, 3])
    assert item.labels[:2].tolist() == [[3, 1], [2.5, 3]]
    assert np.isnan(item.unlisted)
    [item] = read(place, "multiclass", places=[], label=[])
    assert item.values().tolist() == [[0]] * 36


def test_text_tables_hold_lists_as_json(place):
    task = read_task(write_task(place, declaration("multiclass")) / "made" / "task.yaml")
    text = 'sequence,places,label\nGAC,"[[0, 2]]","[""canonical""]"\n'
    (place / "t.csv").write_text(text)
    [item] = read_table(Table("t.csv"), task)
    assert item.values()[:, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("problem", "changes", "message"),
    [
        ("multiclass", {"places": [[0, 9], [2, 3], [1, 7]]}, "pair 1: there is no base 9"),
        ("multiclass", {"places": [[-1, 3], [2, 3], [1, 7]]}, "pair 1: there is no base -1"),
        ("multiclass", {"places": [[0, 8], [2, 2], [1, 7]]}, "pair 2: base 2 makes no pair with"),
        ("multiclass", {"places": [[0, 8], [2, 3], [8, 0]]}, "pair 3: the pair .* as pair 1 alre"),
        ("multiclass", {"places": [[0, 8], [2, 3.5], [1, 7]]}, "pair 2: .* no two whole numbers"),
        ("multiclass", {"places": [[0, 8], [2], [1, 7]]}, "pair 2: .* no two whole numbers"),
        ("multiclass", {"places": "0-8"}, "'places': a list is needed"),
        ("multiclass", {"label": ["canonical"]}, "'label': there are 1 values for 3 pairs"),
        ("multiclass", {"label": ["canonical", "wobbel", None]},
         "pair 2: unknown label 'wobbel'; did you mean wobble"),
        ("multiclass", {"sequence": "A"}, "a pair needs two bases"),
        ("multilabel", {"strong": [1, 2, 0], "purines": [0, 1, 0]}, "pair 2: 2 is neither 0 nor 1"),
        ("regression", {"bonds": [1, "inf", 0], "rings": [0, 1, 0]}, "pair 2: 'inf' is no finite"),
        ("regression", {"bonds": [None] * 3, "rings": [None] * 3}, "no label is known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_row_column_and_pair(place, problem, changes, message):
    with pytest.raises(DataError, match=rf"t\.json, row 1.*{message}"):
        read(place, problem, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": "unpaired"}, "length: not a policy of the level 'contact', problem 'mult"),
        ({"labels": ["none"]}, "labels: a classification needs two labels"),
        ({"main_metric": {"name": "f1"}}, "'f1' is not allowed"),
    ],
)  # fmt: skip
def test_declarations_that_cannot_be(place, changes, message):
    path = write_task(place, declaration("multiclass") | changes) / "made" / "task.yaml"
    with pytest.raises(ConfigError, match=message):
        read_task(path)
