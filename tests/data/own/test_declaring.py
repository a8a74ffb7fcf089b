from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnaernie_bench
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.own.declaring import declare
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.results.store import import_run
from rnaernie_bench.task.task import read_task

RICH = {"gc": "GGGCCCAU", "a": "AAAAAACGU"}


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Return `count` rows a class; which bases are frequent tells class and share of G and C."""
    generator = random.Random(seed)
    found = []
    for number in range(count):
        for kind, letters in RICH.items():
            sequence = "".join(generator.choices(letters, k=generator.randint(18, 24)))
            strong = [float(base in "GC") for base in sequence]
            found.append(
                {
                    "name": f"{kind}{seed}_{number}",
                    "seq": sequence.lower() if number % 2 else sequence,
                    "kind": kind,
                    "share": round(sum(strong) / len(strong), 3),
                    "strong": " ".join([f"{value:g}" for value in strong[:-2]] + ["NA", "nan"]),
                    "family": f"F{number // 2}",
                }
            )
    return found


def write(path: Path, content: list[dict[str, Any]], separator: str = ",") -> Path:
    lines = [separator.join(content[0])]
    lines += [separator.join(str(value) for value in row.values()) for row in content]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def data(tmp_path: Path) -> OwnData:
    """Return the data of a classification with families."""
    train = write(tmp_path / "My set.csv", rows(10, seed=1))
    test = write(tmp_path / "t.tsv", rows(3, seed=2), "\t")
    return OwnData(
        (train,), (test,), "sequence", "multiclass", ("kind",), "seq", group="family", id="name"
    )


def test_a_declaration_is_read_like_any_other(data: OwnData, tmp_path: Path) -> None:
    task = declare(data, tmp_path / "own")
    assert re.fullmatch("own_my_set_[0-9a-f]{12}", task.name)
    assert (task.labels, task.main_metric.name) == (("a", "gc"), "macro_f1")
    assert read_task(task.folder / "task.yaml") == task
    split = make_split(task, load_dataset(task, simulated=False), "own")
    assert (len(split.train), len(split.validation)) == (16, 4)  # whole families
    assert not {item.group for item in split.train} & {item.group for item in split.validation}
    assert {name: len(part) for name, part in split.tests.items()} == {"full": 6, "deduplicated": 6}
    item = next(item for item in split.train if item.id.startswith("gc1_"))
    assert set(item.sequence) <= set("ACGU")
    assert item.label == 1


def test_parts_are_cut_in_whole_clusters(data: OwnData, tmp_path: Path) -> None:
    table = rows(10, seed=1)
    table += [{**row, "name": f"{row['name']}b", "seq": f"{row['seq']}A"} for row in table]
    train = write(tmp_path / "twins.csv", table)
    twins = replace(data, train=(train,), group=None, split_by="similarity=0.9")
    for made, sizes in ((twins, (36, 4)), (replace(twins, test=()), (28, 4, 8))):
        task = declare(made, tmp_path / "own")
        split = make_split(task, load_dataset(task, simulated=False), "own")
        parts = [split.train, split.validation, *([] if made.test else [split.tests["full"]])]
        assert tuple(map(len, parts)) == sizes
        names = [{item.id.removesuffix("b") for item in part} for part in parts]
        assert sum(map(len, names)) == 20  # twins are never parted
        assert split.clusters["validation"].threshold == 0.9
    assert split.clusters["test"].entry() == {
        "by": "similarity", "threshold": 0.9, "n": 20, "largest": 2,
    }  # fmt: skip
    assert "cut" in (task.folder / "task.yaml").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split_by": "similar"}, "--split-by: 'similar' cuts no validation of sequence data"),
        ({"split_by": "item"}, "'item' cuts no validation of sequence data"),
        ({"split_by": "group=3"}, "'group=3' cuts no validation"),
        ({"split_by": "overlap=x"}, "--split-by: 'x' is no number"),
        ({"split_by": "similarity", "validation": (Path("v.csv"),)}, "nothing is cut"),
        ({"split_by": "item", "validation": (Path("v.csv"),), "test": ()}, "cannot be cut beside"),
        ({"test": ()}, "test: there is no test part; name its file, or cut it"),
        ({"split_by": "similarity=0.4"}, r"identity: the value must be from 0\.65 to 1"),
    ],
)
def test_what_cannot_be_cut_is_refused(
    data: OwnData, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        declare(replace(data, **changes), tmp_path / "own")


def test_classes_in_an_order_of_ones_own(data: OwnData, tmp_path: Path) -> None:
    task = declare(replace(data, problem="binary", classes=("gc", "a")), tmp_path / "own")
    assert task.labels == ("gc", "a")
    assert task.main_metric.name == "auroc"
    with pytest.raises(ConfigError, match="two labels are needed"):
        declare(replace(data, problem="binary", classes=("gc", "a", "x")), tmp_path / "own")


def test_changed_files_are_declared_anew(data: OwnData, tmp_path: Path) -> None:
    first = declare(data, tmp_path / "own")
    write(data.train[0], rows(11, seed=1))
    with pytest.raises(DataError, match="differs from what the task declares"):
        load_dataset(first, simulated=False)
    again = declare(data, tmp_path / "own")
    assert again.folder != first.folder
    assert len(load_dataset(again, simulated=False).parts["train"]) == 22


def test_quantities(data: OwnData, tmp_path: Path) -> None:
    task = declare(replace(data, problem="regression", label=("share",)), tmp_path / "own")
    assert (task.labels, task.main_metric.name) == (("share",), "spearman")
    first, *_ = load_dataset(task, simulated=False).parts["train"]
    strong = sum(base in "GC" for base in first.sequence) / len(first.sequence)
    assert first.label == pytest.approx((strong,), abs=1e-3)


def test_bases(data: OwnData, tmp_path: Path) -> None:
    own = replace(data, level="token", problem="regression", label=("strong",))
    task = declare(own, tmp_path / "own")
    assert (task.main_metric.name, task.main_metric.higher_is_better) == ("mcrmse", False)
    first, *_ = load_dataset(task, simulated=False).parts["train"]
    known = [float(base in "GC") for base in first.sequence[:-2]]
    assert first.labels[:-2, 0].tolist() == known
    assert np.isnan(first.labels[-2:]).all()


def test_classes_of_bases(data: OwnData, tmp_path: Path) -> None:
    table = [
        {"seq": "GGAAA", "s": "((.)."},
        {"seq": "GGAAC", "s": "[[.]x"},
        {"seq": "CC", "s": "[]"},
    ]
    test = [{"seq": "ACGU", "s": "...."}]
    own = OwnData(
        (write(tmp_path / "d.csv", table),), (write(tmp_path / "e.csv", test),),
        "token", "multiclass", ("s",), "seq",
    )  # fmt: skip
    task = declare(own, tmp_path / "own")
    assert task.labels == ("(", ")", ".", "[", "]", "x")
    first, second, third = load_dataset(task, simulated=False).parts["train"]
    assert first.labels[:, 0].tolist() == [0, 0, 2, 1, 2]
    assert second.labels[:, 0].tolist() == [3, 3, 2, 4, 5]
    assert third.labels[:, 0].tolist() == [3, 4]
    write(own.train[0], [{"seq": "GGA", "t": "hhs"}])
    write(own.test[0], [{"seq": "AC", "t": "hh"}])
    assert declare(replace(own, label=("t",)), tmp_path / "own").labels == ("h", "s")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1 0 1 1", "d.csv, row 2, column 's': there are 4 values between blanks for 3 bases"),
        (
            "1 0",
            "row 2, column 's': there are 2 values between blanks for 3 bases; give one a base, NA",
        ),
        ("011", "row 2, column 's': there is 1 value between blanks for 3 bases"),
        ('"1,0,1"', "row 2, column 's': there is 1 value between blanks for 3 bases"),
        ("1 inf 0", "d.csv, row 2, column 's', base 2: 'inf' is no finite number"),
        ("1 1e39 0", "d.csv, row 2, column 's', base 2: 1e39 does not fit 32 bits"),
        ("1 1_0 0", "d.csv, row 2, column 's', base 2: '1_0' is no finite number"),
        ("NA NA NA", "d.csv, row 2: no label is known"),
        ("", "d.csv, row 2: no label is known"),
    ],
)
def test_what_is_wrong_with_bases_is_named_by_the_users_own_row(
    tmp_path: Path, cell: str, words: str
) -> None:
    good = {"seq": "GGA", "s": "1 0 NA"}
    train = write(tmp_path / "d.csv", [good, {"seq": "ACG", "s": cell}])
    own = OwnData(
        (train,), (write(tmp_path / "e.csv", [good]),), "token", "regression", ("s",), "seq"
    )
    with pytest.raises(DataError) as caught:
        declare(own, tmp_path / "own")
    assert words in str(caught.value)
    assert not list((tmp_path / "own").glob("*/task.yaml"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.xlsx", "a.xlsx: .xlsx is not the suffix of a table; save the spreadsheet as CSV"),
        ("a.fa.zip", "unpack it, or use gzip"),
        ("a.csv", "the table is empty"),
    ],
)
def test_what_is_no_table_is_refused(data: OwnData, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DataError, match=words):
        declare(replace(data, train=(tmp_path / name,)), tmp_path / "own")


def test_a_fasta_file_and_a_table_of_its_labels(data: OwnData, tmp_path: Path) -> None:
    table = rows(10, seed=1)
    fasta = tmp_path / "mine.fa"
    fasta.write_text("".join(f">{row['name']} x\n{row['seq']}\n" for row in reversed(table)))
    labels = write(tmp_path / "labels.csv", [{"name": r["name"], "kind": r["kind"]} for r in table])
    own = replace(data, train=(fasta, labels), group=None, sequence="none")
    own = replace(own, test=own.train)
    task = declare(own, tmp_path / "own")
    items = load_dataset(task, simulated=False).parts["train"]
    assert [item.id for item in items] == [row["name"] for row in reversed(table)]
    assert items[0].label == task.labels.index(table[-1]["kind"])
    fasta.write_text(fasta.read_text() + ">more\nACGU\n")
    with pytest.raises(DataError, match=r"labels.csv: there is no row for the record 'more'"):
        declare(own, tmp_path / "own")
    fasta.write_text(">a1_0\nACGU\n")
    with pytest.raises(DataError, match="there is no sequence for the id"):
        declare(own, tmp_path / "own")


def pair_rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Return `count` pairs; how much G and C the second partner has is what is asked."""
    generator = random.Random(seed)
    found = []
    for number in range(count):
        kind = ("a", "gc")[number % 2]
        second = "".join(generator.choices(RICH[kind], k=20))
        strong = sum(base in "GC" for base in second) / 20
        found.append(
            {
                "mir": "".join(generator.choices("ACGU", k=10)),
                "name": f"m{number // 2}",
                "site": second,
                "kind": kind,
                "yes": int(kind == "gc"),
                "share": strong,
            }
        )
    return found


