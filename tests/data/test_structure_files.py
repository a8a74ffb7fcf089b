from __future__ import annotations

import gzip
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.structure_files import read_structures
from rnaernie_bench.structure.records import StructureRecord, non_canonical, summarise
from rnaernie_bench.structure.writers import WRITERS
from tests.structure_kit import records

BPSEQ = "1 G 5\n2 A 0\n3 n 0\n4 A 0\n5 T 1\n"
CT = "5 ENERGY = -1.2  hairpin\n" + "".join(
    f"{i} {letter} {i - 1} {(i + 1) % 6} {partner} {i}\n"
    for i, letter, partner in ((1, "G", 5), (2, "A", 0), (3, "n", 0), (4, "A", 0), (5, "T", 1))
)
ST = """#Name: bpRNA_X_1
#Length:  5
#PageNumber: 1
GAnAT
(...)
SHHHS
NNNNN
S1 1..1 "G" 5..5 "U"
"""


def write(folder: Path, text: str | bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def failure(folder: Path, text: str | bytes, name: str) -> str:
    with pytest.raises(DataError) as caught:
        list(read_structures(write(folder, text, name)))
    message = str(caught.value)
    assert message.startswith(f"{folder / name}")
    return message.removeprefix(f"{folder / name}").lstrip(", ")


@pytest.mark.parametrize(
    ("text", "name", "id_"),
    [
        (">hairpin one\nGAnAT\n(...)\n", "a.dbn", "hairpin"),
        ("# remark\n>hairpin\r\nGAnAT\r\n(...) ( -1.20)\r\n", "a.db", "hairpin"),
        ("GAnAT\n(...) -1.20\n", "a.b.dbn", "a.b"),
        ("#Name: hairpin\n#Length: 5\nGAnAT\n(...)\n", "a.dbn", "hairpin"),
        (BPSEQ, "a.bpseq", "a"),
        ("#Name: hairpin\n" + BPSEQ, "a.bpseq", "hairpin"),
        ("Filename: x.bpseq\nAccession Number: none\n" + BPSEQ, "a.BPSEQ", "a"),
        (CT, "a.ct", "hairpin"),
        ("# File x.ct\n" + CT.replace("ENERGY = -1.2", "dG = -1 [initially -2.0]"), "a.ct",
         "hairpin"),
        (CT.replace("ENERGY = -1.2  hairpin", ""), "a.ct", "a"),
        (ST, "a.st", "bpRNA_X_1"),
        (gzip.compress(BPSEQ.encode(), mtime=0), "a.bpseq.gz", "a"),
    ],
)  # fmt: skip
def test_all_kinds_lead_to_the_same_record(tmp_path: Path, text, name: str, id_: str) -> None:
    (record,) = read_structures(write(tmp_path, text, name))
    assert record == StructureRecord(id_, "GANAU", np.array([(0, 4)]))
    assert record.lower_case == 1
    assert record.place.startswith(f"{tmp_path / name}, record 1 ({record.id}")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (">a\nGAAC\n(..)\n\n>b\nAA\n..\n", "a.dbn"),
        ("#Name: a\n1 G 4\n2 A 0\n3 A 0\n4 C 1\n#Name: b\n1 A 0\n2 A 0\n", "a.bpseq"),
        ("4 a\n1 G 0 2 4 1\n2 A 1 3 0 2\n3 A 2 4 0 3\n4 C 3 0 1 4\n"
         "2 b\n1 A 0 2 0 1\n2 A 1 0 0 2\n", "a.ct"),
        ("#Name: a\nGAAC\n(..)\nSHHS\nNNNN\n#Name: b\nAA\n..\nEE\nNN\n", "a.st"),
    ],
)  # fmt: skip
def test_a_file_may_hold_several_records(tmp_path: Path, text: str, name: str) -> None:
    first, second = read_structures(write(tmp_path, text, name))
    assert (first.id, first.sequence, first.pairs.tolist()) == ("a", "GAAC", [[0, 3]])
    assert (second.id, second.sequence, second.pairs.tolist()) == ("b", "AA", [])
    assert "record 2 (b)" in second.place


