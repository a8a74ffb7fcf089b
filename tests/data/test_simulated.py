from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.items import PairItem
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.simulated import FAMILIES, LONGEST, SHORTEST, simulate, simulated_dataset
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.declaration import Simulation
from rnaernie_bench.task.task import Task, load_task

GOLDEN = "612cf2ffe9297d3686873d0cae6a1714d42dbfe660c0999581fe1a2ad83d92e1"
FIRST = "AUAUACUUUCAGGAUCUACUUGACCGAACUCUCAGGUAAGUAGUGGUGUACUUGAUAUAGUACAUUACGAACUUGAAGGA"

CANONICAL = {"AU", "UA", "GC", "CG", "GU", "UG"}

MOTIFS = {
    "three_way_junction": "CCGAACUC",
    "long_stem": "CGAUGAAGAACG",
    "cloverleaf": "UUCGA[ACGU]U.{12,26}[ACGU]CCA",
    "hammerhead": "CUGAUGA.*GAAA.*[ACGU]U[ACU]",
    "cd_box": "[AG]UGAUGA.*CUGA.*[AG]UGAUGA.*CUGA",
    "pseudoknot": "AAUA.*AAG.*ACAGA",
    "six_way_junction": "GUG[CU].*AGC.*GAAA.*CGUUC",
    "aptamer": "GGGUG.*CUGAGA.*ACCUGAUCUGGAUAAUGCCAG",
    "tandem_hairpins": "UUUC[CU]UUUU.*AUG",
    "haca_box": "A[ACGU]A[ACGU]{2}A.*ACA",
    "haca_cd_box": "[AG]UGAUGA.*UGAG.*A[ACGU]A[ACGU]{2}A.*ACA.*CUGA",
    "terminator": "AUG.*[GC]{7}.*[GC]{7}U{6}",
    "hairpin": "UGUG.*C[ACGU]{2}C",
    "reading_frame": "[AG]CCAUG([ACG][ACGU]{2}){14,24}UAA",
}


def pairs(structure: str) -> list[tuple[int, int]]:
    """Return the bracket pairs of a structure, round and square."""
    found: list[tuple[int, int]] = []
    for left, right in ("()", "[]"):
        opened: list[int] = []
        for position, mark in enumerate(structure):
            if mark == left:
                opened.append(position)
            elif mark == right:
                found.append((opened.pop(), position))
        assert opened == []
    return found


@settings(max_examples=80, deadline=None)
@given(family=st.sampled_from(sorted(FAMILIES)), seed=st.integers(0, 2**32))
def test_members_are_well_formed(family: str, seed: int) -> None:
    for sequence, structure in simulate(family, 3, np.random.default_rng(seed)):
        assert SHORTEST <= len(sequence) == len(structure) <= LONGEST
        assert set(sequence) <= set("ACGU")
        assert set(structure) <= (set("().[]") if family == "pseudoknot" else set("()."))
        joined = pairs(structure)
        assert len(joined) >= 4
        assert {sequence[i] + sequence[j] for i, j in joined} <= CANONICAL
        assert all(j - i > 3 for i, j in joined)
        assert re.search(MOTIFS[family], sequence)


def test_the_pseudoknot_is_one() -> None:
    for _, structure in simulate("pseudoknot", 5, np.random.default_rng(0)):
        first, last = structure.index("["), structure.rindex(")")
        assert structure.index("(") < first < last < structure.rindex("]")


@pytest.mark.parametrize(
    ("family", "hairpins"),
    [("three_way_junction", 2), ("cloverleaf", 3), ("six_way_junction", 5), ("haca_box", 2)],
)
def test_junctions_have_their_hairpins(family: str, hairpins: int) -> None:
    for _, structure in simulate(family, 5, np.random.default_rng(1)):
        assert len(re.findall(r"\(\.+\)", structure)) == hairpins