@pytest.fixture
def pairs(tmp_path: Path) -> OwnData:
    """Return the data of a classification of pairs."""
    train = write(tmp_path / "pairs.csv", pair_rows(40, seed=1))
    test = write(tmp_path / "t.tsv", pair_rows(10, seed=2), "\t")
    return OwnData(
        (train,), (test,), "pair", "multiclass", ("kind",), group="name", first="mir", second="site"
    )


@pytest.mark.parametrize(
    ("problem", "label", "labels", "first"),
    [
        ("multiclass", "kind", ("a", "gc"), 0),
        ("binary", "yes", ("0", "1"), 0),
        ("multilabel", "yes", ("yes",), (0.0,)),
        ("regression", "share", ("share",), None),
    ],
)
def test_pairs(
    pairs: OwnData, tmp_path: Path, problem: Any, label: str, labels: tuple[str, ...], first: Any
) -> None:
    task = declare(replace(pairs, problem=problem, label=(label,)), tmp_path / "own")
    assert (task.level, task.head, task.labels) == ("pair", "interaction", labels)
    split = make_split(task, load_dataset(task, simulated=False), "own")
    assert (len(split.train), len(split.validation), len(split.tests["full"])) == (36, 4, 10)
    assert not {item.group for item in split.train} & {item.group for item in split.validation}
    item, row = split.tests["full"][0], pair_rows(10, seed=2)[0]
    assert (item.first, item.second, item.group) == (row["mir"], row["site"], "m0")
    assert item.label == (row["share"],) if first is None else item.label == first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"first": "mr"},
            "pairs.csv: there is no column 'mr' for the first sequence; did you mean mir",
        ),
        ({"id": "name"}, "pairs are called by the numbers of their rows"),
        ({"test": (Path("a.csv"), Path("b.csv"))}, "test: a part of pairs is one table"),
        ({"test": (Path("none.csv"),)}, "none.csv: there is no such file"),
        (
            {"problem": "binary", "label": ("name",), "group": None},
            "pairs.csv: the column 'name' has 20 (m0, m1, m10, m11, m12, ...), two labels are need",
        ),
        ({"problem": "multilabel", "label": ("yes", "yes")}, "label: 'yes' is named twice"),
        ({"metric": "spearman"}, "'spearman' is not allowed"),
        ({"second": "mir"}, "each column has one meaning"),
    ],
)
def test_pairs_that_cannot_be_declared(
    pairs: OwnData, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BenchError) as caught:
        declare(replace(pairs, **changes), tmp_path / "own")
    assert words in str(caught.value)


