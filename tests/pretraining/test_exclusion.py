from __future__ import annotations

import gzip
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.leakage import nearest_identity
from rnaernie_bench.pretraining.exclusion import (
    EvaluationFile,
    Exclusion,
    Hit,
    find_contained,
    read_evaluation,
)
from rnaernie_bench.pretraining.neighbours import near

LONG = "".join(random.Random(0).choices("ACGU", k=100))


def rows(path: Path, **options: object) -> list[str]:
    file = EvaluationFile("x", path.name, "", **options)  # type: ignore[arg-type]
    return list(read_evaluation(file, path))


def test_each_format(tmp_path: Path) -> None:
    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    fasta = written("a.fa", ">a x\nACg\nT\n>b\nGG\n")
    assert rows(fasta, format="fasta") == ["ACGU", "GG"]
    packed = written("a.fa.gz", gzip.compress(fasta.read_bytes()))
    assert rows(packed, format="fasta") == ["ACGU", "GG"]
    dbn = written("a.dbn", ">a\nACGt\n(..)\n>b\nGG\n..\n")
    assert rows(dbn, format="dbn") == ["ACGU", "GG"]
    assert rows(written("lines", "ACGT\r\n\r\ngg\n"), format="lines") == ["ACGU", "GG"]
    table = written("a.csv", "\ufeffa,b,c\nAC,1,GT\nGG,2,CA\n")
    assert rows(table, format="csv", columns=("a", "c")) == ["AC", "GU", "GG", "CA"]
    assert rows(table, format="csv", columns=("a",), reversed=True) == ["AC", "CA", "GG", "GG"]
    bare = written("b.csv", "\ufeff1,ACtt\n2,GG\n")
    assert rows(bare, format="csv", columns=("2",)) == ["ACUU", "GG"]
    scan = written("c.csv", "# source\na;seq\nx;ACGT\n")
    assert rows(scan, format="csv", columns=("seq",), delimiter=";") == ["ACGU"]
    columns = json.dumps({"n": {"0": 1}, "sequence": {"0": "ACGT", "1": "GG"}})
    with zipfile.ZipFile(tmp_path / "a.json.zip", "w") as archive:
        archive.writestr("a.json", columns)
    assert rows(tmp_path / "a.json.zip", format="json", columns=("sequence",)) == ["ACGU", "GG"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,b\nAC,GG\n", {"format": "csv", "columns": ("c",)}),
        (b"a,b\nAC\n", {"format": "csv", "columns": ("2",)}),
        (b"", {"format": "csv", "columns": ("a",)}),
        (b"{", {"format": "json", "columns": ("a",)}),
        (b"[1]", {"format": "json", "columns": ("a",)}),
        (b"PK\x03\x04cut", {"format": "json", "columns": ("a",)}),
        (b"\x1f\x8b\x08cut", {"format": "lines"}),
        (b"\xff\xfe", {"format": "lines"}),
    ],
)
def test_unreadable_items_name_the_file(
    tmp_path: Path, content: bytes, options: dict[str, object]
) -> None:
    path = tmp_path / "items"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"items: the evaluation items cannot be read.*'x'"):
        rows(path, **options)


def test_reasons_by_hand() -> None:
    changed = LONG[:50] + ("C" if LONG[50] == "A" else "A") + LONG[51:]
    sets = {"val": [LONG], "test": [LONG, "G" * 40], "short": ["ACGUACGU"]}
    exclusion = Exclusion(sets)
    assert len(exclusion) == 3
    both = ("val", "test")
    assert exclusion.check(
        [
            LONG,
            changed,  # 99 % identical
            LONG[20:80],  # inside an item
            "CC" + LONG * 2,  # an item inside it
            LONG[20:60],  # 40 bases are too few for containment
            LONG[::-1],
            "AAACGUACGUAA",  # holds a short item: not counted; 8 of 12 identical
            "G" * 39 + "A",
        ]
    ) == [
        Hit("identical", both), Hit("near", both), Hit("contained", both), Hit("contained", both),
        None, None, None, Hit("near", ("test",)),
    ]  # fmt: skip


def test_rules_can_be_switched_off() -> None:
    exclusion = Exclusion({"x": [LONG]}, identity=None, contained=None)
    assert exclusion.check([LONG, LONG[:-1]]) == [Hit("identical", ("x",)), None]
    assert Exclusion({}).check([LONG]) == [None]
    with pytest.raises(ConfigError, match="20 is below 32"):
        Exclusion({}, contained=20)


def test_contained() -> None:
    needles = [LONG[10:50], LONG[20:60], "A" * 40, LONG[:20]]
    pairs = set(find_contained(needles, ["C" + LONG, "A" * 41, LONG[10:50]], 40))
    assert pairs == {(0, 0), (1, 0), (2, 1), (0, 2)}


def mutated(sequence: str, changes: int, rng: random.Random) -> str:
    letters = list(sequence)
    for _ in range(changes):
        place = rng.randrange(len(letters))
        kind = rng.randrange(3)
        letters[place : place + 1] = ("", rng.choice("ACGU"), letters[place] + rng.choice("ACGU"))[
            kind
        ]
    return "".join(letters)


def test_the_search_proposes_what_a_comparison_of_all_finds() -> None:
    rng = random.Random(1)
    references = ["".join(rng.choices("ACGU", k=rng.randint(60, 300))) for _ in range(60)]
    queries = [mutated(text, rng.randint(0, len(text) // 2), rng) for text in references]
    exact, _ = nearest_identity(queries, references)
    assert 20 < (exact > 0).sum() < 60
    np.testing.assert_array_equal(near(queries, references, 0.8) >= 0, exact > 0)


def test_the_nearest_of_several_is_named() -> None:
    one = LONG[:50] + "NN" + LONG[52:]
    assert near([LONG, one], ["ACGU", one, LONG, LONG], 0.8).tolist() == [2, 1]
    assert near(["N" * 20, "ACG"], [LONG], 0.8).tolist() == [-1, -1]
    assert near([], [LONG], 0.8).tolist() == []


@pytest.mark.realdata
def test_what_the_search_misses_of_real_pairs(data_folder: Path) -> None:
    def part(name: str) -> list[str]:
        path = data_folder / "nrc" / name
        return rows(path, format="fasta")

    queries = part("dataset_Rfam_validated_2600_13classes.fasta")[::8]
    references = part("dataset_Rfam_6320_13classes.fasta")
    exact, _ = nearest_identity(queries, references)
    found = near(queries, references, 0.8) >= 0
    assert (exact[found] > 0).all()
    assert found.sum() >= 0.98 * (exact > 0).sum() > 50
