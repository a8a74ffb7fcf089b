from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core import paths
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from rnaernie_bench.core.schema import build
from rnaernie_bench.pretraining import corpus as corpus_module
from rnaernie_bench.pretraining import records as records_module
from rnaernie_bench.pretraining.corpus import Corpus, load_corpus
from rnaernie_bench.pretraining.records import CorpusOptions, read_records

RANDOM = random.Random(0)


def sequence(length: int = 60) -> str:
    return "".join(RANDOM.choices("ACGU", k=length))


def write_fasta(path: Path, records: Mapping[str, str]) -> Path:
    text = "".join(f">{header}\n{bases}\n" for header, bases in records.items())
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def options(*files: Path, **values: Any) -> CorpusOptions:
    base = {"name": "mine", "format": "fasta", "files": [str(file) for file in files]}
    return build(CorpusOptions, base | values, where="corpus")


def ids(corpus: Corpus) -> tuple[list[str], list[str]]:
    return list(corpus.train["id"]), list(corpus.held_out["id"])


def test_a_fasta_corpus_by_hand(tmp_path: Path) -> None:
    one, other, item = sequence(), sequence(600), sequence()
    near = "A" * 3 + item[3:]
    (tmp_path / "items.fa").write_text(f">x\n{item}\n")
    exclude = {
        "name": "test", "path": "items.fa", "format": "fasta",
        "sha256": hashlib.sha256((tmp_path / "items.fa").read_bytes()).hexdigest(),
    }  # fmt: skip
    first = {
        "a tRNA": one.lower().replace("u", "t"), "b x type=Y_RNA": other,
        "c rRNA": one, "d rRNA": "ACGU", "e rRNA": item, "f rRNA": near,
    }  # fmt: skip
    lines: list[str] = []
    corpus = load_corpus(
        options(
            write_fasta(tmp_path / "1.fa", first),
            write_fasta(tmp_path / "2.fa.gz", {"g snoRNA": "CCCC" + item + "CCCC"}),
            exclude=[exclude], held_out=0,
        ),
        lines.append,
    )  # fmt: skip
    assert corpus.train[:] == {
        "id": ["a", "b"],
        "sequence": [one, other[:508]],
        "type": [RNA_TYPES.index("tRNA"), RNA_TYPES.index("YRNA")],
        "family": ["", ""],
        "length": [60, 508],
    }
    assert corpus.train.features["type"].dtype == "int8"
    assert len(corpus.held_out) == 0
    assert corpus.held_out.features == corpus.train.features
    hits = {"identical": 1, "contained": 1, "near": 1}
    assert corpus.report == {
        "name": "mine", "read": 7, "short": 1, "long": 0, "duplicates": 1,
        "excluded": {"total": 3, **hits, "families": 0, "sets": {"test": {"items": 1, **hits}}},
        "kept": 2, "truncated": 1,
        "train": {"records": 2, "bases": 568, "families": 0, "types": {"YRNA": 1, "tRNA": 1}},
        "held_out": {"records": 0, "bases": 0, "families": 0, "types": {}},
    }  # fmt: skip
    assert any("7 records read, 2 kept" in line for line in lines)


def test_a_long_sequence_is_compared_whole_and_cut(tmp_path: Path) -> None:
    start, end = sequence(508), sequence(200)
    (tmp_path / "items").write_text(f"{start}\n")
    digest = hashlib.sha256((tmp_path / "items").read_bytes()).hexdigest()
    exclude = [{"name": "t", "path": "items", "format": "lines", "sha256": digest}]
    path = write_fasta(tmp_path / "a.fa", {"a rRNA": start + end, "b rRNA": sequence(30)})
    corpus = load_corpus(options(path, exclude=exclude, contained=None, held_out=0))
    assert ids(corpus) == (["b"], [])
    assert corpus.report["excluded"]["identical"] == 1


def test_families_go_with_a_record_that_is_kept_out(tmp_path: Path) -> None:
    item, other = sequence(), sequence()
    (tmp_path / "items").write_text(f"{item}\n")
    (tmp_path / "others").write_text(f"{other}\n")
    exclude = [
        {"name": name, "path": name, "sha256": "", "format": "lines", "families": name == "items"}
        for name in ("items", "others")
    ]
    records = {"a F1 rRNA": item, "b F1 rRNA": sequence(600), "c F2 rRNA": other}
    records |= {"d F2 rRNA": sequence(), "e F3 rRNA": sequence(), "f F3 rRNA": sequence()}
    path = write_fasta(tmp_path / "a.fa", records)
    header = r"(?P<id>\S+) (?P<family>\S+) (?P<type>\S+)"
    corpus = load_corpus(options(path, header=header, exclude=exclude, held_out=0.01))
    train, held_out = ids(corpus)
    # F1 is in no part, F2 lacks what was kept out, and one of the two that are left is held out.
    assert sorted([*train, *held_out]) == ["d", "e", "f"]
    assert held_out in (["d"], ["e", "f"])
    assert corpus.report["excluded"]["families"] == 1
    assert corpus.report["excluded"]["total"] == corpus.report["read"] - corpus.report["kept"] == 3
    assert corpus.report["truncated"] == 0