def test_pairs_on_the_command_line(
    pairs: OwnData, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    train, test = map(str, (*pairs.train, *pairs.test))
    stated = ["--level", "pair", "--problem", "regression", "--label", "share", "--group", "name"]
    files = ["run", "--train", train, "--test", test, "--first", "mir", "--second", "site"]
    settings = ["backbone=pair_kmer", "backbone.max_k=1", "tracking=none"]
    assert main([*files, *stated, *settings]) == 0
    assert "/task.yaml, pair regression, labels share; records: train 40, test 10" in (
        capsys.readouterr().out
    )
    [record] = Path("runs").glob("own_pairs_*/*/record.json")
    test_part = json.loads(record.read_text())["tests"]["full"]
    assert test_part["metrics"]["spearman"]["value"] > 0.8
    table = tmp_path / "new.csv"
    table.write_text(f"first_id,first,second_id,second\na,ACGU,x,{'G' * 20}\na,ACGU,y,{'A' * 20}\n")
    assert main(["predict", str(record.parent), str(table)]) == 0
    header, *lines = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert header == ["first_id", "second_id", "share"]
    strong, weak = (float(line[-1]) for line in lines)
    assert strong > 0.7 > 0.3 > weak


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": ("knd",)}, "there is no column 'knd' for the label 'knd'; did you mean kind"),
        ({"sequence": "sq"}, "there is no column 'sq'"),
        ({"label": ("kind", "share")}, "classes are in one column"),
        ({"level": "contact"}, "there is no contact multiclass without a task file"),
        ({"metric": "spearman"}, "'spearman' is not allowed"),
        ({"test": (Path("none.csv"),)}, "none.csv: there is no such file"),
        ({"test": (Path("a.fa"),)}, "a part is one table, or one FASTA file and one table"),
        (
            {"level": "token", "problem": "regression"},
            "My set.csv, row 1, column 'kind': there is 1",
        ),
    ],
)
def test_what_does_not_go_together(
    data: OwnData, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BenchError) as caught:
        declare(replace(data, **changes), tmp_path / "own")
    assert words in str(caught.value)
    assert not list((tmp_path / "own").glob("*"))


