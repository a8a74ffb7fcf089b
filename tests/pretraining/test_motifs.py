from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.pretraining.motifs import (
    FREQUENT_WORDS,
    KNOWN_MOTIFS,
    MotifMatcher,
    locate_motifs,
    read_motifs,
)
from rnaernie_bench.task.declaration import DataFile


def find(groups: list[list[str]], sequence: str) -> list[tuple[int, int, int]]:
    return list(zip(*(x.tolist() for x in MotifMatcher(groups).find(sequence)), strict=True))


def test_motifs_may_overlap_and_repeat() -> None:
    assert find([["ACGU", "CGUA", "GUAC"]], "ACGUACGU") == [
        (0, 4, 0), (1, 4, 0), (2, 4, 0), (4, 4, 0),
    ]  # fmt: skip


def test_all_motifs_that_end_at_a_base_are_found_the_longest_first() -> None:
    assert find([["UA", "GUA"], ["ACGUA", "CGUA"]], "ACGUAC") == [
        (0, 5, 1), (1, 4, 1), (2, 3, 0), (3, 2, 0),
    ]  # fmt: skip


def test_a_motif_is_found_where_a_longer_one_breaks_off() -> None:
    assert find([["ACGG", "CGU"]], "ACGU") == [(1, 3, 0)]


def test_t_and_u_and_upper_and_lower_case_are_the_same() -> None:
    assert find([["UTUU"]], "attttaUUUU") == [(1, 4, 0), (6, 4, 0)]


def test_no_motif_runs_over_another_letter() -> None:
    assert find([["ACGU"]], "ACNGUNACGUX") == [(6, 4, 0)]


def test_a_motif_given_twice_is_found_once_and_belongs_to_the_first_list() -> None:
    assert find([["ACGU", "ACGU"], ["ACGT", "GGGG"]], "ACGUGGGG") == [(0, 4, 0), (4, 4, 1)]


def test_nothing_is_found_without_motifs_or_bases() -> None:
    assert find([], "ACGU") == find([["ACGU"]], "") == find([["ACGU"]], "NN") == []


@given(
    groups=st.lists(st.lists(st.text("ACU", min_size=1, max_size=5), max_size=6), max_size=3),
    sequence=st.text("ACUN", max_size=40),
)
def test_the_same_is_found_by_comparing_everywhere(groups, sequence) -> None:
    owners = {motif: i for i, group in reversed([*enumerate(groups)]) for motif in group}
    expected = {
        (i, len(motif), group)
        for motif, group in owners.items()
        for i in range(len(sequence))
        if sequence.startswith(motif, i)
    }
    found = find(groups, sequence)
    assert len(found) == len(expected)
    assert set(found) == expected
    assert found == sorted(found, key=lambda hit: (hit[0] + hit[1], -hit[1]))


@pytest.mark.parametrize("motif", ["", "ACGN", "AC GU"])
def test_what_is_no_motif_is_refused(motif: str) -> None:
    with pytest.raises(DataError, match="letters A, C, G and U"):
        MotifMatcher([["ACGU"], [motif]])


def test_lists_are_read_in_order_each_motif_once(tmp_path: Path) -> None:
    path = tmp_path / "motifs.txt"
    path.write_bytes(b"\xef\xbb\xbfUUUU\r\nacgt\n\n  GGGGA \nACGU\nCCC\n" + b"A" * 65 + b"\n")
    assert read_motifs(path) == ("UUUU", "ACGU", "GGGGA")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ACGU\nAC!U\n", "line 2: a motif has the letter '!'"),
        (b"ACGU GGGG\n", "line 1: a motif has the letter ' '"),
        (b"ACG\xff\n", "line 1: a motif has the letter"),
        (b"", "has no motif"),
        (b"ACG\n", "has no motif of 4 to 64 bases"),
    ],
)
def test_junk_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "motifs.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_motifs(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_list_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_motifs(tmp_path / "none.txt")
    with pytest.raises(DataError, match=r"motifs/ATtRACT\.txt.*RNAERNIE_BENCH_DATA"):
        locate_motifs()


def test_a_changed_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    (tmp_path / "a.txt").write_text("ACGU\n")
    with pytest.raises(DataError, match="SHA-256"):
        locate_motifs([[DataFile("a.txt", "0" * 64, 1)]])


@pytest.mark.realdata
def test_the_authors_lists(data_folder: Path) -> None:
    attract, spliceaid, words = (
        read_motifs(data_folder / file.path) for file in (*KNOWN_MOTIFS, *FREQUENT_WORDS)
    )
    assert len(attract) == 3232
    assert {len(motif) for motif in attract} == set(range(4, 13))
    assert {len(motif) for motif in words} == set(range(10, 14))
    matcher = MotifMatcher([(*attract, *spliceaid), words])
    # Lists in U and a list in T: every motif matches, as U.
    for group, motifs in enumerate(((*attract, *spliceaid), words)):
        for motif in motifs[::97]:
            found = matcher.find(motif)
            whole = np.flatnonzero(found.lengths == len(motif))
            assert found.starts[whole].tolist() == [0]
            assert found.groups[whole].item() <= group
