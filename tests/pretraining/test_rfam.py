from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data import stockholm
from rnaernie_bench.pretraining.rfam import Family, read_families

TRNA = """# STOCKHOLM 1.0

#=GF AC   RF00005
#=GF ID   tRNA
#=GF AU   M\u00fcller
#=GF DR   SO; 0000253; tRNA;
#=GF DR   URL; http://example.org;
#=GF TP   Gene; tRNA;
#=GF SQ   2

a/1-6          ac.g-
#=GR a/1-6 SS  ((...
b/1-4          AC~GT
#=GC SS_cons   ((...

a/1-6          TTN
b/1-4          --_
//
"""
VAULT = """# STOCKHOLM 1.0
#=GF AC RF00006
#=GF TP Gene;
#=GF DR SO; 0000404; vault_RNA;
v GGG
//
"""
PARSED = [
    Family("RF00005", "tRNA", (("a/1-6", "ACGUUN"), ("b/1-4", "ACGU"))),
    Family("RF00006", "vaultRNA", (("v", "GGG"),)),
]


def archive(path: Path, members: Mapping[str, str], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        folder = tarfile.TarInfo("stockholm/")
        folder.type = tarfile.DIRTYPE
        file.addfile(folder)
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data := text.encode())
            file.addfile(info, io.BytesIO(data))
    return path


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(read_families(path))
    return str(caught.value)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_archive(tmp_path: Path, mode: str) -> None:
    members = {"stockholm/RF00005.txt": TRNA, "stockholm/._x": "junk", "RF00006": VAULT}
    assert list(read_families(archive(tmp_path / "rfam", members, mode))) == PARSED


def test_one_text_of_many_families(tmp_path: Path) -> None:
    plain, packed = tmp_path / "Rfam.seed", tmp_path / "Rfam.seed.gz"
    plain.write_text(TRNA + VAULT, encoding="latin-1")
    packed.write_bytes(gzip.compress((TRNA + VAULT).encode()))
    assert list(read_families(plain)) == list(read_families(packed)) == PARSED


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#=GF TP   Gene; tRNA;\n", "", "the family RF00005 has no '#=GF TP' line"),
        ("#=GF TP   Gene; tRNA;\n", "#=GF TP\n", "the family RF00005 has no '#=GF TP' line"),
        ("#=GF AC   RF00005\n", "", "the family without accession has no '#=GF AC' line"),
        ("Gene; tRNA;\n", "Gone; tRMA;\n", "family RF00005: unknown Rfam type 'Gone; tRMA;'"),
        ("TTN", "TZN", "family RF00005: foreign letter 'Z' at base 5 of a/1-6"),
        ("//\n", "", "line 17: the alignment is cut off"),
        ("a/1-6          TTN", "TTN", "line 16: the line is not `NAME ALIGNED-SEQUENCE`"),
    ],
)
def test_damaged_alignments_name_member_and_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TRNA
    path = archive(tmp_path / "rfam.tar.gz", {"RF.txt": TRNA.replace(old, new, 1)})
    assert failure(path).startswith(f"{path}, RF.txt")
    assert message in failure(path)


def test_no_sequences(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", {"RF.txt": VAULT.replace("v GGG\n", "")}, "w")
    assert "the family RF00006 has no sequences" in failure(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_truncated_archive(tmp_path: Path, mode: str) -> None:
    path = archive(tmp_path / "rfam", {"a": TRNA * 40, "b": VAULT}, mode)
    data = path.read_bytes()
    path.write_bytes(data[: 3000 if mode == "w" else len(data) * 2 // 3])
    assert "truncated or damaged" in failure(path)


def test_odd_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rfam.tar"
    with tarfile.open(path, "w") as file:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        file.addfile(link)
    assert "link: the member is not a plain file" in failure(path)
    monkeypatch.setattr(stockholm, "MAX_MEMBER_BYTES", 10)
    assert "RF.txt: the member has" in failure(archive(path, {"RF.txt": VAULT}, "w"))


def test_what_is_no_alignment(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    assert "cut off" in failure(tmp_path / "empty")
    assert "cannot be read" in failure(tmp_path / "missing")
