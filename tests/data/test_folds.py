from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.folds import Fold, read_folds
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.task.task import load_task

HEADER = "fold,partition,id\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "folds.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_folds_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}5s,train,tRNA_1\n5s,test,5s_1\ntRNA,test,tRNA_1\n")
    assert read_folds(path) == {
        "5s": Fold(frozenset({"tRNA_1"}), frozenset({"5s_1"})),
        "tRNA": Fold(frozenset(), frozenset({"tRNA_1"})),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the first line is ''"),
        ("id,fold\n", "line 1: the first line is 'id,fold'"),
        (f"{HEADER}5s,dev,a\n", "line 2: the line '5s,dev,a' is not fold"),
        (f"{HEADER}5s,train\n", "line 2: the line '5s,train' is not fold"),
        (f"{HEADER}5s,train,a\n5s,test,a\n", "line 3: the id 'a' is in the fold already"),
    ],
)
def test_damaged_folds_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_folds(write(tmp_path, text))
    assert message in str(caught.value)


def test_a_fold_has_parts_of_its_own() -> None:
    task = load_task("rbp")
    dataset = load_dataset(task, simulated=True)
    for name in ("published", "chromosomes"):
        split = make_split(task, dataset, name, fold="QKI")
        assert split.fold == "QKI"
        items = (*split.train, *split.validation, *split.tests["test"])
        assert {item.id.partition("_")[0] for item in items} == {"sim-QKI"}
    groups = [{item.group for item in part} for part in (split.train, split.tests["test"])]
    assert not set.intersection(*groups)


@pytest.mark.realdata
def test_the_published_folds_of_archiveii(data_folder) -> None:
    task = load_task("ss_contacts")
    dataset = load_dataset(task, simulated=False)
    folds = read_folds(data_folder / "ss" / "ArchiveII_famfold_splits.csv.gz")
    assert {name: len(fold.test) for name, fold in folds.items()} == {
        "5s": 1283, "srp": 918, "tRNA": 557, "tmRNA": 462, "RNaseP": 454, "grp1": 74, "16s": 66,
        "telomerase": 35, "23s": 15,
    }  # fmt: skip
    named = frozenset().union(*(fold.train | fold.test for fold in folds.values()))
    others = [item.group for item in dataset.parts["archiveii"] if item.id not in named]
    assert Counter(others) == {
        "16s": 40, "grp1": 24, "23s": 15, "grp2": 11, "srp": 10, "telomerase": 2,
    }  # fmt: skip
    for name, fold in folds.items():
        split = make_split(task, dataset, "archiveii_family", fold=name)
        test = split.tests["test"]
        assert {item.group for item in test} == {name}
        assert len(split.train) + len(split.validation) + len(test) == 3864
        assert len(split.validation) == pytest.approx(len(fold.train) / 10, abs=5)
        assert {item.sequence for item in split.train}.isdisjoint(
            item.sequence for item in split.validation
        )


@pytest.mark.realdata
def test_archiveii_without_what_bprna_holds(data_folder) -> None:
    from rnaernie_bench.data.structure_files import read_structures

    archive, *parts = (
        [record.sequence for record in read_structures(data_folder / "ss" / f"{name}.dbn")]
        for name in ("archiveII", "TR0", "VL0", "TS0")
    )
    assert [sum(map(set(part).__contains__, archive)) for part in parts] == [812, 71, 109]
    assert sum(map(set().union(*parts).__contains__, archive)) == 812 + 71 + 109