def test_the_same_state_gives_the_same_members() -> None:
    first, second = (simulate("cloverleaf", 3, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first != simulate("cloverleaf", 3, np.random.default_rng(8))


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean cloverleaf"):
        simulate("clover_leaf", 1, np.random.default_rng(0))


def test_the_data_set_is_what_the_task_declares(task: Task) -> None:
    dataset = load_dataset(task, simulated=True)
    assert dataset.simulated
    assert dataset.name == "nrc-simulated"
    assert {part: len(items) for part, items in dataset.parts.items()} == task.simulation.sizes
    for part, items in dataset.parts.items():
        assert [item.id for item in items] == [f"sim-{part}-{i:06d}" for i in range(len(items))]
        assert set(Counter(item.label for item in items).values()) == {len(items) // 13}
        for item in items:
            assert item.group.startswith(task.simulation.families[task.labels[item.label]])
        assert set(Counter(item.group for item in items).values()) == {10}
    everything = [item.sequence for items in dataset.parts.values() for item in items]
    assert len(set(everything)) == len(everything)


def test_the_bytes_are_the_same_on_every_platform(task: Task) -> None:
    small = replace(
        task, simulation=Simulation(task.simulation.families, {"train": 26, "test": 13})
    )
    assert simulated_dataset(small).fingerprint == GOLDEN
    assert simulated_dataset(small).parts["train"][0].sequence == FIRST


def test_sequences_of_one_length_are_the_middles_of_members(task: Task) -> None:
    families = task.simulation.families
    whole, cut = (
        simulated_dataset(replace(task, simulation=Simulation(families, {"test": 26}, length=n)))
        for n in (None, 21)
    )
    for member, middle in zip(whole.parts["test"], cut.parts["test"], strict=True):
        start = (len(member.sequence) - 21) // 2
        assert middle.sequence == member.sequence[start : start + 21]


def test_a_part_does_not_depend_on_the_others(task: Task) -> None:
    families = task.simulation.families
    alone = simulated_dataset(replace(task, simulation=Simulation(families, {"test": 20})))
    beside = Simulation(families, {"train": 40, "test": 20})
    together = simulated_dataset(replace(task, simulation=beside))
    assert alone.parts["test"] == together.parts["test"]


def test_every_split_can_be_made_of_it() -> None:
    task = load_task("ncrna_cls")
    dataset = load_dataset(task, simulated=True)
    split = make_split(task, dataset, "published")
    assert split.tests["full"] == split.tests["deduplicated"]
    assert 0 < len(split.tests["no_neighbour"]) < len(split.tests["full"])
    tested = Counter()
    for fold in task.splits["families"].folds.names:
        split = make_split(task, dataset, "families", fold=fold)
        parts = (split.train, split.validation, split.tests["deduplicated"])
        groups = [{item.group for item in part} for part in parts]
        assert len(set().union(*groups)) == sum(map(len, groups)) == 117
        tested.update(split.tests["deduplicated"])
    assert set(tested.values()) == {1}
    assert len(tested) == 1170


def test_lengths_tell_little_and_words_tell_much(task: Task) -> None:
    """Nearest class means: near chance (1/13) by length, far above it by 3-mers."""
    dataset = load_dataset(task, simulated=True)
    labels = {
        part: np.array([item.label for item in items]) for part, items in dataset.parts.items()
    }
    words = [a + b + c for a in "ACGU" for b in "ACGU" for c in "ACGU"]

    def lengths(part: str) -> np.ndarray:
        return np.array([[len(item.sequence)] for item in dataset.parts[part]], dtype=float)

    def counts(part: str) -> np.ndarray:
        return np.array(
            [[item.sequence.count(word) for word in words] for item in dataset.parts[part]]
        )

    def accuracy(features) -> float:
        train, test = features("train"), features("test")
        means = np.array([train[labels["train"] == c].mean(axis=0) for c in range(13)])
        nearest = ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        return float((nearest == labels["test"]).mean())

    assert accuracy(lengths) < 0.25
    assert accuracy(counts) > 0.4


class TestPairs:
    @staticmethod
    def drawn(problem: Problem, *labels: str) -> tuple[PairItem, ...]:
        task = replace(load_task("rri"), problem=problem, labels=labels)
        return simulated_dataset(task).parts["pairs"]

    def test_classes_take_turns_and_those_of_two_are_what_they_were(self) -> None:
        binary = self.drawn("binary", "none", "interaction")
        assert [item.label for item in binary[:4]] == [1, 0, 1, 0]
        text = "".join(item.line() for item in binary)
        assert hashlib.sha256(text.encode()).hexdigest()[:12] == "d122b91e4dff"
        three = self.drawn("multiclass", "none", "half", "whole")
        assert [item.label for item in three[:4]] == [1, 2, 0, 1]

    def test_labels_and_quantities_are_of_one_strength(self) -> None:
        quantities = self.drawn("regression", "strength", "weakness")
        labels = self.drawn("multilabel", "some", "much")
        for one, two in zip(quantities, labels, strict=True):
            assert (one.first, one.second) == (two.first, two.second)
            strength = one.label[0]  # type: ignore[index]
            assert one.label == (strength, pytest.approx((1 - strength) / 2, abs=1e-3))
            assert two.label == (strength > 1 / 3, strength > 2 / 3)