def test_what_is_too_long_can_be_dropped(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "a.fa", {"a rRNA": sequence(41), "b rRNA": sequence(40)})
    corpus = load_corpus(options(path, length="drop", max_length=40, held_out=0))
    assert (ids(corpus), corpus.report["long"]) == ((["b"], []), 1)


def test_the_second_load_reads_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_fasta(tmp_path / "a.fa", {f"{i} tRNA": sequence() for i in range(30)})
    built = load_corpus(options(path))
    with monkeypatch.context() as patched:
        patched.setattr(corpus_module, "read_records", lambda *arguments: 1 / 0)
        again = load_corpus(options(path, name="renamed"))
        assert ids(again) == ids(built)
        assert (again.fingerprint, again.report) == (built.fingerprint, built.report)
        with pytest.raises(ZeroDivisionError):
            load_corpus(options(path, seed=1))
    write_fasta(path, {"new tRNA": sequence()})
    assert load_corpus(options(path)).fingerprint != built.fingerprint


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "a.fa", {"a tRNA": sequence(), "b tRMA": sequence()})
    with pytest.raises(DataError, match=r"record 2 \(b tRMA\), line 3: unknown RNA type 'tRMA'"):
        load_corpus(options(path))
    folder = paths.cache_folder() / "corpora"
    assert [entry for entry in folder.iterdir() if entry.suffix != ".lock"] == []


def test_records_without_family_are_held_out_by_share(tmp_path: Path) -> None:
    records = {f"{i} tRNA": sequence(20) for i in range(2000)}
    path = write_fasta(tmp_path / "a.fa", records)
    train, held_out = ids(load_corpus(options(path, held_out=0.1, exclude=[])))
    assert 150 < len(held_out) < 250  # 200 expected, standard deviation 13
    assert {*train, *held_out} == {str(i) for i in range(2000)}
    assert len(train) + len(held_out) == 2000
    assert ids(load_corpus(options(path, held_out=0.1, seed=1)))[1] != held_out
    few = write_fasta(tmp_path / "few.fa", dict(list(records.items())[:5]))
    assert len(load_corpus(options(few, held_out=0.0001)).held_out) == 1


def test_whole_families_are_held_out(tmp_path: Path) -> None:
    types = {"tRNA": 10, "rRNA": 9, "snoRNA": 60}
    records = {
        f"{kind}{family}.{member} {kind} {kind}{family}": sequence(40)
        for kind, families in types.items()
        for family in range(families)
        for member in range(2)
    }
    header = r"(?P<id>\S+) (?P<type>\S+) (?P<family>\S+)"
    path = write_fasta(tmp_path / "a.fa", records)
    corpus = load_corpus(options(path, header=header, held_out=0.05))
    held_out = set(corpus.held_out["family"])
    assert held_out.isdisjoint(corpus.train["family"])
    # One of ten, since ten are enough; none of nine; 5 % of sixty.
    assert corpus.report["held_out"] == {
        "records": 8, "bases": 320, "families": 4, "types": {"snoRNA": 6, "tRNA": 2},
    }  # fmt: skip
    assert len(corpus.train) == 158 - 8


def test_one_of_few_families_is_held_out(tmp_path: Path) -> None:
    header = r"(?P<id>\S+) (?P<type>\S+) (?P<family>\S+)"
    path = write_fasta(tmp_path / "a.fa", {"a tRNA F": sequence(), "b rRNA G": sequence()})
    corpus = load_corpus(options(path, header=header))
    assert (len(corpus.train), len(corpus.held_out)) == (1, 1)


def test_a_corpus_larger_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_fasta(tmp_path / "a.fa", {f"{i} tRNA": sequence(20) for i in range(20)})
    whole = ids(load_corpus(options(path)))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(corpus_module, "_BLOCK", 3)
    monkeypatch.setattr(corpus_module, "_BATCH", 2)
    assert ids(load_corpus(options(path))) == whole


def test_digests_are_remembered_in_eight_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "_NEW", 7)
    seen, expected = corpus_module._Seen(), set()
    for number in RANDOM.choices([*range(300), *range(2**64 - 300, 2**64)], k=2000):
        assert seen.add(number) == (number not in expected)
        expected.add(number)
    assert len(seen.new) < 7 and seen.old.nbytes == 8 * (len(expected) - len(seen.new))


