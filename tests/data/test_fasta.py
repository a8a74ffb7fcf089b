from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.data.fasta import FastaRecord, read_fasta, read_named


def write(folder: Path, content: bytes, name: str = "a.fasta") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def failure(source: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        list(read_fasta(source))
    return str(caught.value)


def test_lines_are_joined_and_normalised(tmp_path: Path) -> None:
    path = write(tmp_path, b">one first word\nACGT\nacgt\n\n>two\nNNU\n")
    assert list(read_fasta(path)) == [
        FastaRecord("one first word", "ACGUACGU", record=1, line=1),
        FastaRecord("two", "NNU", record=2, line=5),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_line_ends_and_gzip_read_alike(tmp_path: Path, end: bytes, pack) -> None:
    path = write(tmp_path, pack(end.join([b">a 1", b"AC", b"GU", b">b 2", b"A", b""])))
    found = [(record.header, record.sequence, record.line) for record in read_fasta(path)]
    assert found == [("a 1", "ACGU", 1), ("b 2", "A", 4)]


def test_a_byte_order_mark_and_a_missing_last_line_end_are_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf>a\nACGU")
    assert [record.sequence for record in read_fasta(path)] == ["ACGU"]


def test_gzip_members_in_a_row_are_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b">a\nAC\n") + gzip.compress(b"GU\n>b\nA\n"))
    assert [record.sequence for record in read_fasta(path)] == ["ACGU", "A"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_read_and_left_open(monkeypatch: pytest.MonkeyPatch, pack) -> None:
    buffer = io.BufferedReader(io.BytesIO(pack(b">a\nACGU\n")))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=buffer))
    assert [record.sequence for record in read_fasta("-")] == ["ACGU"]
    assert not buffer.closed


def test_errors_on_standard_input_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BufferedReader(io.BytesIO(b">a\nAC!U\n"))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=buffer))
    assert failure("-").startswith("standard input, record 1 (a), line 1: foreign letter '!'")


def test_records_come_before_the_end_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b">a\nACGU\n>b\nA!\n")
    records = read_fasta(path)
    assert next(records).sequence == "ACGU"
    with pytest.raises(DataError):
        next(records)


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content)
    assert f"{path}: the file is empty" in failure(path)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnaernie_bench.data.text.LONGEST", 1000)
    (tmp_path / "x.fa.gz").write_bytes(gzip.compress(b">a\n" + b"A" * 1000))
    with pytest.raises(DataError, match=r"x.fa.gz, line 2: the line has 1,000 letters or more"):
        list(read_fasta(tmp_path / "x.fa.gz"))


def test_text_before_the_first_header_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, b"\nACGU\n>a\nACGU\n")
    assert f"{path}, line 2: there is text before the first header" in failure(path)


@pytest.mark.parametrize("content", [b">a\n>b\nAC\n", b">x\nAC\n>a\n"])
def test_a_record_without_sequence_is_refused(tmp_path: Path, content: bytes) -> None:
    message = failure(write(tmp_path, content))
    assert "(a)" in message
    assert "the record has no sequence" in message


def test_a_record_without_name_is_refused(tmp_path: Path) -> None:
    message = failure(write(tmp_path, b">a\nAC\n>  \nAC\n"))
    assert "record 2" in message
    assert "line 3: the record has no name" in message


@pytest.mark.parametrize(
    ("letter", "position"), [(b"J", 6), (b"-", 6), (b" ", 6), ("é".encode(), 6)]
)
def test_a_foreign_letter_is_named_with_its_place(
    tmp_path: Path, letter: bytes, position: int
) -> None:
    path = write(tmp_path, b">a\nAC\n>b c\nACGU\nA" + letter + b"G\n")
    message = failure(path)
    assert f"{path}, record 2 (b c), line 3: foreign letter" in message
    assert f"{letter.decode()!r} at position {position} " in message
    assert "\n" not in message


@pytest.mark.parametrize("line", [b">\xff\xfe name", b"AC\xffGU"])
def test_undecodable_bytes_are_refused(tmp_path: Path, line: bytes) -> None:
    path = write(tmp_path, b">a\nAC\n" + line + b"\nAC\n")
    assert f"{path}, line 3: the line has bytes that are not UTF-8" in failure(path)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b">r%d\nACGU\n" % i for i in range(500)))
    path = write(tmp_path, whole[: len(whole) // 2], "a.fasta.gz")
    message = failure(path)
    assert f"{path}: the gzip file is truncated or damaged after line " in message


@pytest.mark.parametrize("place", [12, -6])  # in the compressed data; in the checksum
def test_a_damaged_gzip_is_refused(tmp_path: Path, place: int) -> None:
    whole = bytearray(gzip.compress(b"".join(b">r%d\nACGU\n" % i for i in range(500))))
    whole[place] ^= 0xFF
    assert "truncated or damaged" in failure(write(tmp_path, bytes(whole)))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file" in failure(tmp_path / "none.fasta")
    assert "directory" in failure(tmp_path)


@given(
    records=st.lists(st.text(LETTERS + LETTERS.lower() + "Tt", min_size=1), min_size=1),
    width=st.integers(1, 7),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[str], width: int, end: str
) -> None:
    lines: list[str] = []
    for number, sequence in enumerate(records):
        lines.append(f">r{number}")
        lines += (sequence[i : i + width] for i in range(0, len(sequence), width))
    path = tmp_path_factory.getbasetemp() / "property.fasta"
    path.write_text(end.join(lines) + end, newline="")
    found = list(read_fasta(path))
    assert [record.sequence for record in found] == [
        sequence.upper().replace("T", "U") for sequence in records
    ]
    assert [record.record for record in found] == list(range(1, len(records) + 1))
    assert [lines[record.line - 1] for record in found] == [f">{record.header}" for record in found]


def test_named_records(tmp_path: Path) -> None:
    path = write(tmp_path, b">one first word\nACGT\n>two\nNN\n>one-2\nA\n")
    assert list(read_named(path)) == [("one", "ACGU"), ("two", "NN"), ("one-2", "A")]
    assert len(list(read_named(path, max_bases=4))) == 3
    with pytest.raises(DataError) as caught:
        list(read_named(path, max_bases=3, remedy="shorten it"))
    assert str(caught.value) == (
        f"{path}, record 1 (one first word), line 1: the sequence has 4 bases, 3 fit; shorten it"
    )


def test_a_repeated_id_is_named_with_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b">a 1\nACGU\n>b\nAA\n>a 2\nGG\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content))))
    records = read_named("-")
    assert [next(records), next(records)] == [("a", "ACGU"), ("b", "AA")]
    with pytest.raises(DataError) as caught:
        next(records)
    assert str(caught.value) == (
        "standard input, record 3 (a 2), line 5: the id 'a' stands in record 1 already; "
        "ids are unique within a file: rename one"
    )


@pytest.mark.realdata
def test_the_authors_file_holds_6320_records(data_folder: Path) -> None:
    records = list(read_fasta(data_folder / "nrc" / "dataset_Rfam_6320_13classes.fasta"))
    lengths = sorted(len(record.sequence) for record in records)
    assert len(records) == 6320
    assert (lengths[0], lengths[-1]) == (38, 1136)
    assert sum(length > 512 for length in lengths) == 44
    assert sum(bool(set(record.sequence) - set("ACGU")) for record in records) == 159
