"""Own base pairs: structure files named on a command line, without a task file."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.data.own.declaring import declare
from rnaernie_bench.data.own.spec import OwnData
from tests.training_kit import TINY_NET

BPSEQ = "1 G 5\n2 A 0\n3 A 0\n4 A 0\n5 C 1\n"


def dot_bracket(path: Path, count: int) -> Path:
    """Write hairpins whose one G pairs with their one C."""
    generator = random.Random(path.name)
    records = []
    for number in range(count):
        left, loop, right = (generator.randint(low, low + 9) for low in (0, 3, 0))
        letters = "A" * left + "G" + "A" * loop + "C" + "A" * right
        marks = "." * left + "(" + "." * loop + ")" + "." * right
        records.append(f">{path.stem} {number}\n{letters}\n{marks}\n".replace(" ", "_"))
    path.write_text("".join(records))
    return path


def own(*train: Path, **changes: object) -> OwnData:
    test = train[0].parent / "hidden.dbn"
    return replace(OwnData(train, (test,), "contact", "binary", ()), **changes)  # type: ignore[arg-type]


def test_files_and_folders_of_a_part_are_read_together(tmp_path: Path) -> None:
    train, _ = dot_bracket(tmp_path / "seen.dbn", 6), dot_bracket(tmp_path / "hidden.dbn", 3)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.bpseq").write_text(BPSEQ)
    (tmp_path / "more" / "notes.txt").write_text("not read")
    task = declare(own(train, tmp_path / "more"), tmp_path / "own")
    assert task.name.startswith("own_seen_")
    assert (task.level, task.problem, task.labels) == ("contact", "binary", ())
    assert (task.main_metric.name, task.head, task.length) == ("f1", "resnet2d", "unpaired")
    parts = load_dataset(task, simulated=False).parts
    assert {name: len(items) for name, items in parts.items()} == {"train": 7, "test": 3}
    assert (parts["train"][-1].id, parts["train"][-1].pairs.tolist()) == ("a", [[0, 4]])
    assert "- train: 7 records" in task.card.read_text()


def test_files_whose_records_share_a_name_are_told_apart_by_their_own(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    rows = ["1 G 0 2 5 1", "2 A 1 3 0 2", "3 A 2 4 0 3", "4 A 3 5 0 4", "5 C 4 0 1 5"]
    one = "\n".join(["5 ENERGY =  -0.8    1", *rows, ""])
    (tmp_path / "ct" / "rna0.ct").write_text(one)
    (tmp_path / "ct" / "rna1.ct").write_text(one + one.replace(" A ", " U "))
    dot_bracket(tmp_path / "hidden.dbn", 3)
    task = declare(own(tmp_path / "ct"), tmp_path / "own")
    parts = load_dataset(task, simulated=False).parts
    assert [item.id for item in parts["train"]] == ["rna0", "rna1", "rna1:2"]
    assert parts["train"][2].sequence == "GUUUC"
    assert {item.id for item in parts["test"]} == {"hidden_0", "hidden_1", "hidden_2"}


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    train, _ = dot_bracket(tmp_path / "seen.dbn", 6), dot_bracket(tmp_path / "hidden.dbn", 3)
    with pytest.raises(ConfigError, match="files of structures have no columns and no classes"):
        declare(own(train, label=("y",)), tmp_path / "own")
    with pytest.raises(ConfigError, match="first_base: it is about tables; leave it out"):
        declare(own(train, first_base=0), tmp_path / "own")
    with pytest.raises(ConfigError, match="there is no contact regression without a task file"):
        declare(own(train, problem="regression"), tmp_path / "own")
    with pytest.raises(DataError, match=r"gone\.dbn: there is no such file"):
        declare(own(tmp_path / "gone.dbn"), tmp_path / "own")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="the folder has no structure file"):
        declare(own(train, tmp_path / "empty"), tmp_path / "own")
    broken = tmp_path / "broken.dbn"
    broken.write_text(">one\nGAAAC\n((..)\n")
    with pytest.raises(DataError, match=r"broken\.dbn, record 1 \(one\)"):
        declare(own(broken), tmp_path / "own")


def test_a_run_on_own_structures_ends_in_a_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = dot_bracket(tmp_path / "seen.dbn", 20), dot_bracket(tmp_path / "hidden.dbn", 4)
    files = ["--train", str(train), "--test", str(test), "--level", "contact"]
    brief = ("trainer.max_epochs=1", "trainer.learning_rates=[]", "trainer.progress=false",
             "trainer.fast_dropout=false")  # fmt: skip
    settings = [*TINY_NET, *brief, "strategy=full", "tracking=none", f"runs_dir={tmp_path / 'r'}"]
    assert main(["run", *files, "--problem", "binary", *settings]) == 0
    assert "/task.yaml, contact binary; records: train 20, test 4\n" in capsys.readouterr().out
    [path] = (tmp_path / "r").glob("own_seen_*/*/record.json")
    record = json.loads(path.read_text())
    assert record["dataset"]["own"]
    assert record["tests"]["full"]["n"] == 4
    train.write_text("".join(f">{n}\nGA{n * 'C'}AC\n{(n + 4) * '.'}\n" for n in range(1, 30)))
    assert main(["run", *files, "--problem", "binary", *settings]) == 2
    assert "no sequence of the train part has a base pair" in capsys.readouterr().err
    assert main(["run", *files, "--problem", "multilabel", *settings]) == 2


@pytest.mark.parametrize(
    ("cells", "first_base"),
    [
        (["((...))", "......."], None),
        (["<<___>>", ":::,,--"], None),
        (["[[1, 7], [6, 2]]", "[]"], 1),
        (["[(0, 6), (1, 5)]", "[]"], 0),
    ],
)
def test_structures_may_stand_in_tables(tmp_path: Path, cells: list[str], first_base: Any) -> None:
    text = "sequence,s\n" + "".join(f'GGAAACC,"{cell}"\n' for cell in cells)
    table = tmp_path / "t.csv"
    table.write_text(text)
    made = own(table, test=(table,), label=("s",), first_base=first_base)
    task = declare(made, tmp_path / "own")
    assert task.labels == ()
    first, second = load_dataset(task, simulated=False).parts["train"]
    assert first.pairs.tolist() == [[0, 6], [1, 5]]
    assert len(second.pairs) == 0


@pytest.mark.parametrize(
    ("cell", "first_base", "words"),
    [
        ("((...)", None, "t.csv, row 1, column 's': the structure has 6 symbols, the sequence 7"),
        ("((...(.", None, "t.csv, row 1, column 's': the bracket"),
        ("[[0, 6]]", None, "does not say whether bases are counted from 0 or from 1"),
        ("[[0, 6]]", 1, "row 1, column 's', pair 1: there is no base 0: bases are 1 to 7"),
        ("[[1, 7]]", 0, "row 1, column 's', pair 1: there is no base 7: bases are 0 to 6"),
        ("[[0, 6], [0, 5]]", 0, "base 1 is paired more than once"),
        ("NA", None, "row 1: no label is known"),
    ],
)
def test_a_structure_that_cannot_be_read_is_named_by_its_row(
    tmp_path: Path, cell: str, first_base: Any, words: str
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f'sequence,s\nGGAAACC,"{cell}"\n')
    with pytest.raises(DataError) as caught:
        declare(own(table, test=(table,), label=("s",), first_base=first_base), tmp_path / "own")
    assert words in str(caught.value)


def test_records_that_cannot_be_read_are_left_out_if_that_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, _ = dot_bracket(tmp_path / "seen.dbn", 3), dot_bracket(tmp_path / "hidden.dbn", 3)
    train.write_text(">bad\nGAAAC\n((..)\n" + train.read_text())
    task = declare(own(train, skip_invalid=True), tmp_path / "own")
    assert task.dataset.files["train_0"].left_out == (1,)
    [said] = caplog.messages
    assert "left out: " in said and "seen.dbn, record 1 (bad)" in said
    found = load_dataset(task, simulated=False).parts["train"]
    assert [item.id for item in found] == ["seen_0", "seen_1", "seen_2"]
