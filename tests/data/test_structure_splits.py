from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.structure_splits import (
    Fold,
    cut_validation,
    family,
    leave_family_out,
    read_folds,
    uncovered,
    without_identical,
)
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.records import StructureRecord

HEADER = "fold,partition,id\n"


def record(name: str, sequence: str = "ACGU") -> StructureRecord:
    return StructureRecord(name, sequence, NO_PAIRS)


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
        (f"{HEADER}5s,train,a\n5s,test,a\n", "line 3: the id 'a' stands in the fold already"),
    ],
)
def test_damaged_folds_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_folds(write(tmp_path, text))
    assert message in str(caught.value)


def test_a_fold_leaves_a_family_out() -> None:
    records = [record(f"a_{k}", "A" * k) for k in range(1, 21)] + [record("b_1"), record("c_1")]
    folds = {"b": Fold(frozenset(f"a_{k}" for k in range(1, 21)), frozenset({"b_1"}))}
    split = leave_family_out(records, folds, "b", seed=3)
    assert [item.id for item in split.test] == ["b_1"]
    assert len(split.validation) == 2
    assert sorted(
        (item.id for item in split.train + split.validation), key=lambda name: int(name[2:])
    ) == [f"a_{k}" for k in range(1, 21)]
    assert [item.id for item in uncovered(records, folds)] == ["c_1"]
    assert family(records[0]) == "a"


def test_a_fold_that_does_not_fit_is_refused() -> None:
    folds = {"5s": Fold(frozenset({"x"}), frozenset())}
    with pytest.raises(ConfigError, match="unknown fold '5S'; did you mean 5s"):
        leave_family_out([], folds, "5S")
    with pytest.raises(DataError, match="1 ids of the fold have no record, the first is 'x'"):
        leave_family_out([], folds, "5s")


def test_identical_sequences_stay_together() -> None:
    records = [record(str(k), "ACGU"[k % 4] * (1 + k % 12)) for k in range(120)]
    rest, cut = cut_validation(records, fraction=0.1, seed=0)
    assert {item.sequence for item in rest}.isdisjoint(item.sequence for item in cut)
    assert (len(rest), len(cut)) == (100, 20)  # ten of each sequence: two whole groups
    assert cut_validation(records, fraction=0.1, seed=0) == (rest, cut)
    assert cut_validation(records, fraction=0.1, seed=1) != (rest, cut)


def test_the_cut_does_not_depend_on_the_order() -> None:
    records = [record(str(k), "A" * (k + 1)) for k in range(40)]
    _, cut = cut_validation(records)
    _, again = cut_validation(records[::-1])
    assert {item.id for item in cut} == {item.id for item in again}
    assert len(cut) == 4


def test_what_stands_elsewhere_is_left_out() -> None:
    records = [record("a", "AC"), record("b", "AG"), record("c", "AU")]
    left = without_identical(records, [record("x", "AC")], [record("y", "AU")])
    assert [item.id for item in left] == ["b"]


@pytest.mark.realdata
def test_the_published_folds_of_archiveii(data_folder) -> None:
    from rnaernie_bench.data.structure_files import read_structures

    folder = data_folder / "ss"
    records = list(read_structures(folder / "archiveII.dbn"))
    folds = read_folds(folder / "ArchiveII_famfold_splits.csv.gz")
    assert {name: len(fold.test) for name, fold in folds.items()} == {
        "5s": 1283, "srp": 918, "tRNA": 557, "tmRNA": 462, "RNaseP": 454, "grp1": 74, "16s": 66,
        "telomerase": 35, "23s": 15,
    }  # fmt: skip
    others = uncovered(records, folds)
    assert Counter(map(family, others)) == {
        "16s": 40, "grp1": 24, "23s": 15, "grp2": 11, "srp": 10, "telomerase": 2,
    }  # fmt: skip
    for name, fold in folds.items():
        split = leave_family_out(records, folds, name)
        assert {family(item) for item in split.test} == {name}
        assert len(split.train) + len(split.validation) + len(split.test) == 3864
        assert len(split.validation) == pytest.approx(len(fold.train) / 10, abs=5)
        assert {item.sequence for item in split.train}.isdisjoint(
            item.sequence for item in split.validation
        )


@pytest.mark.realdata
def test_archiveii_without_what_bprna_holds(data_folder) -> None:
    from rnaernie_bench.data.structure_files import read_structures

    parts = {
        name: list(read_structures(data_folder / "ss" / f"{name}.dbn"))
        for name in ("TR0", "VL0", "TS0", "archiveII")
    }
    archive = parts.pop("archiveII")
    removed = {name: len(archive) - len(without_identical(archive, parts[name])) for name in parts}
    assert removed == {"TR0": 812, "VL0": 71, "TS0": 109}
    assert len(without_identical(archive, *parts.values())) == 3966 - 812 - 71 - 109