def test_a_corpus_is_read_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a block and a batch of records are held, whatever the number of records."""
    monkeypatch.setattr(corpus_module, "_BLOCK", 16)
    monkeypatch.setattr(corpus_module, "_BATCH", 8)
    path = write_fasta(tmp_path / "a.fa", {f"{i} tRNA": sequence(20) for i in range(300)})
    alive: set[int] = set()
    most = 0

    class Watched(corpus_module.CorpusRecord):
        """Says when it comes and goes."""

        def __init__(self, *arguments: str, **named: str) -> None:
            nonlocal most
            super().__init__(*arguments, **named)
            alive.add(id(self))
            most = max(most, len(alive))

        def __del__(self) -> None:
            alive.discard(id(self))

    monkeypatch.setattr(records_module, "CorpusRecord", Watched)
    corpus = load_corpus(options(path, duplicates="keep"))
    assert corpus.report["kept"] == 300
    assert 16 <= most <= 2 * 16 + 8


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table(tmp_path: Path, suffix: str) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table({"seq": ["acgt" * 5, "GGGA" * 5], "kind": ["Y_RNA", "tRNA"], "rf": ["A", "B"]})
    path = tmp_path / f"a{suffix}"
    (csv.write_csv if suffix == ".csv" else parquet.write_table)(table, str(path))
    columns = {"sequence": "seq", "type": "kind", "family": "rf"}
    found = list(read_records(options(path, format="table", columns=columns), [path]))
    assert [(r.id, r.sequence, r.type, r.family) for r in found] == [
        ("1", "ACGU" * 5, "YRNA", "A"),
        ("2", "GGGA" * 5, "tRNA", "B"),
    ]
    with pytest.raises(DataError, match=r"no column 'type' for the type.*corpus\.columns\.type"):
        list(read_records(options(path, format="table", columns={"sequence": "seq"}), [path]))


def test_records_without_type_name_the_first_header(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "a.fa", {"only-a-name": "ACGU" * 5})
    message = r"a\.fa, record 1 \(only-a-name\), line 1: the header names no RNA type.*corpus\.type"
    with pytest.raises(DataError, match=message):
        load_corpus(options(path))
    [record] = read_records(options(path, type="Y_RNA"), [path])
    assert (record.id, record.type) == ("only-a-name", "YRNA")


def test_missing_and_altered_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus\.files: nowhere\.fa: .*RNAERNIE_BENCH_DATA"):
        load_corpus(options(Path("nowhere.fa")))
    path = write_fasta(tmp_path / "a.fa", {"a tRNA": sequence()})
    exclude = [{"name": "x", "path": "x.fa", "sha256": "0", "format": "fasta"}]
    with pytest.raises(DataError, match=r"corpus\.exclude: x\.fa: .*corpus\.exclude=\[\]"):
        load_corpus(options(path, exclude=exclude))
    with pytest.raises(DataError, match=r"a\.fa: the file's SHA-256 is .*, expected 0"):
        load_corpus(options(path, sha256={str(path): "0"}))
    with pytest.raises(DataError, match="none of the 1 records is left"):
        load_corpus(options(path, min_length=100))


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(BenchError, match="a file is where a folder is needed"):
        load_corpus(options(write_fasta(tmp_path / "a.fa", {"a tRNA": sequence()})))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"files": []}, r"corpus\.files: "),
        ({"hub": "a/b"}, r"corpus\.files: "),
        ({"files": [], "hub": "a/b"}, r"corpus\.format: "),
        ({"max_length": 509}, r"corpus\.max_length: .* from 1 to 508"),
        ({"min_length": 0}, r"corpus\.min_length: "),
        ({"held_out": 1.0}, r"corpus\.held_out: "),
        ({"identity": 80.0}, r"corpus\.identity: "),
        ({"type": "tRMA"}, r"corpus\.type: unknown RNA type 'tRMA'"),
        ({"header": "("}, r"corpus\.header: not a regular expression"),
        ({"header": "x"}, r"corpus\.header: "),
    ],
)
def test_settings_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        options(Path("a.fa"), **values)


def shipped(name: str) -> dict[str, Any]:
    path = paths.configs_folder() / "corpus" / f"{name}.yaml"
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    inherited = [entry for entry in values.pop("defaults", []) if entry != "_self_"]
    return {k: v for entry in inherited for k, v in shipped(entry).items()} | values


def test_shipped_corpora() -> None:
    rfam = build(CorpusOptions, shipped("rfam_seed"))
    assert (rfam.name, rfam.format, set(rfam.sha256)) == ("rfam_seed", "rfam", set(rfam.files))
    assert len({file.name for file in rfam.exclude}) == 19
    assert [file.name for file in rfam.exclude if file.families] == ["bpRNAnew"]
    fasta = build(CorpusOptions, shipped("fasta") | {"files": ["a.fa", "b.fa.gz"]})
    table = build(CorpusOptions, shipped("table") | {"files": ["a.parquet"]})
    assert fasta.exclude == table.exclude == rfam.exclude
    assert (fasta.format, table.format) == ("fasta", "table")
    with pytest.raises(ConfigError, match="files"):
        build(CorpusOptions, shipped("table"))


@pytest.mark.realdata
def test_shipped_evaluation_files_are_the_published_ones(data_folder: Path) -> None:
    for line in (data_folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        for file in build(CorpusOptions, shipped("rfam_seed")).exclude:
            assert file.path != name.removeprefix("./") or file.sha256 == digest
