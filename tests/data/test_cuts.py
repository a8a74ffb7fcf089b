from __future__ import annotations

import random
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.cuts import cut, hold_out, unrelated
from rnaernie_bench.data.items import PairItem, SequenceItem
from rnaernie_bench.data.loading import subset
from rnaernie_bench.task.declaration import HeldOut, Unrelated
from rnaernie_bench.task.single_table import Cut, CutBy

pairs = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)),
    min_size=60,
    max_size=120,
)


def pair_items(rows: list[tuple[int, int, int, int]]) -> tuple[PairItem, ...]:
    return tuple(
        PairItem(str(i), f"A{a}", f"C{b}", i % 2, f"m{m}", f"t{t}")
        for i, (a, b, m, t) in enumerate(rows)
    )


@given(pairs, st.sampled_from(["first", "second", "both"]), st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_no_name_and_no_sequence_crosses(
    rows: list[tuple[int, int, int, int]], by: str, seed: int
) -> None:
    items = pair_items(rows)
    try:
        parts = cut(items, Cut(by=by, fraction=0.3, validation=0.3, seed=seed))  # type: ignore[arg-type]
    except DataError:
        return
    held = (parts.train, parts.validation, parts.test)
    together = sorted((*parts.train, *parts.validation, *parts.test, *parts.dropped), key=id)
    assert together == sorted(items, key=id)
    assert (by == "both") or not parts.dropped
    for side in ("first", "second") if by == "both" else (by,):
        for key in (side, f"{side}_group"):
            seen = [{getattr(item, key) for item in part} for part in held]
            assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])


def test_shares_are_met_and_labels_balanced() -> None:
    items = tuple(PairItem(str(i), f"A{i}", "C", i % 2, "", "") for i in range(1000))
    parts = cut(items, Cut(by="first", fraction=0.2, validation=0.1))
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [720, 80, 200]
    assert sum(item.label for item in parts.test) == 100


def test_a_family_larger_than_the_part_stays_in_train() -> None:
    large = [PairItem(f"l{i}", "A", f"C{i}", 0, "", "") for i in range(50)]
    small = [PairItem(f"s{i}", f"G{i}", "C", 0, "", "") for i in range(50)]
    parts = cut((*large, *small), Cut(by="first", fraction=0.2, validation=0.2))
    assert {item.id for item in large} <= {item.id for item in parts.train}


def test_a_random_cut_is_the_authors() -> None:
    items = tuple(PairItem(str(i), "A", "C", 0) for i in range(101))
    rows = list(range(101))
    np.random.RandomState(1000).shuffle(rows)
    parts = cut(items, Cut())
    assert {int(item.id) for item in parts.test} == set(rows[int(101 * 0.8) :])
    assert {int(item.id) for item in parts.validation} == set(rows[72:80])
    assert not parts.dropped


def test_sequences_are_cut_by_group_and_sequence() -> None:
    draw = random.Random(0)
    items = tuple(
        SequenceItem(str(i), "A" * draw.randint(1, 90), i % 2, f"g{draw.randint(0, 60)}")
        for i in range(90)
    )
    parts = cut(items, Cut(by="group", fraction=0.3, validation=0.3, seed=2))
    for key in ("sequence", "group"):
        seen = [{getattr(item, key) for item in part} for part in (parts.train, parts.test)]
        assert not seen[0] & seen[1]


def test_an_empty_part_is_refused() -> None:
    items = tuple(PairItem(str(i), "A", f"C{i}", 0) for i in range(9))
    with pytest.raises(DataError, match="test part empty"):
        cut(items, Cut(by="first"), where="split mirna")


@pytest.mark.parametrize("by", ["item", "first", "both"])
def test_pairs_with_numbers_are_cut_like_others(by: CutBy) -> None:
    """Of pairs without a class there is one stratum: families alone decide."""
    classes = pair_items([(i, i, i, i) for i in range(40)])
    one_class = tuple(replace(item, label=0) for item in classes)
    numbers = tuple(replace(item, label=(float(item.id), nan)) for item in classes)
    kept = [
        [[item.id for item in part] for part in (found.train, found.validation, found.test)]
        for items in (one_class, numbers)
        for found in [cut(items, Cut(by=by, fraction=0.4, validation=0.5))]
    ]
    assert kept[0] == kept[1]
    assert len(subset(numbers, 0.25)) == 10
    rest, taken, _ = hold_out(numbers, HeldOut(0.25))
    assert (len(rest), len(taken)) == (30, 10)


def test_a_cut_by_seed_parts_no_seed() -> None:
    # Each two of these miRNAs share bases 2 to 8, and all share a name.
    seeds = [format(n // 2, "05b").translate({48: "A", 49: "C"}) + "GG" for n in range(30)]
    firsts = ["AC"[n % 2] + seed + "U" * (n % 3) for n, seed in enumerate(seeds)]
    items = tuple(
        PairItem(f"{n}/{label}", first, "G", label, "one name")
        for n, first in enumerate(firsts)
        for label in (0, 1)
    )
    parts = cut(items, Cut(by="seed", fraction=0.3, validation=0.2))
    held = (parts.train, parts.validation, parts.test)
    seen = [{item.first[1:8] for item in part} for part in held]
    assert [len(part) for part in seen] == [9, 2, 4]
    assert len(set[str]().union(*seen)) == 15


def test_train_loses_what_is_related_to_other_parts() -> None:
    items = pair_items([(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3)])
    seeds = tuple(replace(item, first=f"G{'ACGU'[n % 2] * 7}G") for n, item in enumerate(items))
    other = replace(seeds[0], id="other", first=f"C{'A' * 7}", second="U")
    kept = unrelated(seeds, [other], Unrelated(parts=("test",), by="seed"))
    assert [item.id for item in kept] == ["1", "3"]
    assert unrelated(seeds, [], Unrelated(parts=("test",), by="seed")) == seeds


def test_targets_of_validation_are_none_of_train() -> None:
    target = "ACGUACGGUACCAGUUGACA"
    items = tuple(
        PairItem(f"{n}", f"A{letter * 7}", second, n % 2)
        for n, (letter, second) in enumerate(
            [("C", f"A{target}"), ("C", "G" * 30), ("G", f"{target}U"), ("G", "C" * 30)]
        )
    )
    rule = {"fraction": 0.5, "by": "seed", "overlap": 20}
    train, validation, _ = hold_out(items, HeldOut(**rule))  # type: ignore[arg-type]
    assert (len(train), len(validation)) == (2, 2)
    left, same, _ = hold_out(items, HeldOut(**rule, apart=("second",)))  # type: ignore[arg-type]
    assert same == validation
    assert left == tuple(item for item in train if target not in item.second)
