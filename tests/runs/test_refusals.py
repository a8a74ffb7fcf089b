"""Bad data given to `run`: exit 2, one line that says what, where and what to do, and no folder."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.training_kit import TINY_NET, fasta, installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def changed(task, part, index, *, header=None, sequence=None):
    """Return a part with one record changed."""
    records = list(task.parts[part])
    old = records[index]
    records[index] = (header or old[0], old[1] if sequence is None else sequence)
    return {part: fasta(records)}


def foreign_letter(task):
    task.write(changed(task, "train", 4, sequence="ACGZ"))


def unknown_label(task):
    task.write(changed(task, "validation", 1, header="RF1_x gc_ritch"))


def header_without_label(task):
    task.write(changed(task, "test", 0, header="RF1_x"))


def duplicate_id(task):
    task.write(changed(task, "train", 5, header=task.parts["train"][2][0]))


def empty_file(task):
    task.write({"test": b""})


def truncated_gzip(task):
    task.write({"train": gzip.compress(fasta(task.parts["train"]))[:-30]})


def wrong_checksum(task):
    path = task.path("train")
    path.write_bytes(path.read_bytes().replace(b"A", b"C", 1))


def missing_file(task):
    task.path("validation").unlink()


def other_number_of_records(task):
    task.write({}, test=13)


CASES = {
    foreign_letter: ("train.fasta, record 5 (RF1_train_gc_rich_1 gc_rich), line 9", "letter 'Z'"),
    unknown_label: ("validation.fasta, record 2 (RF1_x gc_ritch), line 3", "did you mean gc_rich"),
    header_without_label: ("test.fasta, record 1 (RF1_x), line 1", "correct the header"),
    duplicate_id: ("train.fasta, record 6", "stands in record 3 already", "rename one"),
    empty_file: ("test.fasta", "the file is empty", "give a file with FASTA records"),
    truncated_gzip: ("train.fasta", "truncated or damaged", "fetch or compress it again"),
    wrong_checksum: ("train.fasta", "its SHA-256 is", "correct its sha256"),
    missing_file: ("tiny/validation.fasta", "neither in a folder", "data fetch tiny_cls"),
    other_number_of_records: ("test.fasta", "has 12 records, the task declares 13", "correct"),
}


def one_line(capsys) -> str:
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("rnaernie-bench: ")
    assert "Traceback" not in captured.out
    return line


@pytest.mark.parametrize("damage", CASES, ids=lambda damage: damage.__name__)
def test_damaged_data(task, capsys, damage):
    damage(task)
    assert task.cli(settings=("backbone=kmer",)) == 2
    line = one_line(capsys)
    for words in CASES[damage]:
        assert words in line
    assert task.run_folders() == []


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize(
    "settings",
    [
        (*TINY_NET, "strategy=full"),
        (*TINY_NET, "strategy=frozen"),
        ("backbone=cnn", "backbone.channels=8"),
    ],
    ids=["full", "frozen", "cnn"],
)
def test_over_the_limit(task, capsys, settings, part, monkeypatch):
    def train(*arguments, **named):
        raise AssertionError("training had begun")

    monkeypatch.setattr("rnaernie_bench.learning.fit.train", train)
    task.write(changed(task, part, 2, sequence="ACGU" * 128))
    assert task.cli(settings=(*settings, "task.length=error")) == 2
    line = one_line(capsys)
    assert f"tiny/{part}.fasta, record 'RF0_{part}_u_rich_0'" in line
    assert "512 bases, 508 fit" in line and "task.length=truncate" in line
    assert task.run_folders() == []


def test_over_the_limit_is_counted_where_it_is_cut(task):
    task.write(changed(task, "test", 5, sequence="ACGU" * 128))
    assert task.cli(settings=(*TINY_NET, "strategy=frozen")) == 0
    (folder,) = task.run_folders()
    tests = json.loads((folder / "record.json").read_text())["tests"]
    assert {name: test["n_truncated"] for name, test in tests.items()} == {
        "full": 1, "deduplicated": 1,
    }  # fmt: skip


def test_debug_shows_the_traceback(task, capsys):
    empty_file(task)
    assert task.cli("--debug", settings=("backbone=kmer",)) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("backbone=kmers",), "did you mean kmer"),
        (("backbone=kmer", "backbone.max_q=3"), "unknown key 'backbone.max_q'"),
        (("backbone=kmer", "seed=banana"), "seed: 'banana' is not a whole number"),
        (("backbone=kmer", "+nosuchkey=1"), "adds, deletes or moves a key"),
        (("backbone=rnaernie-tiny", "backbone.num_attention_heads=5"), "not a multiple of 5"),
        (("backbone=rnaernie-mini", "backbone.init=pretrained"), "set backbone.init=random"),
        (("backbone=kmer", "split=other"), "has no split 'other'"),
        (("backbone=rnaernie-tiny", "task.head=mena"), "did you mean mean"),
    ],
)
def test_misspelt_settings(task, capsys, settings, words):
    assert task.cli(settings=settings) == 2
    assert words in one_line(capsys)
    assert not task.runs.exists()


def test_a_file_where_the_runs_should_go(task, capsys):
    task.runs.write_text("")
    assert task.cli(settings=("backbone=majority",)) == 2
    assert "a file is where a folder is needed" in one_line(capsys)