def test_on_the_command_line(
    data: OwnData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = map(str, (*data.train, *data.test))
    files = ["run", "--train", train, "--test", test, "--sequence", "seq", "--label", "kind"]
    settings = ["backbone=kmer", "backbone.max_k=1", "tracking=none"]
    stated = ["--level", "sequence", "--problem", "multiclass"]
    assert main([*files, *settings]) == 2
    assert "--level: data of your own need it: nothing is guessed" in capsys.readouterr().err
    assert main([*files, *stated, *settings, "task=ncrna_cls"]) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert main([*files, *stated, *settings]) == 0
    out = capsys.readouterr().out
    assert "/task.yaml, sequence multiclass, labels a, gc; records: train 20, test 6\n" in out
    assert "DEMO" not in out
    [record] = Path("runs").glob("own_my_set_*/*/record.json")
    with pytest.raises(BenchError, match="no task file declares"):
        import_run(record.parent, tmp_path / "results")
    assert main(["export", str(record.parent), "--to", "given"]) == 0
    assert main(["leaderboard", "--runs"]) == 0


def test_in_python(data: OwnData) -> None:
    task = rnaernie_bench.own_task(
        data.train[0], data.test[0],
        level="sequence", problem="multiclass", label="kind", sequence="seq",
    )  # fmt: skip
    outcome = rnaernie_bench.run(task, backbone="kmer", settings={"backbone.max_k": 1})
    assert outcome.record["dataset"]["own"] and not outcome.record["dataset"]["simulated"]
    assert outcome.record["tests"]["full"]["metrics"]["accuracy"]["value"] > 0.9
    [prediction] = rnaernie_bench.predict(outcome, ["GGGCCCGGGCCCGGGCCC"])
    assert prediction.label == "gc"
    with pytest.raises(ConfigError, match="simulated"):
        rnaernie_bench.run(task, backbone="kmer", preset="demo")
