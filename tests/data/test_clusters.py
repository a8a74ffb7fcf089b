from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.clusters import clusters_of, components, counted, overlap_links
from rnaernie_bench.data.cuts import cut, hold_out
from rnaernie_bench.data.folds import deal
from rnaernie_bench.data.items import Clusters, ContactItem, SequenceItem
from rnaernie_bench.task.declaration import Folds, HeldOut
from rnaernie_bench.task.single_table import Cut

CHAIN = ("AAAAAAAAAA", "AAAAAAAACC", "AAAAAACCCC", "GGGGGGGGGG", "GGGGGGGGG", "UUUUUUUUUU")
"""Ten bases: the first and the third are .6 identical, and linked at .8 by the second."""


def items_of(
    sequences: tuple[str, ...], groups: str = "", labels: str = ""
) -> tuple[SequenceItem, ...]:
    return tuple(
        SequenceItem(
            f"i{n}", sequence, int((labels or "0" * 99)[n]), (groups or " " * 99)[n].strip()
        )
        for n, sequence in enumerate(sequences)
    )


def test_components_go_through_names_sequences_and_edges() -> None:
    names, sequences = ["n", "m", "m", "", "", "", "o"], ["A", "A", "C", "G", "G", "U", "GG"]
    assert components(names, sequences).tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert components(names, sequences, np.array([[5, 1]])).tolist() == [0, 0, 0, 1, 1, 0, 2]
    assert components([], []).tolist() == []


def test_overlapping_sequences_are_linked() -> None:
    sequences = ["AACCGG", "CCGGUU", "GUUAAA", "CCCC", "UU", "UU", "GGUUA"]
    found = components([""] * 7, range(7), overlap_links(sequences, 4))
    assert found.tolist() == [0, 0, 0, 1, 2, 2, 0]  # GGUUA holds GGUU, and GUUA


def test_similar_sequences_chain() -> None:
    found = clusters_of(items_of(CHAIN), "similarity", Cut(identity=0.8))
    assert found.tolist() == [0, 0, 0, 1, 1, 2]
    assert counted(found, "similarity", Cut(identity=0.8)) == Clusters("similarity", 0.8, 3, 3)
    assert len(set(clusters_of(items_of(CHAIN), "similarity", Cut(identity=0.9)).tolist())) == 5


def test_groups_stay_together_where_they_are_no_strata() -> None:
    groups = "x....x"
    assert clusters_of(items_of(CHAIN, groups), "similarity", Cut()).tolist() == [0, 0, 0, 0, 0, 0]
    none = np.empty((0, 2), np.int32)
    contacts = tuple(ContactItem(s, s, none, g) for s, g in zip(CHAIN, groups, strict=True))
    assert clusters_of(contacts, "similarity", Cut()).tolist() == [0, 0, 0, 1, 1, 2]
    assert clusters_of(contacts, None, Cut()).tolist() == [0, 1, 2, 3, 4, 5]
    assert clusters_of(contacts, "group", Cut()).tolist() == [0, 1, 1, 1, 1, 0]


def test_no_cluster_is_cut() -> None:
    """Twenty clusters of two, of one label each; of each label's twenty items four validate."""
    heads = [f"{n:05b}".replace("0", "AAAA").replace("1", "CCCC") for n in range(20)]
    sequences = tuple(head + end for head in heads for end in ("AA", "CC"))
    items = items_of(sequences, labels="0011" * 10)
    held_out = HeldOut(0.2, by="similarity", identity=0.9)
    train, validation, clusters = hold_out(items, held_out)
    assert clusters == Clusters("similarity", 0.9, 20, 2)
    assert [sum(item.label == label for item in validation) for label in (0, 1)] == [4, 4]
    assert not {item.sequence[:-2] for item in train} & {item.sequence[:-2] for item in validation}
    assert hold_out(items[::-1], held_out)[1] == validation[::-1]
    assert hold_out(items, HeldOut(0.2, 1, by="similarity", identity=0.9))[1] != validation
    parts = cut(items, Cut(by="similarity", identity=0.9, fraction=0.4, validation=0.4))
    assert [len(p) for p in (parts.test, parts.validation)] == [16, 8]
    assert parts.clusters["validation"].n == 12


def test_a_label_without_a_cluster_that_fits_gives_its_smallest_but_never_its_last() -> None:
    items = items_of(("A", "C", "G", "U", "AA", "CC"), groups="aaabbc", labels="000001")
    train, validation, _ = hold_out(items, HeldOut(0.2))
    assert [item.id for item in validation] == ["i3", "i4"]
    assert [item.label for item in train] == [0, 0, 0, 1]


def test_whole_groups_are_dealt_to_folds() -> None:
    # Label 0: groups of 4, 2, 2; label 1: 3, 1; label 2 has one group.
    groups, labels = "aaaabbccdddeff", "00000000111122"
    items = items_of(tuple("A" * (n + 1) for n in range(14)), groups, labels)
    folds, clusters = deal(items, Folds(generate=2), classes=True)
    tested = [sorted({item.group for item in fold.test}) for fold in folds]
    assert sorted(tested) == [["a", "e"], ["b", "c", "d"]]
    assert clusters == Clusters("group", None, 6, 4)
    for fold in folds:
        assert {item.group for item in fold.train} == {*"abcdef"} - {i.group for i in fold.test}
    assert deal(items[::-1], Folds(generate=2), classes=True)[0] == folds
    without, _ = deal(items, Folds(generate=2, alone="leave_out"), classes=True)
    assert "f" not in {item.group for fold in without for item in fold.train | fold.test}
    with pytest.raises(DataError, match="5 clusters cannot be dealt to 6 folds"):
        deal(items, Folds(generate=6), classes=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cut(identity=0.5), r"cut\.identity: .* from 0\.65 to 1"),
        (lambda: HeldOut(0.1, overlap=0), r"held_out\.overlap: .* 1 or more"),
        (lambda: Folds(), "folds: either `names`, perhaps with a `file`, or `generate`"),
        (lambda: Folds(names=("a",), generate=2), "folds: either"),
        (lambda: Folds(generate=1), r"folds\.generate: the value must be 2 or more"),
    ],
)
def test_wrong_rules_are_refused(make, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