def test_rows_that_count_anew_begin_a_record(tmp_path: Path) -> None:
    found = list(read_structures(write(tmp_path, "1 A 0\n1 C 0\n2 G 0\n", "a.bpseq")))
    assert [record.sequence for record in found] == ["A", "CG"]


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, BPSEQ, "b.bpseq")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", ">x\nA\n.\n", "c.dbn")
    write(tmp_path, CT, "a.ct")
    write(tmp_path, "not a structure", "README.md")
    assert [record.id for record in read_structures(tmp_path)] == ["hairpin", "b", "x"]
    with pytest.raises(DataError, match="the folder has no structure file"):
        (tmp_path / "empty").mkdir()
        list(read_structures(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "a.dbn", ": the file is empty"),
        (">a\n>b\nA\n.\n", "a.dbn", "record 1 (a), line 1: the record has no sequence"),
        (">a\nACG\n", "a.dbn", "record 1 (a), line 2: the record has no structure"),
        (">a\nACG\n..\n", "a.dbn",
         "record 1 (a), line 3: the structure has 2 symbols, the sequence 3 letters"),
        (">a\nACG\n((.\n", "a.dbn", "record 1 (a), line 3: the bracket '(' at position 2"),
        (">a\nACG\n...\n...\n", "a.dbn", "record 1 (a), line 4: more than a sequence"),
        (">a\nA!G\n...\n", "a.dbn", "record 1 (a), line 2: foreign letter '!' at position 2"),
        (">\nACG\n...\n", "a.dbn", "record 1 (), line 1: the record has no name"),
        ("#Name: b\n", "a.bpseq", "record 1 (b), line 1: the record has no sequence"),
        ("#Name: b\n1 A 0\n2 C\n", "a.bpseq", "record 1 (b), line 3: the line is not one base"),
        ("1 A 0\n3 C 0\n", "a.bpseq", "record 1 (a), line 2: base 3 stands where base 2 belongs"),
        ("1 A 3\n2 C 0\n", "a.bpseq", "record 1 (a), line 1: a pair names base 3 of 2"),
        ("1 A 0\n2 C 2\n", "a.bpseq", "record 1 (a), line 2: base 2 is paired with itself"),
        ("1 A 2\n2 C 3\n3 G 2\n", "a.bpseq",
         "record 1 (a), line 1: base 1 is paired with 2, but base 2 is with 3"),
        ("1 A 2\n2 C 0\n", "a.bpseq",
         "record 1 (a), line 1: base 1 is paired with 2, but base 2 is unpaired"),
        ("1 A x\n", "a.bpseq", "record 1 (a), line 1: the partner 'x' is no number"),
        ("1 A -1\n", "a.bpseq", "record 1 (a), line 1: the partner '-1' is no number"),
        ("x a\n", "a.ct", "record 1 (a), line 1: the length 'x' is no number"),
        ("2 b\n1 A 0 2 0 1\n", "a.ct",
         "record 1 (b), line 1: the header announces 2 bases, 1 follow"),
        ("0 b\n", "a.ct", "record 1 (b), line 1: the record has no sequence"),
        ("1 b\n1 A 0 0 0\n", "a.ct", "record 1 (b), line 2: the line is not one base in 6"),
        ("1 b\n1 A 0 0 0 1\n2 c\n1 A 0 2 9 1\n2 A 1 0 0 2\n", "a.ct",
         "record 2 (c), line 4: a pair names base 9 of 2"),
        ("#Name: b\nACG\n", "a.st", "record 1 (b), line 2: the record has no structure"),
        ("text", "a.txt", ": the suffix is not that of a structure"),
        (gzip.compress(b">a\nACG\n...\n" * 50, mtime=0)[:-20], "a.dbn", ": the gzip file is trunc"),
        (b">a\nA\xffG\n...\n", "a.dbn", "line 2: the line has bytes that are not UTF-8"),
    ],
)  # fmt: skip
def test_errors_name_file_record_and_line(tmp_path: Path, text, name: str, message: str) -> None:
    found = failure(tmp_path, text, name)
    assert found.startswith(message), found
    assert "\n" not in found


def test_a_sequence_over_the_limit_is_refused_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, f">a\nACG\n...\n>b\n{'A' * 30000}\n{'.' * 30000}\n", "a.dbn")
    found = read_structures(path, max_bases=508)
    assert next(found).id == "a"
    with pytest.raises(DataError) as caught:
        next(found)
    assert f"{path}, record 2 (b), line 4: the sequence has 30000 bases, 508 fit" in str(
        caught.value
    )
    assert [len(record) for record in read_structures(path)] == [3, 30000]


@pytest.mark.parametrize("suffix", WRITERS)
@settings(deadline=None, max_examples=15)
@given(cases=st.lists(records(), min_size=1, max_size=3))
def test_what_is_written_is_read_and_written_alike(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, cases: list[StructureRecord]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"written{suffix}"
    path.write_text("".join(map(WRITERS[suffix], cases)))
    found = list(read_structures(path))
    assert found == cases
    assert "".join(map(WRITERS[suffix], found)) == path.read_text()


def test_a_summary_counts_what_is_kept(tmp_path: Path) -> None:
    text = ">a\nGcAAAGC\n((...))\n>b\nAAGAGC\n[.(].)\n>c\nNN\n..\n"
    cases = list(read_structures(write(tmp_path, text, "a.dbn")))
    assert non_canonical(cases[0]).tolist() == [False, False]
    assert asdict(summarise(cases)) == {
        "records": 3, "bases": 15, "shortest": 2, "longest": 7, "pairs": 4,
        "non_canonical": 1, "tight": 2, "crossing": 1, "pseudoknotted": 1, "unpaired": 1,
        "lower_case": 1,
    }  # fmt: skip
    assert summarise([]).longest == 0


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("part", "counts"),
    [
        ("TR0", (10814, 33, 498, 332122, 34327, 999, 5, 84)),
        ("VL0", (1300, 33, 497, 39397, 4096, 107, 1, 10)),
        ("TS0", (1305, 22, 499, 40785, 4084, 129, 1, 16)),
        ("archiveII", (3966, 28, 1800, 229188, 0, 1079, 5, 0)),
    ],
)
def test_the_published_files_hold_what_their_card_says(data_folder, part, counts) -> None:
    found = summarise(read_structures(data_folder / "ss" / f"{part}.dbn"))
    assert counts == (
        found.records, found.shortest, found.longest, found.pairs, found.non_canonical,
        found.pseudoknotted, found.unpaired, found.lower_case,
    )  # fmt: skip
